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

/** The token of a sign-in link, taken out of the address so that it is not kept in the history. */
function tokenFromLink() {
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  if (token) history.replaceState(history.state, '', location.pathname + location.search);
  return token;
}

/** Finds out who is there. Throws what is wrong with a sign-in link. */
export async function begin() {
  const token = tokenFromLink();
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

/** @param {string} password */
export async function signIn(password) {
  await post('/v1/sessions', { password });
  // Whoever was here before may have seen more: begin anew.
  location.reload();
}

export async function signOut() {
  await call('DELETE', '/v1/sessions/current');
  location.assign('/');
}
