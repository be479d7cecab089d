// People on the floor: operators with their PINs, the phones and tablets that were added, and the owner's password.
import { all, call, get, post } from '../core/api.js';
import { now } from '../core/clock.js';
import { html, useEffect, useSignal } from '../core/html.js';
import { attempt, say } from '../core/notices.js';
import { can, me, servedBy } from '../core/session.js';
import { span, t, word } from '../core/words.js';
import { Badge, Button, Choice, Copyable, Field, formValues, SureButton } from '../parts/controls.js';
import { PermissionPicker, ticked } from '../parts/permissions.js';
import { Sheet } from '../parts/sheet.js';
import { tagsOf, wrongFields } from './printer_form.js';

const READ_MS = 5000;
const WAIT_MS = 1000;
const ROLES = ['admin', 'operator', 'part_manager', 'viewer'];

/** @typedef {{operator: Api.Operator | null} | {pin: Api.Operator} | 'device' | 'password' | null} Doing */

export function People() {
  const operators = useSignal(/** @type {Api.Operator[]} */ ([]));
  const devices = useSignal(/** @type {Api.Device[]} */ ([]));
  const doing = useSignal(/** @type {Doing} */ (null));
  const read = async () => { [operators.value, devices.value] = await Promise.all([all('/v1/operators'), all('/v1/devices')]); };
  useEffect(() => {
    attempt(t('people'), read);
    const timer = setInterval(() => { if (!document.hidden) read().catch(() => {}); }, READ_MS);
    return () => clearInterval(timer);
  }, []);
  const done = () => {
    doing.value = null;
    read().catch(() => {});
  };
  const now_ = doing.value;
  return html`<main class="page">
    <section class="keys-part">
      <div class="page-tools"><div><h2>${t('operators')}</h2><p class="dim">${t('operators_hint')}</p></div><span class="grow"></span>
        ${can('user.invite') ? html`<${Button} tone="main" icon="plus" label=${t('add_operator')} onClick=${() => { doing.value = { operator: null }; }} />` : null}</div>
      ${operators.value.length ? null : html`<p class="dim">${t('no_operators')}</p>`}
      <ul class="queue">${operators.value.map((one) => html`<${OperatorRow} key=${one.id} operator=${one} read=${read} onDo=${(/** @type {Doing} */ wanted) => { doing.value = wanted; }} />`)}</ul>
    </section>
    <section class="keys-part">
      <div class="page-tools"><div><h2>${t('devices')}</h2><p class="dim">${t('devices_hint')}</p></div><span class="grow"></span>
        ${can('user.invite') && servedBy.value === 'agent' ? html`<${Button} tone="main" icon="plus" label=${t('add_device')} onClick=${() => { doing.value = 'device'; }} />` : null}</div>
      ${devices.value.length ? null : html`<p class="dim">${t('no_devices')}</p>`}
      <ul class="queue">${devices.value.map((one) => html`<${DeviceRow} key=${one.id} device=${one} operators=${operators.value} read=${read} />`)}</ul>
    </section>
    ${servedBy.value === 'agent' && me.value?.actor.id === 'owner' ? html`<section class="keys-part">
      <div class="page-tools"><div><h2>${t('owner')}</h2><p class="dim">${t('owner_hint')}</p></div><span class="grow"></span>
        <${Button} icon="key" label=${t('set_password')} onClick=${() => { doing.value = 'password'; }} /></div></section>` : null}
    ${now_ === 'device' ? html`<${NewDevice} onClose=${done} />` : null}
    ${now_ === 'password' ? html`<${OwnerPassword} onClose=${done} />` : null}
    ${now_ && typeof now_ === 'object' && 'operator' in now_ ? html`<${OperatorForm} operator=${now_.operator} onClose=${done} />` : null}
    ${now_ && typeof now_ === 'object' && 'pin' in now_ ? html`<${PinForm} operator=${now_.pin} onClose=${done} />` : null}
  </main>`;
}

/** @param {{tags: Api.Scope}} held */
const where = ({ tags }) => (tags === 'all' ? '' : tags.only.join(', '));

/** @param {{operator: Api.Operator, read: () => Promise<void>, onDo: (wanted: Doing) => void}} props */
function OperatorRow({ operator, read, onDo }) {
  const path = `/v1/operators/${operator.id}`;
  /** @param {() => Promise<unknown>} deed */
  const tell = (deed) => attempt(operator.name, async () => {
    await deed();
    await read();
  });
  return html`<li class="row" data-item data-held=${operator.state === 'paused'}>
    <div class="row-main"><b class="break">${operator.name}</b><p class="row-facts">
      ${operator.pin === 'set' ? null : html`<${Badge} tone=${operator.pin === 'locked' ? 'alarm' : 'warn'} label=${word('pin', operator.pin)} /> `}
      ${operator.state === 'paused' ? html`<${Badge} tone="out" label=${t('key_paused')} /> ` : null}
      ${[operator.role ? word('role', operator.role) : '', operator.permissions?.length ? t('count_permissions', { count: operator.permissions.length }) : '', where(operator)].filter(Boolean).join(' · ')}</p></div>
    <div class="row-end">${can('user.edit') ? html`
      <${Button} quiet icon="key" label=${t('set_pin')} onClick=${() => onDo({ pin: operator })} />
      <${Button} quiet icon="gear" label=${t('change')} onClick=${() => onDo({ operator })} />
      ${operator.state === 'paused' ? html`<${Button} icon="play" label=${t('resume')} onClick=${() => tell(() => post(`${path}/resume`))} />` : html`<${Button} quiet icon="pause" label=${t('pause')} onClick=${() => tell(() => post(`${path}/pause`))} />`}` : null}
      ${can('user.remove') ? html`<${SureButton} quiet icon="trash" label=${t('remove')} sure=${t('remove_sure', { name: operator.name })} onClick=${() => tell(() => call('DELETE', path))} />` : null}
    </div></li>`;
}

/** @param {{device: Api.Device, operators: Api.Operator[], read: () => Promise<void>}} props */
function DeviceRow({ device, operators, read }) {
  const by = device.sponsor.id === 'owner' ? t('owner') : operators.find((one) => one.id === device.sponsor.id)?.name ?? '';
  const seen = device.last_seen_at ? t('last_seen', { span: span(Math.max(0, (now.value - Date.parse(device.last_seen_at)) / 1000)) }) : '';
  const remove = () => attempt(device.name, async () => {
    await call('DELETE', `/v1/devices/${device.id}`);
    await read();
  });
  return html`<li class="row" data-item data-held=${device.state === 'invited'}>
    <div class="row-main"><b class="break">${device.name}</b><p class="row-facts">
      ${device.state === 'invited' ? html`<${Badge} tone="warn" label=${t('device_invited')} /> ` : null}
      ${[device.role ? word('role', device.role) : '', where(device.grants), seen, by ? t('added_by', { name: by }) : ''].filter(Boolean).join(' · ')}</p></div>
    <div class="row-end">${can('user.remove') ? html`<${SureButton} quiet icon="trash" label=${t('remove')} sure=${t('remove_sure', { name: device.name })} onClick=${remove} />` : null}</div></li>`;
}

/**
 * A form that says at its fields what was wrong.
 * @param {(values: Record<string, string>, event: Event) => Promise<unknown>} deed
 * @param {string} subject
 */
function useForm(deed, subject) {
  const wrong = useSignal(/** @type {Record<string, string>} */ ({}));
  /** @param {Event} event */
  const submit = async (event) => {
    const values = formValues(event);
    wrong.value = {};
    await attempt(subject, async () => {
      try {
        await deed(values, event);
      } catch (error) {
        wrong.value = wrongFields(error);
        throw error;
      }
    });
  };
  return { wrong, submit };
}

const roles = () => ROLES.map((role) => ({ value: role, label: word('role', role) }));
const PinField = (/** @type {{wrong?: string, required?: boolean}} */ { wrong, required = false }) => html`<${Field} label=${t('pin')} name="pin" type="password" mode="numeric" autocomplete="new-password" required=${required} hint=${t('pin_hint')} wrong=${wrong} />`;

/** @param {{operator: Api.Operator | null, onClose: () => void}} props */
function OperatorForm({ operator, onClose }) {
  const title = operator ? operator.name : t('add_operator');
  const { wrong, submit } = useForm(async ({ name, role, tags, pin }, event) => {
    const permissions = ticked(event, 'permission');
    const body = { name, role: role ?? null, permissions, tags: tags ? tagsOf(tags) : null };
    const made = /** @type {Api.Operator} */ (operator ? await call('PATCH', `/v1/operators/${operator.id}`, { body }) : await post('/v1/operators', body));
    if (pin) await post(`/v1/operators/${made.id}/pin`, { pin });
    say(t(operator ? 'saved' : 'added', { name: made.name }));
    onClose();
  }, title);
  const role = useSignal(operator ? operator.role ?? '' : 'operator');
  return html`<${Sheet} title=${title} onClose=${onClose}><form class="form" onSubmit=${submit}>
    <${Field} label=${t('name')} name="name" value=${operator?.name ?? ''} required wrong=${wrong.value.name} />
    <${Choice} label=${t('role')} name="role" value=${role.value} options=${[...roles(), { value: '', label: t('no_role') }]} onPick=${(/** @type {string} */ value) => { role.value = value; }} />
    <${Field} label=${t('only_tags')} name="tags" value=${operator ? where(operator) : ''} hint=${t('only_tags_hint')} wrong=${wrong.value.tags} />
    ${operator ? null : html`<${PinField} wrong=${wrong.value.pin} />`}
    <${PermissionPicker} key=${role.value ? 'folded' : 'open'} label=${t(role.value ? 'permissions_beside' : 'permissions_single')} chosen=${operator?.permissions ?? []} open=${!role.value} wrong=${wrong.value.permissions} />
    <div class="form-end"><${Button} type="submit" tone="main" icon="check" label=${t(operator ? 'save' : 'add_it')} /></div>
  </form></${Sheet}>`;
}

/** @param {{operator: Api.Operator, onClose: () => void}} props */
function PinForm({ operator, onClose }) {
  const title = t('pin_of', { name: operator.name });
  const { wrong, submit } = useForm(async ({ pin = '' }) => {
    await post(`/v1/operators/${operator.id}/pin`, { pin });
    say(t('saved', { name: title }));
    onClose();
  }, title);
  return html`<${Sheet} title=${title} onClose=${onClose}><form class="form" onSubmit=${submit}>
    <${PinField} required wrong=${wrong.value.pin} /><p class="dim">${t('set_pin_hint')}</p>
    <div class="form-end"><${Button} type="submit" tone="main" icon="key" label=${t('set_pin')} /></div>
  </form></${Sheet}>`;
}

/** @param {{onClose: () => void}} props */
function OwnerPassword({ onClose }) {
  const { wrong, submit } = useForm(async ({ password = '' }) => {
    await post('/v1/settings/owner-password', { password });
    say(t('saved', { name: t('password') }));
    onClose();
  }, t('owner'));
  return html`<${Sheet} title=${t('set_password')} onClose=${onClose}><form class="form" onSubmit=${submit}>
    <${Field} label=${t('new_password')} name="password" type="password" autocomplete="new-password" required hint=${t('password_hint')} wrong=${wrong.value.password} />
    <div class="form-end"><${Button} type="submit" tone="main" icon="key" label=${t('set_password')} /></div>
  </form></${Sheet}>`;
}

/** @param {{onClose: () => void}} props */
function NewDevice({ onClose }) {
  const made = useSignal(/** @type {Api.InvitedDevice | null} */ (null));
  const { wrong, submit } = useForm(async ({ role, tags, page }) => {
    made.value = await post('/v1/devices', { role, page, ...(tags ? { tags: tagsOf(tags) } : {}) });
  }, t('add_device'));
  // No other machine reaches this one by such an address.
  const onlyHere = /^(localhost|127\.|\[::1\])/.test(location.host);
  if (made.value) return html`<${DeviceLink} made=${made.value} onClose=${onClose} />`;
  return html`<${Sheet} title=${t('add_device')} onClose=${onClose}><form class="form" onSubmit=${submit}>
    <${Choice} label=${t('role')} name="role" value="operator" options=${roles()} />
    <${Field} label=${t('only_tags')} name="tags" hint=${t('only_tags_hint')} wrong=${wrong.value.tags} />
    <${Field} label=${t('page_address')} name="page" type="url" value=${location.origin} required hint=${t(onlyHere ? 'page_address_only_here' : 'page_address_hint')} wrong=${wrong.value.page} mode="url" />
    <div class="form-end"><${Button} type="submit" tone="main" icon="key" label=${t('show_link')} /></div>
  </form></${Sheet}>`;
}

/** @param {{made: Api.InvitedDevice, onClose: () => void}} props */
function DeviceLink({ made, onClose }) {
  const name = useSignal('');
  useEffect(() => {
    const timer = setInterval(async () => {
      const device = /** @type {Api.Device | null} */ (await get(`/v1/devices/${made.device.id}`).catch(() => null));
      if (device?.state === 'active') name.value = device.name;
    }, WAIT_MS);
    return () => clearInterval(timer);
  }, []);
  const left = Math.max(0, (Date.parse(made.link_ends_at) - now.value) / 1000);
  if (name.value) {
    return html`<${Sheet} title=${t('add_device')} onClose=${onClose}><div class="form"><p class="banner" role="status">${t('added', { name: name.value })}</p>
      <div class="form-end"><${Button} tone="main" label=${t('close')} onClick=${onClose} /></div></div></${Sheet}>`;
  }
  return html`<${Sheet} title=${t('add_device')} onClose=${onClose}><div class="form">
    ${made.qr_svg ? html`<figure class="qr"><img src=${`data:image/svg+xml;base64,${btoa(made.qr_svg)}`} alt=${t('device_qr_alt')} width="240" height="240" /><figcaption class="dim">${t('device_qr_hint')}</figcaption></figure>` : null}
    <${Copyable} text=${made.link ?? made.token} />
    <p class="dim" role="timer">${t('link_left', { span: span(left) })}</p>
  </div></${Sheet}>`;
}
