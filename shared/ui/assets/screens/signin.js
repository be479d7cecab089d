// The door: a password, or a link with a one-time token that app.js has already tried.
import { html, useSignal } from '../core/html.js';
import { explain } from '../core/notices.js';
import { signIn } from '../core/session.js';
import { t } from '../core/words.js';
import { Button, Field, formValues } from '../parts/controls.js';
import { Mark } from '../parts/icon.js';

/** @param {{trouble: string}} props */
export function SignIn({ trouble }) {
  const wrong = useSignal(trouble);
  /** @param {Event} event */
  const submit = async (event) => {
    const { password = '' } = formValues(event);
    wrong.value = '';
    try { await signIn(password); } catch (error) { wrong.value = explain(error).detail; }
  };
  return html`<main class="door"><form onSubmit=${submit}>
    <${Mark} /><h1>${t('sign_in_title')}</h1>
    <${Field} label=${t('password')} name="password" type="password" autocomplete="current-password" required />
    ${wrong.value ? html`<p class="trouble" role="alert">${wrong.value}</p>` : null}
    <${Button} big tone="main" type="submit" label=${t('sign_in')} />
    <p class="hint">${t('sign_in_hint')}</p><p class="hint">${t('sign_in_hint_relay')}</p>
  </form></main>`;
}
