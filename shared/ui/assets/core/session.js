// Who uses the page and what they may do. What they may not do is not shown; the server refuses it all the same.
import { call, get, listener, post } from './api.js';
import { computed, signal } from './html.js';

/** @type {import('../vendor/signals-2.11.4.js').Signal<Api.Me | null | undefined>} `undefined` = not asked yet, `null` = nobody. */
export const me = signal(/** @type {Api.Me | null | undefined} */ (undefined));
const held = computed(() => new Set(me.value?.grants.permissions ?? []));

/** Which door the page came from. */
export const servedBy = signal(/** @type {'agent' | 'relay'} */ ('agent'));

/** @param {string} permission */
export const can = (permission) => held.value.has(permission);

listener.signedOut = () => { me.value = null; };

/** The token of the link by which this device is being added. */
export const enrolling = signal('');

/** The token of a link, taken out of the address so that it is not kept in the history. @param {string} name */
function tokenFromLink(name) {
  const token = new URLSearchParams(location.hash.slice(1)).get(name);
  if (token) history.replaceState(history.state, '', location.pathname + location.search);
  return token;
}

/** Finds out who is there. Throws what is wrong with a sign-in link. */
export async function begin() {
  const device = tokenFromLink('device');
  if (device) {
    enrolling.value = device;
    return;
  }
  const token = tokenFromLink('token');
  if (token) await post('/v1/sessions', { one_time_token: token });
  await recognise();
}

export async function recognise() {
  try {
    const who = /** @type {Api.Me} */ (await get('/v1/me'));
    servedBy.value = /** @type {Api.Version} */ (await get('/v1/system/version')).served_by;
    me.value = who;
  } catch (error) {
    if (me.peek() !== null) throw error;
  }
}

/** @param {{password: string} | {operator_id: string, pin: string}} proof */
export async function signIn(proof) {
  await post('/v1/sessions', proof);
  // Whoever was here before may have seen more: begin anew.
  location.reload();
}

/** Adds this device by its link. @param {string} token @param {string | undefined} name */
export async function enrol(token, name) {
  await post('/v1/sessions', { enrolment_token: token, device_name: name });
  location.assign('/');
}

export async function signOut() {
  await call('DELETE', '/v1/sessions/current');
  location.assign('/');
}
