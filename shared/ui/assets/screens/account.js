// One's own account at a relay: what one is called, what one signs in with, and where one is signed in.
import { call, get, post } from '../core/api.js';
import { html, useEffect, useSignal } from '../core/html.js';
import { attempt, say } from '../core/notices.js';
import { makePasskey, passkeysOf } from '../core/passkey.js';
import { moment, t, word } from '../core/words.js';
import { Button, Field, formValues, SureButton } from '../parts/controls.js';
import { wrongFields } from './printer_form.js';

export function Account() {
  const account = useSignal(/** @type {Api.OwnAccount | null} */ (null));
  const sessions = useSignal(/** @type {Api.Session[]} */ ([]));
  const host = useSignal(/** @type {string | undefined} */ (undefined));
  const read = () => attempt(t('my_account'), async () => {
    const [own, listed, ways] = await Promise.all([get('/v1/me/account'), get('/v1/me/sessions'), get('/v1/sessions/ways')]);
    [account.value, sessions.value, host.value] = [/** @type {any} */ (own), /** @type {any} */ (listed).items, /** @type {any} */ (ways).passkey_host];
  });
  useEffect(() => { read(); }, []);
  const own = account.value;
  if (!own) return html`<main class="page"></main>`;
  const bare = !own.has_password && !own.passkeys.length && !own.identities.length;
  return html`<main class="page">
    ${bare ? html`<p class="banner" data-tone="warn"><span>${t('account_bare')}</span></p>` : null}
    <section class="keys-part"><h2>${own.name}</h2><p class="dim">${[own.store_name, own.role ? word('role', own.role) : ''].filter(Boolean).join(' · ')}</p>
      <${Who} own=${own} read=${read} /></section>
    <section class="keys-part"><h2>${t('password')}</h2><${Password} own=${own} read=${read} /></section>
    <section class="keys-part"><h2>${t('passkeys')}</h2><p class="dim">${t(passkeysOf(host.value) ? 'passkeys_hint' : 'passkeys_not_here', { host: host.value ?? '' })}</p>
      <ul class="queue">${own.passkeys.map((one) => html`<li class="row" key=${one.id}><div class="row-main"><b class="break">${one.name}</b><p class="row-facts">${[moment(one.created_at), one.used_at ? t('last_used', { time: moment(one.used_at) }) : ''].filter(Boolean).join(' · ')}</p></div>
        <div class="row-end"><${SureButton} quiet icon="trash" label=${t('remove')} sure=${t('remove_sure', { name: one.name })} onClick=${() => attempt(one.name, async () => { await call('DELETE', `/v1/passkeys/${one.id}`); await read(); })} /></div></li>`)}</ul>
      ${passkeysOf(host.value) ? html`<${NewPasskey} own=${own} read=${read} />` : null}</section>
    <section class="keys-part"><div class="page-tools"><h2>${t('sessions')}</h2><span class="grow"></span>
        ${sessions.value.length > 1 ? html`<${SureButton} icon="leave" label=${t('end_others')} sure=${t('end_others_sure')} onClick=${() => attempt(t('sessions'), async () => { await post('/v1/me/sessions/end-others'); await read(); })} />` : null}</div>
      <ul class="queue">${sessions.value.map((one) => html`<li class="row" key=${one.id}><div class="row-main"><b class="break">${one.user_agent ?? t('a_browser')}</b><p class="row-facts">${t('since', { time: moment(one.created_at) })}</p></div></li>`)}</ul></section>
  </main>`;
}

/** @param {{own: Api.OwnAccount, read: () => Promise<unknown>}} props */
function Who({ own, read }) {
  const wrong = useSignal(/** @type {Record<string, string>} */ ({}));
  /** @param {Event} event */
  const submit = async (event) => {
    const { name, email, current } = formValues(event);
    await attempt(own.name, async () => {
      try {
        await call('PATCH', '/v1/me/account', { body: { name, ...(email && email !== own.email ? { email } : {}), ...(current ? { current_password: current } : {}) } });
      } catch (error) {
        wrong.value = wrongFields(error);
        throw error;
      }
      say(t('saved', { name: name ?? own.name }));
      await read();
    });
  };
  return html`<form class="form" onSubmit=${submit}>
    <${Field} label=${t('name')} name="name" value=${own.name} required autocomplete="name" wrong=${wrong.value.name} />
    <${Field} label=${t('email')} name="email" type="email" value=${own.email ?? ''} autocomplete="email" wrong=${wrong.value.email} />
    ${own.has_password ? html`<${Field} label=${t('current_password')} name="current" type="password" autocomplete="current-password" hint=${t('current_password_hint')} />` : null}
    <${Button} type="submit" label=${t('save')} /></form>`;
}

/** @param {{own: Api.OwnAccount, read: () => Promise<unknown>}} props */
function Password({ own, read }) {
  const wrong = useSignal(/** @type {Record<string, string>} */ ({}));
  /** @param {Event} event */
  const submit = async (event) => {
    const form = /** @type {HTMLFormElement} */ (event.currentTarget);
    const { password = '', current } = formValues(event);
    await attempt(t('password'), async () => {
      try {
        await post('/v1/me/password', { password, ...(current ? { current_password: current } : {}) });
      } catch (error) {
        wrong.value = wrongFields(error);
        throw error;
      }
      wrong.value = {};
      form.reset();
      say(t('password_set'));
      await read();
    });
  };
  return html`<form class="form" onSubmit=${submit}>
    <input class="unseen" type="text" name="user" autocomplete="username" value=${own.email ?? ''} readonly tabindex="-1" aria-hidden="true" />
    ${own.has_password ? html`<${Field} label=${t('current_password')} name="current" type="password" autocomplete="current-password" hint=${t('current_password_hint')} />` : null}
    <${Field} label=${t('new_password')} name="password" type="password" autocomplete="new-password" required hint=${t('new_password_hint')} wrong=${wrong.value.password} />
    <${Button} type="submit" label=${t('set_password')} /></form>`;
}

/** @param {{own: Api.OwnAccount, read: () => Promise<unknown>}} props */
function NewPasskey({ own, read }) {
  /** @param {Event} event */
  const submit = async (event) => {
    const form = /** @type {HTMLFormElement} */ (event.currentTarget);
    const { name = '', current } = formValues(event);
    await attempt(name, async () => {
      await makePasskey(name, current);
      form.reset();
      await read();
    });
  };
  return html`<form class="form" onSubmit=${submit}>
    <${Field} label=${t('passkey_name')} name="name" required hint=${t('passkey_name_hint')} />
    ${own.has_password ? html`<${Field} label=${t('current_password')} name="current" type="password" autocomplete="current-password" hint=${t('current_password_hint')} />` : null}
    <${Button} icon="plus" type="submit" label=${t('add_passkey')} /></form>`;
}
