// The door of a relay: an e-mail address and a password, a passkey, or an identity provider; and which store, for who belongs to several.
import { Refusal } from '../core/api.js';
import { html, useSignal } from '../core/html.js';
import { explain } from '../core/notices.js';
import { passkeysOf, provePasskey } from '../core/passkey.js';
import { comeIn, goToProvider } from '../core/session.js';
import { t } from '../core/words.js';
import { Button, Field, formValues } from '../parts/controls.js';
import { Mark } from '../parts/icon.js';


/** @param {{ways: Api.WaysIn, trouble: string, chooses?: {provider: string, error: unknown} | null}} props */
export function RelayDoor({ ways, trouble, chooses }) {
  const wrong = useSignal(trouble);
  /** The stores that one of several must be chosen of, and how to go on with it. */
  const stores = useSignal(chooses ? storesOf(chooses.error) : []);
  /** @type {{value: (store: string) => Promise<unknown>}} */
  const again = useSignal((/** @type {string} */ store) => goToProvider(chooses?.provider ?? '', store));
  /** @param {(store?: string) => Promise<unknown>} way */
  const tried = async (way) => {
    wrong.value = '';
    try {
      await way();
    } catch (error) {
      stores.value = storesOf(error);
      again.value = (store) => tried(() => way(store));
      if (!stores.value.length) wrong.value = explain(error).detail;
    }
  };
  /** @param {Event} event */
  const submit = (event) => {
    const { email = '', password = '' } = formValues(event);
    return tried((store) => comeIn({ email, password, ...(store ? { store_id: store } : {}) }));
  };
  const passkey = () => tried(async () => comeIn({ passkey: await provePasskey() }));
  if (stores.value.length) {
    return html`<main class="door"><div class="door-card">
      <${Mark} /><h1>${t('which_store')}</h1>
      <ul class="door-people">${stores.value.map((store) => html`<li key=${store.id}><${Button} big label=${store.name} onClick=${() => again.value(store.id)} /></li>`)}</ul>
      <${Button} quiet icon="undo" label=${t('back')} onClick=${() => { stores.value = []; }} />
    </div></main>`;
  }
  return html`<main class="door"><form onSubmit=${submit}>
    <${Mark} /><h1>${t('sign_in_relay')}</h1>
    <${Field} label=${t('email')} name="email" type="email" autocomplete="username" required />
    <${Field} label=${t('password')} name="password" type="password" autocomplete="current-password" required />
    ${wrong.value ? html`<p class="trouble" role="alert">${wrong.value}</p>` : null}
    <${Button} big tone="main" type="submit" label=${t('sign_in')} />
    ${passkeysOf(ways.passkey_host) ? html`<${Button} icon="key" label=${t('use_passkey')} onClick=${passkey} />` : null}
    ${ways.providers.map((one) => html`<${Button} key=${one.id} label=${t('sign_in_with', { name: one.name })} onClick=${() => tried(() => goToProvider(one.id))} />`)}
    <p class="hint">${t('sign_in_hint_relay')}</p>
  </form></main>`;
}

/** @param {unknown} error */
function storesOf(error) {
  if (!(error instanceof Refusal) || error.problem.code !== 'store_required') return [];
  return (error.problem.errors ?? []).map(({ detail }) => ({ id: detail.slice(0, detail.indexOf(' ')), name: detail.slice(detail.indexOf(' ') + 1) }));
}
