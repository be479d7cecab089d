// Calls the public API: the same doors that an integrator has. Turns every refusal into a `Refusal` that carries the problem
// document, and tells the session when nobody is signed in any more. Must not know what is shown.
import { learnServerTime } from './clock.js';

/** Where somebody proves who they are: a wrong password or PIN there is no sign that they are signed out. */
const PROVES = /^(\w+ \/v1\/sessions|(POST|PATCH) \/v1\/(me\/|passkeys))/;

/** A call that did not work, with the problem document that says why. */
export class Refusal extends Error {
  /** @param {Api.Problem} problem */
  constructor(problem) {
    super(problem.detail ?? problem.title);
    this.problem = problem;
  }
}

/** The field that a pointer means: of one of a list, the list. @param {string} pointer */
export const fieldOf = (pointer) => pointer.split('/').filter((part) => !/^\d*$/.test(part)).pop() ?? '';

/**
 * What others want to hear: that nobody is signed in any more; how fresh the copy of a relay is; that something waits for a farm.
 * @type {{signedOut: () => void, copied: (asOf: string, farm: string | null) => void, waits: () => void}}
 */
export const listener = { signedOut: () => {}, copied: () => {}, waits: () => {} };

/** A key that makes a repeated POST harmless. `randomUUID` does not exist on plain http. */
export function idempotencyKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** @param {string} path @param {Record<string, string | number | undefined>} [query] */
export function address(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  return given.length ? `${path}?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}` : path;
}

/** @param {string} text @param {number} status @returns {Api.Problem} */
function problemFrom(text, status) {
  try {
    const problem = JSON.parse(text);
    if (problem && typeof problem.title === 'string') return problem;
  } catch { /* not a problem document: something between us and the server answered */ }
  return { title: `HTTP ${status}`, status, code: 'no_problem_document' };
}

/**
 * @template T
 * @param {string} method
 * @param {string} path
 * @param {{body?: unknown, query?: Record<string, string | number | undefined>}} [options]
 * @returns {Promise<T>}
 */
export async function call(method, path, { body, query } = {}) {
  /** @type {Record<string, string>} */
  const headers = { Accept: 'application/json' };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (method === 'POST') headers['Idempotency-Key'] = idempotencyKey();
  /** @type {Response} */
  let answer;
  try {
    answer = await fetch(address(path, query), { method, headers, body: body === undefined ? undefined : JSON.stringify(body), credentials: 'same-origin' });
  } catch {
    throw new Refusal({ title: 'unreachable', status: 0, code: 'unreachable' });
  }
  learnServerTime(answer.headers.get('Date'));
  const asOf = answer.headers.get('Gantry-As-Of');
  if (asOf) listener.copied(asOf, answer.headers.get('Gantry-Farm'));
  const text = await answer.text();
  if (answer.ok) {
    const said = text ? JSON.parse(text) : {};
    if (answer.status === 202 && waits(said)) listener.waits();
    return /** @type {T} */ (said);
  }
  if (answer.status === 401 && !PROVES.test(`${method} ${path}`)) listener.signedOut();
  throw new Refusal(problemFrom(text, answer.status));
}

/** Whether a relay took it in for a farm that is away; the command of an act at a printer names a verb instead. @param {any} said */
const waits = (said) => Boolean(said?.command?.operation);

/** @template T @param {string} path @param {Record<string, string | number | undefined>} [query] @returns {Promise<T>} */
export const get = (path, query) => call('GET', path, { query });
/** @template T @param {string} path @param {unknown} [body] @returns {Promise<T>} */
export const post = (path, body) => call('POST', path, { body });

/**
 * Every page of a list, in order.
 * @template T
 * @param {string} path
 * @param {Record<string, string | number | undefined>} [query]
 * @param {(page: T[]) => void} [arrived] Told of each page, so that the first can be shown at once.
 */
export async function all(path, query = {}, arrived = () => {}) {
  /** @type {T[]} */
  const items = [];
  /** @type {string | undefined} */
  let cursor;
  do {
    /** @type {Api.Page<T>} */
    const page = await get(path, { limit: 200, ...query, cursor });
    items.push(...page.items);
    arrived(page.items);
    cursor = page.next_cursor;
  } while (cursor);
  return items;
}

/**
 * Uploads a file. `fetch` cannot tell how far an upload is.
 * @param {File} file
 * @param {(share: number) => void} progress
 * @returns {Promise<Api.File>}
 */
export function upload(file, progress) {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open('POST', '/v1/files');
    request.setRequestHeader('Idempotency-Key', idempotencyKey());
    request.upload.onprogress = (event) => progress(event.lengthComputable ? event.loaded / event.total : 0);
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) {
        const said = JSON.parse(request.responseText);
        if (waits(said)) listener.waits();
        done(said);
      } else failed(new Refusal(problemFrom(request.responseText, request.status)));
      if (request.status === 401) listener.signedOut();
    };
    request.onerror = () => failed(new Refusal({ title: 'unreachable', status: 0, code: 'unreachable' }));
    const form = new FormData();
    form.append('file', file, file.name);
    request.send(form);
  });
}
