// Roles: the built-in ones and what they open, and those of the store's own, made of what their maker holds.
import { call, post } from '../core/api.js';
import { html, useEffect, useSignal } from '../core/html.js';
import { attempt, say } from '../core/notices.js';
import { can } from '../core/session.js';
import { t, word } from '../core/words.js';
import { Button, Field, formValues, SureButton } from '../parts/controls.js';
import { PermissionNames, PermissionPicker, permissions, readPermissions, ticked } from '../parts/permissions.js';
import { Sheet } from '../parts/sheet.js';
import { wrongFields } from './printer_form.js';

const BUILT_IN = ['store_owner', 'admin', 'operator', 'part_manager', 'viewer'];

/** @param {{roles: Api.OwnRole[], users: Api.User[], read: () => Promise<unknown>}} props */
export function Roles({ roles, users, read }) {
  const editing = useSignal(/** @type {Api.OwnRole | 'new' | null} */ (null));
  useEffect(() => { attempt(t('roles'), readPermissions); }, []);
  const done = () => {
    editing.value = null;
    read();
  };
  const holders = (/** @type {string} */ role) => users.filter((one) => one.role === role).map((one) => one.name);
  return html`<section class="keys-part">
    <div class="page-tools"><div><h2>${t('roles')}</h2><p class="dim">${t('roles_hint')}</p></div><span class="grow"></span>
      ${can('role.manage') ? html`<${Button} tone="main" icon="plus" label=${t('new_role')} onClick=${() => { editing.value = 'new'; }} />` : null}</div>
    ${roles.length ? null : html`<p class="dim">${t('no_roles')}</p>`}
    <ul class="queue">${roles.map((role) => html`<${RoleRow} key=${role.id} name=${role.name} opens=${role.permissions} holders=${holders(role.id)}>${can('role.manage') ? html`
        <${Button} quiet icon="gear" label=${t('change')} onClick=${() => { editing.value = role; }} />
        <${SureButton} quiet icon="trash" label=${t('remove')} sure=${t('remove_sure', { name: role.name })} onClick=${() => attempt(role.name, async () => { await call('DELETE', `/v1/roles/${role.id}`); done(); })} />` : null}</${RoleRow}>`)}</ul>
  </section>
  <section class="keys-part"><h2>${t('roles_built_in')}</h2><p class="dim">${t('roles_built_in_hint')}</p>
    <ul class="queue">${BUILT_IN.map((role) => html`<${RoleRow} key=${role} name=${word('role', role)} opens=${role === 'store_owner' ? permissions.value.map((one) => one.name) : permissions.value.filter((one) => one.roles.includes(role)).map((one) => one.name)} holders=${holders(role)} />`)}</ul>
    ${editing.value ? html`<${RoleForm} role=${editing.value === 'new' ? null : editing.value} onClose=${done} />` : null}
  </section>`;
}

/** @param {{name: string, opens: string[], holders: string[], children?: import('../vendor/preact-11.2.0.js').Child}} props */
function RoleRow({ name, opens, holders, children }) {
  return html`<li class="row" data-item><div class="row-main"><b class="break">${name}</b><p class="row-facts">${holders.length ? t('role_holders', { names: holders.join(', ') }) : t('role_no_holders')}</p>
      <details class="fold"><summary>${t('count_permissions', { count: opens.length })}</summary><${PermissionNames} names=${opens} /></details></div>
    <div class="row-end">${children}</div></li>`;
}

/** @param {{role: Api.OwnRole | null, onClose: () => void}} props */
function RoleForm({ role, onClose }) {
  const wrong = useSignal(/** @type {Record<string, string>} */ ({}));
  /** @param {Event} event */
  const submit = async (event) => {
    const { name = '' } = formValues(event);
    const body = { name, permissions: ticked(event, 'permission') };
    wrong.value = {};
    await attempt(name, async () => {
      try {
        await (role ? call('PATCH', `/v1/roles/${role.id}`, { body }) : post('/v1/roles', body));
      } catch (error) {
        wrong.value = wrongFields(error);
        throw error;
      }
      say(t(role ? 'saved' : 'added', { name }));
      onClose();
    });
  };
  return html`<${Sheet} title=${role ? role.name : t('new_role')} onClose=${onClose}><form class="form" onSubmit=${submit}>
    <${Field} label=${t('name')} name="name" value=${role?.name ?? ''} required wrong=${wrong.value.name} />
    <${PermissionPicker} label=${t('role_opens')} chosen=${role?.permissions ?? []} open wrong=${wrong.value.permissions} person />
    <${Button} big tone="main" type="submit" label=${t('save')} /></form></${Sheet}>`;
}
