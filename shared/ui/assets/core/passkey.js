// Passkeys: between the API's calls and the browser's own. Knows how the two write what is binary; nothing of what is shown.
import { post, Refusal } from './api.js';

/** @param {string} text base64url @returns {Uint8Array<ArrayBuffer>} */
const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (letter) => letter.charCodeAt(0));
/** @param {ArrayBuffer} buffer */
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');

/** Whether this page can use passkeys of that host: browsers allow them over TLS and on `localhost`, for the host's own name. @param {string | undefined} host */
export const passkeysOf = (host) => Boolean(host) && 'PublicKeyCredential' in window && isSecureContext && location.hostname === host;

/** @template T @param {() => Promise<T | null>} ask @returns {Promise<T>} */
async function asked(ask) {
  try {
    const answer = await ask();
    if (answer) return answer;
  } catch { /* the person said no, or the browser has none: it does not tell which */ }
  throw new Refusal({ title: 'no_passkey', status: 0, code: 'no_passkey' });
}

/** @param {string} name @param {string | undefined} password The present one, if it is needed. */
export async function makePasskey(name, password) {
  const { ceremony, options } = /** @type {Api.PasskeyAsked} */ (await post('/v1/passkeys/begin', password ? { current_password: password } : {}));
  const { challenge, user, excludeCredentials = [], ...rest } = options.publicKey;
  const publicKey = { ...rest, challenge: bytes(challenge), user: { ...user, id: bytes(user.id) }, excludeCredentials: excludeCredentials.map((/** @type {any} */ one) => ({ ...one, id: bytes(one.id) })) };
  const made = /** @type {any} */ (await asked(() => navigator.credentials.create({ publicKey })));
  await post('/v1/passkeys', { ceremony, name, credential_id: made.id, client_data: text(made.response.clientDataJSON), attestation: text(made.response.attestationObject) });
}

/** What `POST /v1/sessions` takes as `passkey`. */
export async function provePasskey() {
  const { ceremony, options } = /** @type {Api.PasskeyAsked} */ (await post('/v1/sessions/passkey'));
  const { challenge, allowCredentials: _, ...rest } = options.publicKey;
  const proof = /** @type {any} */ (await asked(() => navigator.credentials.get({ publicKey: { ...rest, challenge: bytes(challenge) } })));
  const { clientDataJSON, authenticatorData, signature } = proof.response;
  return { ceremony, credential_id: proof.id, client_data: text(clientDataJSON), authenticator_data: text(authenticatorData), signature: text(signature) };
}
