// The door: who works here taps their name and types a PIN; the owner has a password, or a link with a one-time token that app.js has
// already tried. A phone or tablet that is being added gives itself a name.
import { get } from '../core/api.js';
import { html, useEffect, useSignal } from '../core/html.js';
import { explain } from '../core/notices.js';
import { chooses, enrol, signIn } from '../core/session.js';
import { t } from '../core/words.js';
import { Button, Field, formValues } from '../parts/controls.js';
import { Mark } from '../parts/icon.js';
import { RelayDoor } from './relay_door.js';

const DIGITS = ['1', '2', '3', '4', '5', '6', '7', '8', '9'];
/** The digits that a PIN has: fewer need not be sent. */
const SHORTEST = 6;
const LONGEST = 12;

/** @param {{trouble: string}} props */
export function SignIn({ trouble }) {
  const people = useSignal(/** @type {Api.AtTheDoor[] | null} */ (null));
  const who = useSignal(/** @type {Api.AtTheDoor | 'owner' | null} */ (null));
  const ways = useSignal(/** @type {Api.WaysIn | null} */ (null));
  useEffect(() => {
    Promise.all([get('/v1/sessions/ways'), get('/v1/sessions/operators')])
      .then(([told, listed]) => { [ways.value, people.value] = [/** @type {any} */ (told), /** @type {any} */ (listed).items]; })
      .catch(() => { people.value = []; });
  }, []);
  if (!people.value) return html`<main class="door"></main>`;
  if (ways.value?.served_by === 'relay') return html`<${RelayDoor} ways=${ways.value} trouble=${trouble} chooses=${chooses.value} />`;
  const back = people.value.length ? () => { who.value = null; } : undefined;
  if (who.value === 'owner' || !back) return html`<${Password} trouble=${trouble} back=${back} />`;
  if (who.value) return html`<${Pin} person=${who.value} back=${back} />`;
  return html`<main class="door"><div class="door-card">
    <${Mark} /><h1>${t('sign_in_title')}</h1>
    ${trouble ? html`<p class="trouble" role="alert">${trouble}</p>` : null}
    <ul class="door-people" aria-label=${t('who_are_you')}>${people.value.map((person) => html`<li key=${person.id}><${Button} big label=${person.name} onClick=${() => { who.value = person; }} /></li>`)}</ul>
    <${Button} quiet icon="key" label=${t('owner')} onClick=${() => { who.value = 'owner'; }} />
  </div></main>`;
}

/** @param {{trouble: string, back?: () => void}} props */
function Password({ trouble, back }) {
  const wrong = useSignal(trouble);
  /** @param {Event} event */
  const submit = async (event) => {
    const { password = '' } = formValues(event);
    wrong.value = '';
    try { await signIn({ password }); } catch (error) { wrong.value = explain(error).detail; }
  };
  return html`<main class="door"><form onSubmit=${submit}>
    <${Mark} /><h1>${t('sign_in_title')}</h1>
    <${Field} label=${t('password')} name="password" type="password" autocomplete="current-password" required />
    ${wrong.value ? html`<p class="trouble" role="alert">${wrong.value}</p>` : null}
    <${Button} big tone="main" type="submit" label=${t('sign_in')} />
    ${back ? html`<${Button} quiet icon="undo" label=${t('back')} onClick=${back} />` : null}
    <p class="hint">${t('sign_in_hint')}</p>
  </form></main>`;
}

/** Keys as large as a gloved finger wants them; a keyboard types into the field. @param {{person: Api.AtTheDoor, back: () => void}} props */
function Pin({ person, back }) {
  const pin = useSignal('');
  const wrong = useSignal('');
  /** @param {string} digits */
  const type = (digits) => { pin.value = digits.replace(/\D/g, '').slice(0, LONGEST); };
  /** @param {Event} [event] */
  const submit = async (event) => {
    event?.preventDefault();
    if (pin.peek().length < SHORTEST) return;
    wrong.value = '';
    try {
      await signIn({ operator_id: person.id, pin: pin.peek() });
    } catch (error) {
      wrong.value = explain(error).detail;
      pin.value = '';
    }
  };
  return html`<main class="door"><form onSubmit=${submit} autocomplete="off">
    <h1>${person.name}</h1>
    <input class="pin" type="password" inputmode="numeric" autocomplete="off" aria-label=${t('pin_of', { name: person.name })} value=${pin.value} onInput=${(/** @type {any} */ event) => type(event.currentTarget.value)} />
    ${wrong.value ? html`<p class="trouble" role="alert">${wrong.value}</p>` : null}
    <div class="pin-pad">
      ${DIGITS.map((digit) => html`<${Button} key=${digit} label=${digit} onClick=${() => type(pin.peek() + digit)} />`)}
      <${Button} icon="undo" bare label=${t('delete_digit')} onClick=${() => type(pin.peek().slice(0, -1))} />
      <${Button} label="0" onClick=${() => type(`${pin.peek()}0`)} />
      <${Button} tone="main" icon="check" bare type="submit" label=${t('sign_in')} disabled=${pin.value.length < SHORTEST} />
    </div>
    <${Button} quiet label=${t('somebody_else')} onClick=${back} />
  </form></main>`;
}

/** @param {{token: string}} props */
export function AddThisDevice({ token }) {
  const wrong = useSignal('');
  /** @param {Event} event */
  const submit = async (event) => {
    const { device_name } = formValues(event);
    wrong.value = '';
    try { await enrol(token, device_name); } catch (error) { wrong.value = explain(error).detail; }
  };
  const kind = /iPhone|iPad|Android/.exec(navigator.userAgent)?.[0] ?? '';
  return html`<main class="door"><form onSubmit=${submit}>
    <${Mark} /><h1>${t('add_this_device')}</h1>
    <${Field} label=${t('device_name')} name="device_name" value=${kind} required hint=${t('device_name_hint')} />
    ${wrong.value ? html`<p class="trouble" role="alert">${wrong.value}</p>` : null}
    <${Button} big tone="main" type="submit" label=${t('add_it')} />
  </form></main>`;
}
