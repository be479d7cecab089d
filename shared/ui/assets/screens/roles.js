// Roles of a store's own: what each opens, of what one holds oneself.
import { call, get, post } from '../core/api.js';
import { html, useEffect, useSignal } from '../core/html.js';
import { attempt } from '../core/notices.js';
import { can } from '../core/session.js';
import { t } from '../core/words.js';
import { Button, Field, formValues, SureButton } from '../parts/controls.js';
import { Sheet } from '../parts/sheet.js';
import { wrongFields } from './printer_form.js';

/** @param {{roles: Api.OwnRole[], read: () => Promise<unknown>}} props */
export function Roles({ roles, read }) {
  const editing = useSignal(/** @type {Api.OwnRole | 'new' | null} */ (null));
  const done = () => {
    editing.value = null;
    read();
  };
  return html`<section class="keys-part">
    <div class="page-tools"><div><h2>${t('roles')}</h2><p class="dim">${t('roles_hint')}</p></div><span class="grow"></span>
      ${can('role.manage') ? html`<${Button} icon="plus" label=${t('new_role')} onClick=${() => { editing.value = 'new'; }} />` : null}</div>
    ${roles.length ? null : html`<p class="dim">${t('no_roles')}</p>`}
    <ul class="queue">${roles.map((role) => html`<li class="row" data-item key=${role.id}><div class="row-main"><b class="break">${role.name}</b><p class="row-facts">${t('count_permissions', { count: role.permissions.length })}</p></div>
      <div class="row-end">${can('role.manage') ? html`<${Button} quiet icon="gear" label=${t('change')} onClick=${() => { editing.value = role; }} />
        <${SureButton} quiet icon="trash" label=${t('remove')} sure=${t('remove_sure', { name: role.name })} onClick=${() => attempt(role.name, async () => { await call('DELETE', `/v1/roles/${role.id}`); done(); })} />` : null}</div></li>`)}</ul>
    ${editing.value ? html`<${RoleForm} role=${editing.value === 'new' ? null : editing.value} onClose=${done} />` : null}
  </section>`;
}

/** @param {{role: Api.OwnRole | null, onClose: () => void}} props */
function RoleForm({ role, onClose }) {
  const wrong = useSignal(/** @type {Record<string, string>} */ ({}));
  const known = useSignal(/** @type {{name: string, text: string}[]} */ ([]));
  useEffect(() => { attempt(t('roles'), async () => { known.value = /** @type {any} */ (await get('/v1/permissions')).items; }); }, []);
  const mine = known.value.filter((one) => can(one.name));
  const nouns = [...new Set(mine.map((one) => one.name.split('.')[0] ?? ''))];
  /** @param {Event} event */
  const submit = async (event) => {
    const form = /** @type {HTMLFormElement} */ (event.currentTarget);
    const { name = '' } = formValues(event);
    const permissions = [...form.querySelectorAll('input[name=permission]')].filter((one) => /** @type {HTMLInputElement} */ (one).checked).map((one) => /** @type {HTMLInputElement} */ (one).value);
    await attempt(name, async () => {
      try {
        await (role ? call('PATCH', `/v1/roles/${role.id}`, { body: { name, permissions } }) : post('/v1/roles', { name, permissions }));
      } catch (error) {
        wrong.value = wrongFields(error);
        throw error;
      }
      onClose();
    });
  };
  return html`<${Sheet} title=${role ? role.name : t('new_role')} onClose=${onClose}><form class="form" onSubmit=${submit}>
    <${Field} label=${t('name')} name="name" value=${role?.name ?? ''} required wrong=${wrong.value.name} />
    ${nouns.map((noun) => html`<fieldset class="checks" key=${noun}><legend>${noun.replace(/_/g, ' ')}</legend>${mine.filter((one) => one.name.startsWith(`${noun}.`)).map((one) => html`<label key=${one.name}><input type="checkbox" name="permission" value=${one.name} defaultChecked=${role?.permissions.includes(one.name)} /> ${one.text}</label>`)}</fieldset>`)}
    ${wrong.value.permissions ? html`<p class="trouble" role="alert">${wrong.value.permissions}</p>` : null}
    <${Button} big tone="main" type="submit" label=${t('save')} /></form></${Sheet}>`;
}
