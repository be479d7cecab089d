// What differs between a record before and after, field by field, as people read it. A function of values.

/** @typedef {{field: string, before: unknown, after: unknown, added?: string[], gone?: string[]}} Difference */

/** @param {Record<string, unknown>} before @param {Record<string, unknown>} after @returns {Difference[]} */
export function differences(before, after) {
  const [old, fresh] = [leaves(before), leaves(after)];
  return [...new Set([...old.keys(), ...fresh.keys()])].map((field) => {
    const [was, is] = [old.get(field), fresh.get(field)];
    if (!words(was) || !words(is)) return { field, before: was, after: is };
    return { field, before: was, after: is, added: is.filter((one) => !was.includes(one)), gone: was.filter((one) => !is.includes(one)) };
  });
}

/** The values of a document with the ways to them, such as `grants.permissions`. @param {Record<string, unknown>} document @returns {Map<string, unknown>} */
export function leaves(document) {
  /** @type {Map<string, unknown>} */
  const found = new Map();
  for (const [name, value] of Object.entries(document)) {
    if (value && typeof value === 'object' && !Array.isArray(value)) {
      for (const [rest, leaf] of leaves(/** @type {Record<string, unknown>} */ (value))) found.set(`${name}.${rest}`, leaf);
    } else found.set(name, value);
  }
  return found;
}

/** A list of words, of which only what came and went is told. @param {unknown} value @returns {value is string[]} */
const words = (value) => Array.isArray(value) && value.every((one) => typeof one === 'string');
