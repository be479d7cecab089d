// One's own page at a farm: an operator changes their PIN, with the one that is set now.
import { get, post } from '../core/api.js';
import { html, useEffect, useSignal } from '../core/html.js';
import { attempt, say } from '../core/notices.js';
import { me } from '../core/session.js';
import { moment, t } from '../core/words.js';
import { Button, Field, formValues, SureButton } from '../parts/controls.js';
import { wrongFields } from './printer_form.js';

export function OwnPin() {
  const sessions = useSignal(/** @type {Api.Session[]} */ ([]));
  const wrong = useSignal(/** @type {Record<string, string>} */ ({}));
  const read = () => attempt(t('sessions'), async () => { sessions.value = /** @type {{items: Api.Session[]}} */ (await get('/v1/me/sessions')).items; });
  useEffect(() => { read(); }, []);
  /** @param {Event} event */
  const submit = async (event) => {
    const form = /** @type {HTMLFormElement} */ (event.currentTarget);
    const { current = '', pin = '' } = formValues(event);
    wrong.value = {};
    await attempt(t('pin'), async () => {
      try {
        await post('/v1/me/pin', { current_pin: current, pin });
      } catch (error) {
        wrong.value = wrongFields(error);
        throw error;
      }
      form.reset();
      say(t('pin_changed'));
      await read();
    });
  };
  const isOperator = me.value?.actor.kind === 'floor' && me.value.actor.id !== 'owner';
  return html`<main class="page">
    <section class="keys-part"><h2>${me.value?.name ?? t('owner')}</h2>
      ${isOperator ? html`<form class="form" onSubmit=${submit}>
        <${Field} label=${t('current_pin')} name="current" type="password" mode="numeric" autocomplete="current-password" required wrong=${wrong.value.current_pin} />
        <${Field} label=${t('new_pin')} name="pin" type="password" mode="numeric" autocomplete="new-password" required hint=${t('pin_hint')} wrong=${wrong.value.pin} />
        <p class="dim">${t('pin_change_hint')}</p>
        <div class="form-end"><${Button} type="submit" tone="main" icon="key" label=${t('change_pin')} /></div></form>` : null}</section>
    <section class="keys-part"><div class="page-tools"><h2>${t('sessions')}</h2><span class="grow"></span>
        ${sessions.value.length > 1 ? html`<${SureButton} icon="leave" label=${t('end_others')} sure=${t('end_others_sure')} onClick=${() => attempt(t('sessions'), async () => { await post('/v1/me/sessions/end-others'); await read(); })} />` : null}</div>
      <ul class="queue">${sessions.value.map((one) => html`<li class="row" key=${one.id}><div class="row-main"><b class="break">${one.user_agent ?? t('a_browser')}</b><p class="row-facts">${t('since', { time: moment(one.created_at) })}</p></div></li>`)}</ul></section>
  </main>`;
}
