// Who is who: what the people, devices and keys are called that entries, keys and jobs name by their ids. Asked for when a screen that
// needs it opens; whoever may not see some of them reads their ids.
import { get } from './api.js';
import { farms, jobs, machines } from './farm.js';
import { signal } from './html.js';
import { can, servedBy } from './session.js';
import { t, word } from './words.js';

/** @typedef {{id: string, kind: string, name: string}} Known */
export const known = signal(/** @type {Map<string, Known>} */ (new Map()));

const LISTS = [['user', '/v1/users', 'user.view'], ['floor', '/v1/operators', 'user.view'], ['device', '/v1/devices', 'user.view'], ['api_key', '/v1/api_keys', 'api_key.view'], ['slicer', '/v1/slicer_keys', 'api_key.view'], ['role', '/v1/roles', 'role.view']];
/** What only a relay has, and kinds that are no actors. */
const AT_RELAYS = ['user', 'role'];

export async function readNames() {
  const asked = LISTS.filter(([kind, , needs]) => can(needs ?? '') && (!AT_RELAYS.includes(kind ?? '') || servedBy.peek() === 'relay'));
  const lists = await Promise.all(asked.map(async ([kind = '', path = '']) => {
    // A list that this door does not have leaves ids, which is no reason to show nothing.
    const page = /** @type {Api.Page<{id: string, name: string}>} */ (await get(path, { limit: 200 }).catch(() => ({ items: [] })));
    return page.items.map(({ id, name }) => ({ id, kind, name }));
  }));
  known.value = new Map(lists.flat().map((one) => [one.id, one]));
}

/** @param {Api.Actor} actor */
export function actorName(actor) {
  if (actor.kind === 'floor' && actor.id === 'owner') return t('owner');
  if (actor.id === 'anonymous') return t('anonymous');
  if (actor.kind === 'farm') return farms.value.find((one) => one.id === actor.id)?.name ?? t('farm');
  if (actor.kind === 'relay') return t('relay');
  return known.value.get(actor.id)?.name ?? `${word('actor', actor.kind)} ${actor.id}`;
}

/** What a thing is called, as far as that is known here. @param {string} id */
export const thingName = (id) => known.value.get(id)?.name ?? machines.value.get(id)?.doc.value.name ?? jobs.get(id)?.value.name ?? farms.value.find((one) => one.id === id)?.name ?? id;

/** The id of what is called so, or what was typed, if that is an id or nothing that is known. @param {string} text */
export function idOf(text) {
  const plain = text.trim().toLowerCase();
  const called = (/** @type {string} */ name) => name.toLowerCase() === plain;
  const thing = [...known.value.values()].find((one) => called(one.name)) ?? [...machines.value.values()].find((one) => called(one.doc.value.name)) ?? farms.value.find((one) => called(one.name));
  return thing?.id ?? text.trim();
}
