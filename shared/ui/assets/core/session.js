// Who uses the page and what they may do. What they may not do is not shown; the server refuses it all the same.
import { call, get, listener, post, Refusal } from './api.js';
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
  if (await cameBack()) return;
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

/** What waits for a person who went to an identity provider. It stays in this tab: a link from elsewhere finds none. */
const WENT = 'went_to_provider';
/** Who came back and belongs to several stores: which one is to be asked. @type {import('../vendor/signals-2.11.4.js').Signal<{provider: string, error: unknown} | null>} */
export const chooses = signal(/** @type {{provider: string, error: unknown} | null} */ (null));

/** @param {string} provider @param {string} [store] */
export async function goToProvider(provider, store) {
  const { ceremony, url } = /** @type {{ceremony: string, url: string}} */ (await post('/v1/sessions/provider', { provider, page: location.origin }));
  sessionStorage.setItem(WENT, JSON.stringify({ ceremony, provider, store }));
  location.assign(url);
}

/** Signs in whom a provider has sent back; says whether it did. */
async function cameBack() {
  if (location.pathname !== '/sign-in') return false;
  const query = new URLSearchParams(location.search);
  const [code, state, went] = [query.get('code'), query.get('state'), sessionStorage.getItem(WENT)];
  sessionStorage.removeItem(WENT);
  history.replaceState(null, '', '/');
  if (!code || !state || !went) return false;
  const { ceremony, provider, store } = JSON.parse(went);
  try {
    await post('/v1/sessions', { provider: { ceremony, code, state }, ...(store ? { store_id: store } : {}) });
  } catch (error) {
    if (error instanceof Refusal && error.problem.code === 'store_required') {
      chooses.value = { provider, error };
      return false;
    }
    throw error;
  }
  location.replace('/');
  return true;
}

/** Signs in at a relay. @param {object} proof */
export async function comeIn(proof) {
  await post('/v1/sessions', proof);
  location.reload();
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
