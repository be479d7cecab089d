// The people of a store, at its relay: who they are, what they hold, and what becomes of what they leave behind.
import { all, call, post, Refusal } from '../core/api.js';
import { farms } from '../core/farm.js';
import { html, useEffect, useSignal } from '../core/html.js';
import { attempt, say } from '../core/notices.js';
import { can } from '../core/session.js';
import { t, word } from '../core/words.js';
import { Badge, Button, Choice, Copyable, Field, formValues, SureButton } from '../parts/controls.js';
import { PermissionPicker, ticked } from '../parts/permissions.js';
import { Sheet } from '../parts/sheet.js';
import { tagsOf, wrongFields } from './printer_form.js';
import { Roles } from './roles.js';

const ROLES = ['store_owner', 'admin', 'operator', 'part_manager', 'viewer'];
const TONES = /** @type {Record<string, string>} */ ({ active: 'calm', invited: 'warn', suspended: 'out' });

/** @typedef {{form: Api.User | null} | {link: Api.InvitedUser} | {leaving: Api.User, things: {id: string, what: string}[]} | null} Doing */

/** @param {{tab: string}} props */
export function Users({ tab }) {
  const users = useSignal(/** @type {Api.User[]} */ ([]));
  const roles = useSignal(/** @type {Api.OwnRole[]} */ ([]));
  const doing = useSignal(/** @type {Doing} */ (null));
  const read = () => attempt(t('users'), async () => {
    [users.value, roles.value] = await Promise.all([all('/v1/users'), can('role.view') ? all('/v1/roles') : []]);
  });
  useEffect(() => { read(); }, []);
  const done = () => {
    doing.value = null;
    read();
  };
  const now = doing.value;
  const tabs = /** @type {const} */ ([['people', '/people', 'users'], ['roles', '/people/roles', 'tab_roles']]);
  return html`<main class="page">
    ${can('role.view') ? html`<nav class="tabs" aria-label=${t('nav_people')}>${tabs.map(([name, path, key]) => html`<a key=${name} href=${path} aria-current=${tab === name ? 'page' : undefined}>${t(key)}</a>`)}</nav>` : null}
    ${tab === 'roles' ? html`<${Roles} roles=${roles.value} users=${users.value} read=${read} />` : html`<section class="keys-part">
      <div class="page-tools"><div><h2>${t('users')}</h2><p class="dim">${t('users_hint')}</p></div><span class="grow"></span>
        ${can('user.invite') ? html`<${Button} tone="main" icon="plus" label=${t('invite')} onClick=${() => { doing.value = { form: null }; }} />` : null}</div>
      <ul class="queue">${users.value.map((one) => html`<${UserRow} key=${one.id} user=${one} roles=${roles.value} done=${done} onDo=${(/** @type {Doing} */ wanted) => { doing.value = wanted; }} />`)}</ul>
    </section>`}
    ${now && 'form' in now ? html`<${UserForm} user=${now.form} roles=${roles.value} onClose=${done} onLink=${(/** @type {Api.InvitedUser} */ link) => { doing.value = { link }; read(); }} />` : null}
    ${now && 'link' in now ? html`<${LinkShown} invited=${now.link} onClose=${done} />` : null}
    ${now && 'leaving' in now ? html`<${Leaving} user=${now.leaving} things=${now.things} users=${users.value} onClose=${done} />` : null}
  </main>`;
}

/** @param {string | undefined} role @param {Api.OwnRole[]} roles */
const roleName = (role, roles) => (role ? roles.find((one) => one.id === role)?.name ?? word('role', role) : '');
/** @param {Api.Scope} scope */
const only = (scope) => (scope === 'all' ? [] : scope.only);

/** @param {{user: Api.User, roles: Api.OwnRole[], done: () => void, onDo: (wanted: Doing) => void}} props */
function UserRow({ user, roles, done, onDo }) {
  /** @param {string} verb */
  const tell = (verb) => attempt(user.name, async () => {
    await post(`/v1/users/${user.id}/${verb}`);
    done();
  });
  const link = () => attempt(user.name, async () => onDo({ link: await post(`/v1/users/${user.id}/renew-invite`) }));
  const remove = () => attempt(user.name, async () => {
    try {
      await post(`/v1/users/${user.id}/remove`, {});
      done();
    } catch (error) {
      if (!(error instanceof Refusal) || error.problem.code !== 'decision_required') throw error;
      onDo({ leaving: user, things: (error.problem.errors ?? []).map((one) => ({ id: one.pointer.slice('/things/'.length), what: one.detail })) });
    }
  });
  const single = user.permissions?.length ?? 0;
  return html`<li class="row" data-item data-held=${user.state === 'suspended'}>
    <div class="row-main"><b class="break">${user.name}</b><p class="row-facts"><${Badge} tone=${TONES[user.state] ?? 'warn'} label=${word('user', user.state)} /> ${[user.email ?? '', roleName(user.role, roles), single ? t('count_permissions', { count: single }) : '', only(user.tags).join(', ')].filter(Boolean).join(' · ')}</p></div>
    <div class="row-end">
      ${can('user.edit') ? html`<${Button} quiet icon="gear" label=${t('change')} onClick=${() => onDo({ form: user })} />` : null}
      ${can('user.invite') && user.state !== 'suspended' ? html`<${Button} quiet icon="key" label=${t('new_link')} onClick=${link} />` : null}
      ${can('user.edit') && user.state === 'active' ? html`<${SureButton} quiet icon="pause" label=${t('suspend')} sure=${t('suspend_sure', { name: user.name })} onClick=${() => tell('suspend')} />` : null}
      ${can('user.edit') && user.state === 'suspended' ? html`<${Button} icon="play" label=${t('reinstate')} onClick=${() => tell('reinstate')} />` : null}
      ${can('user.remove') ? html`<${SureButton} quiet icon="trash" label=${t('remove')} sure=${t('remove_sure', { name: user.name })} onClick=${remove} />` : null}
    </div></li>`;
}

/** @param {{user: Api.User | null, roles: Api.OwnRole[], onClose: () => void, onLink: (link: Api.InvitedUser) => void}} props */
function UserForm({ user, roles, onClose, onLink }) {
  const wrong = useSignal(/** @type {Record<string, string>} */ ({}));
  /** @param {Event} event */
  const submit = async (event) => {
    const { name = '', email, role, tags } = formValues(event);
    const picked = ticked(event, 'farm');
    const body = { name, email, role: role ?? null, permissions: ticked(event, 'permission'), tags: tags ? tagsOf(tags) : null, farms: picked.length ? picked : null };
    wrong.value = {};
    await attempt(name, async () => {
      try {
        if (!user) {
          onLink(await post('/v1/users', body));
          return;
        }
        await call('PATCH', `/v1/users/${user.id}`, { body });
      } catch (error) {
        wrong.value = wrongFields(error);
        throw error;
      }
      say(t('saved', { name }));
      onClose();
    });
  };
  const own = roles.map((one) => ({ value: one.id, label: one.name }));
  const built = ROLES.filter((one) => one !== 'store_owner' || can('store.delete')).map((value) => ({ value, label: word('role', value) }));
  const role = useSignal(user ? user.role ?? '' : 'operator');
  const at = user ? only(user.farms) : [];
  return html`<${Sheet} title=${user ? user.name : t('invite_somebody')} onClose=${onClose}><form class="form" onSubmit=${submit}>
    <${Field} label=${t('name')} name="name" value=${user?.name ?? ''} required wrong=${wrong.value.name} />
    <${Field} label=${t('email')} name="email" type="email" value=${user?.email ?? ''} required=${!user} wrong=${wrong.value.email} hint=${t('email_hint')} />
    <${Choice} label=${t('role')} name="role" value=${role.value} options=${[...built, ...own, { value: '', label: t('no_role') }]} onPick=${(/** @type {string} */ value) => { role.value = value; }} />
    <${Field} label=${t('only_tags')} name="tags" value=${user ? only(user.tags).join(' ') : ''} hint=${t('only_tags_hint')} wrong=${wrong.value.tags} />
    ${farms.value.length > 1 ? html`<fieldset class="checks"><legend>${t('only_farms')}</legend>${farms.value.map((one) => html`<label key=${one.id}><input type="checkbox" name="farm" value=${one.id} defaultChecked=${at.includes(one.id)} /> ${one.name}</label>`)}</fieldset>` : null}
    <${PermissionPicker} key=${role.value ? 'folded' : 'open'} label=${t(role.value ? 'permissions_beside' : 'permissions_single')} chosen=${user?.permissions ?? []} open=${!role.value} wrong=${wrong.value.permissions} person />
    <${Button} big tone="main" type="submit" label=${t(user ? 'save' : 'invite')} /></form></${Sheet}>`;
}

/** @param {{invited: Api.InvitedUser, onClose: () => void}} props */
function LinkShown({ invited, onClose }) {
  return html`<${Sheet} title=${t('link_for', { name: invited.user.name })} onClose=${onClose}>
    <p>${t(invited.user.state === 'invited' ? 'invite_link_hint' : 'new_link_hint')}</p>
    <${Copyable} text=${`${location.origin}/account#token=${invited.token}`} />
    <${Button} big tone="main" label=${t('kept_it')} onClick=${onClose} /></${Sheet}>`;
}

/** What becomes of each thing that hangs on somebody. @param {{user: Api.User, things: {id: string, what: string}[], users: Api.User[], onClose: () => void}} props */
function Leaving({ user, things, users, onClose }) {
  const others = users.filter((one) => one.id !== user.id && one.state === 'active');
  const options = [{ value: 'keep', label: t('fate_keep') }, { value: 'revoke', label: t('fate_revoke') }, ...others.map((one) => ({ value: one.id, label: t('fate_hand_over', { name: one.name }) }))];
  /** @param {Event} event */
  const submit = (event) => {
    const decided = formValues(event);
    const fates = Object.fromEntries(things.map(({ id }) => [id, ['keep', 'revoke'].includes(decided[id] ?? '') ? { action: decided[id] } : { action: 'hand_over', to: decided[id] }]));
    return attempt(user.name, async () => {
      await post(`/v1/users/${user.id}/remove`, { things: fates });
      onClose();
    });
  };
  return html`<${Sheet} title=${t('leaving', { name: user.name })} onClose=${onClose}><form class="form" onSubmit=${submit}>
    <p>${t('leaving_hint', { name: user.name })}</p>
    ${things.map((one) => html`<${Choice} key=${one.id} label=${one.what} name=${one.id} value="keep" options=${options} />`)}
    <${Button} big tone="danger" type="submit" label=${t('remove_sure', { name: user.name })} /></form></${Sheet}>`;
}
