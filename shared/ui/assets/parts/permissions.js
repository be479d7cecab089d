// Single permissions, ticked one by one: those that the reader holds, for nobody gives what they lack. Folded while nobody needs them.
import { get } from '../core/api.js';
import { html, signal, useEffect } from '../core/html.js';
import { attempt } from '../core/notices.js';
import { can } from '../core/session.js';
import { t, word } from '../core/words.js';

/** What only a person of the store may hold. */
const PERSONS = 'store.delete';

export const permissions = signal(/** @type {Api.PermissionInfo[]} */ ([]));

/** Asks once which there are. */
export async function readPermissions() {
  if (permissions.peek().length) return;
  permissions.value = /** @type {{items: Api.PermissionInfo[]}} */ (await get('/v1/permissions')).items;
}

/** @param {{chosen: string[], label: string, open?: boolean, wrong?: string, person?: boolean}} props */
export function PermissionPicker({ chosen, label, open = false, wrong, person = false }) {
  useEffect(() => { attempt(label, readPermissions); }, []);
  const mine = permissions.value.filter((one) => (can(one.name) && (person || one.name !== PERSONS)) || chosen.includes(one.name));
  const nouns = [...new Set(mine.map((one) => one.name.split('.')[0] ?? ''))];
  return html`<details class="fold" open=${open || Boolean(wrong)}><summary>${label}${chosen.length ? html` <b>${chosen.length}</b>` : null}</summary>
    ${nouns.map((noun) => html`<fieldset class="checks" key=${noun}><legend>${word('kind', noun)}</legend>${mine.filter((one) => one.name.startsWith(`${noun}.`)).map((one) => html`<label key=${one.name}><input type="checkbox" name="permission" value=${one.name} defaultChecked=${chosen.includes(one.name)} /> <span>${one.text}<small>${one.name}</small></span></label>`)}</fieldset>`)}
    ${wrong ? html`<p class="trouble" role="alert">${wrong}</p>` : null}</details>`;
}

/** What is ticked in a form under a name. @param {Event} event @param {string} name */
export const ticked = (event, name) => [.../** @type {HTMLFormElement} */ (event.currentTarget).querySelectorAll(`input[name=${name}]`)].map((one) => /** @type {HTMLInputElement} */ (one)).filter((one) => one.checked).map((one) => one.value);

/** The names of permissions, each a word that can be read through. @param {{names: string[], gone?: boolean}} props */
export const PermissionNames = ({ names, gone = false }) => html`<p class="tags">${names.map((name) => html`<code class="tag" key=${name} data-gone=${gone}>${name}</code>`)}</p>`;
