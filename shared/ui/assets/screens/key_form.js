// The forms of keys: a new one, from a preset or as one likes, with a first call that works; and what is changed of one later.
import { call, get, post } from '../core/api.js';
import { farms, machines, pools } from '../core/farm.js';
import { html, useEffect, useSignal } from '../core/html.js';
import { attempt, say } from '../core/notices.js';
import { t, word } from '../core/words.js';
import { Button, Choice, Copyable, Field, formValues } from '../parts/controls.js';
import { PermissionPicker, ticked } from '../parts/permissions.js';
import { tagsOf, wrongFields } from './printer_form.js';

const ROLES = ['admin', 'operator', 'part_manager', 'viewer'];
const DAY_SECONDS = 86_400;

/** @param {Api.Scope | undefined} scope */
export const only = (scope) => (!scope || scope === 'all' ? [] : scope.only);

/** A day of the reader's calendar, to its end. @param {string | undefined} day */
const endOf = (day) => (day ? new Date(`${day}T23:59:59`).toISOString() : null);
/** @param {string | undefined} time */
const dayOf = (time) => (time ? new Date(Date.parse(time) - new Date(time).getTimezoneOffset() * 60_000).toISOString().slice(0, 10) : '');

/** Makes a key, or changes the one that is given. @param {{before?: Api.Key, roles: Api.OwnRole[], onClose: () => void, onSaved?: (fresh: Api.Key) => void}} props */
export function KeyForm({ before, roles, onClose, onSaved }) {
  const made = useSignal(/** @type {Api.CreatedKey | null} */ (null));
  const presets = useSignal(/** @type {Api.Preset[]} */ ([]));
  const purpose = useSignal(before ? (before.role ? `role ${before.role}` : '') : 'preset dashboard');
  const wrong = useSignal(/** @type {Record<string, string>} */ ({}));
  useEffect(() => { if (!before) attempt(t('presets'), async () => { presets.value = /** @type {{items: Api.Preset[]}} */ (await get('/v1/api_key_presets')).items; }); }, []);
  /** @param {Event} event */
  const submit = async (event) => {
    const { name = '', opens, tags, networks, expires, limit, burst } = formValues(event);
    const [way, what] = purpose.peek().split(' ');
    const [at, single] = [ticked(event, 'farm'), ticked(event, 'permission')];
    const common = { name, permissions: single, tags: tags ? tagsOf(tags) : null, farms: at.length ? at : null, allowed_networks: (networks ?? '').split(/[\s,]+/).filter(Boolean), rate_limit: limit || burst ? { per_minute: Number(limit ?? 600), burst: Number(burst ?? 100) } : null, expires_at: expires === dayOf(before?.expires_at) ? before?.expires_at ?? null : endOf(expires) };
    wrong.value = {};
    await attempt(name, async () => {
      try {
        if (before) {
          const fresh = /** @type {Api.Key} */ (await call('PATCH', `/v1/api_keys/${before.id}`, { body: { ...common, role: way === 'role' ? what : null } }));
          say(t('saved', { name }));
          onSaved?.(fresh);
        } else made.value = await post('/v1/api_keys', { ...common, ...(opens === 'test' ? { test: true } : {}), ...(way ? { [way]: what } : {}) });
      } catch (error) {
        wrong.value = wrongFields(error);
        throw error;
      }
    });
  };
  if (made.value) return html`<${Shown} made=${made.value} onClose=${onClose} />`;
  const preset = presets.value.find((one) => purpose.value === `preset ${one.preset}`);
  const days = preset?.ends_after_seconds ? preset.ends_after_seconds / DAY_SECONDS : 0;
  const options = [...presets.value.map((one) => ({ value: `preset ${one.preset}`, label: word('preset', one.preset) })), ...ROLES.map((role) => ({ value: `role ${role}`, label: t('role_named', { name: word('role', role) }) })), ...roles.map((one) => ({ value: `role ${one.id}`, label: t('role_named', { name: one.name }) })), { value: '', label: t('no_role') }];
  return html`<form class="form" onSubmit=${submit}>
    <${Field} label=${t('name')} name="name" value=${before?.name ?? ''} required hint=${t('key_name_hint')} wrong=${wrong.value.name} />
    <${Choice} label=${t(before ? 'role' : 'key_purpose')} name="purpose" value=${purpose.value} options=${options} onPick=${(/** @type {string} */ value) => { purpose.value = value; }} hint=${preset ? word('about', preset.preset) : undefined} />
    ${before ? null : html`<${Choice} label=${t('key_opens')} name="opens" value="live" hint=${t('key_opens_hint')} options=${[{ value: 'live', label: t('key_opens_live') }, { value: 'test', label: t('key_opens_test') }]} />`}
    <${Field} label=${t('only_tags')} name="tags" value=${only(before?.grants?.tags).join(' ')} hint=${t('only_tags_hint')} wrong=${wrong.value.tags} />
    ${farms.value.length > 1 ? html`<fieldset class="checks"><legend>${t('only_farms')}</legend>${farms.value.map((one) => html`<label key=${one.id}><input type="checkbox" name="farm" value=${one.id} defaultChecked=${only(before?.grants?.farms).includes(one.id)} /> ${one.name}</label>`)}</fieldset>` : null}
    <${Field} label=${t('networks')} name="networks" value=${before?.allowed_networks?.join(' ') ?? ''} placeholder="192.168.1.0/24" hint=${t('networks_hint')} wrong=${wrong.value.allowed_networks} />
    <${Field} label=${t('expires_on')} name="expires" type="date" value=${dayOf(before?.expires_at)} hint=${days ? t('preset_ends', { days }) : t('expires_hint')} wrong=${wrong.value.expires_at} />
    <fieldset><legend>${t('key_limit')}</legend><div class="two"><${Field} label=${t('per_minute')} name="limit" type="number" min="1" max="60000" value=${before?.rate_limit?.per_minute ?? ''} placeholder="600" wrong=${wrong.value.per_minute} /><${Field} label=${t('at_once')} name="burst" type="number" min="1" max="10000" value=${before?.rate_limit?.burst ?? ''} placeholder="100" wrong=${wrong.value.burst} /></div><small>${t('key_limit_hint')}</small></fieldset>
    <${PermissionPicker} key=${purpose.value ? 'folded' : 'open'} label=${t(purpose.value ? 'permissions_beside' : 'permissions_single')} chosen=${before?.permissions ?? []} open=${!purpose.value} wrong=${wrong.value.permissions} />
    <div class="form-end">${before ? html`<${Button} label=${t('back')} onClick=${onClose} />` : null}<${Button} type="submit" tone="main" icon=${before ? 'check' : 'key'} label=${t(before ? 'save' : 'make_key')} /></div>
  </form>`;
}

/** A key that was just made or rolled: the only time that it is seen. @param {{made: Api.CreatedKey, slicer?: boolean, onClose: () => void, children?: import('../vendor/preact-11.2.0.js').Child}} props */
export function Shown({ made, slicer = false, onClose, children }) {
  return html`<div class="form"><p class="banner" data-tone="warn">${t('shown_once')}</p><label>${t('key_itself')}</label><${Copyable} text=${made.secret} />
    ${made.curl ? html`<label>${t('first_call')}</label><${Copyable} text=${made.curl} long /><p class="dim">${t('first_call_hint')}</p>` : null}
    ${slicer ? html`<label>${t('slicer_host')}</label><${Copyable} text=${location.origin} /><p class="dim">${t('slicer_host_hint')}</p>` : null}
    ${children}<div class="form-end"><${Button} tone="main" label=${t('kept_it')} onClick=${onClose} /></div></div>`;
}

/** @param {{onClose: () => void}} props */
export function SlicerForm({ onClose }) {
  const made = useSignal(/** @type {Api.CreatedKey | null} */ (null));
  const wrong = useSignal(/** @type {Record<string, string>} */ ({}));
  /** @param {Event} event */
  const submit = async (event) => {
    const { name = '', target = '' } = formValues(event);
    const [where, id] = target.split(' ');
    await attempt(name, async () => {
      try {
        made.value = await post('/v1/slicer_keys', { name, ...(where === 'pool' ? { pool_id: id } : {}), ...(where === 'printer' ? { printer_id: id } : {}) });
      } catch (error) {
        wrong.value = wrongFields(error);
        throw error;
      }
    });
  };
  if (made.value) return html`<${Shown} made=${made.value} slicer onClose=${onClose} />`;
  const targets = [{ value: '', label: t('any_printer') }, ...pools.value.map((one) => ({ value: `pool ${one.id}`, label: t('pool_named', { name: one.name }) })), ...[...machines.value.values()].map((one) => ({ value: `printer ${one.id}`, label: one.doc.value.name }))];
  return html`<form class="form" onSubmit=${submit}>
    <${Field} label=${t('name')} name="name" required hint=${t('slicer_name_hint')} wrong=${wrong.value.name} />
    <${Choice} label=${t('where')} name="target" value="" options=${targets} />
    <div class="form-end"><${Button} type="submit" tone="main" icon="key" label=${t('make_key')} /></div></form>`;
}
