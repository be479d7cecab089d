// One key: what it is, what it holds and why that is less than it was given, what it made, and all that can be done to it.
import { post } from '../core/api.js';
import { farms, nameOf, pools } from '../core/farm.js';
import { html, useEffect, useSignal } from '../core/html.js';
import { actorName, known, thingName } from '../core/names.js';
import { attempt, say } from '../core/notices.js';
import { can, servedBy } from '../core/session.js';
import { moment, number, t, word } from '../core/words.js';
import { Badge, Button, Choice, formValues, SureButton } from '../parts/controls.js';
import { PermissionNames, permissions, readPermissions } from '../parts/permissions.js';
import { Sheet } from '../parts/sheet.js';
import { KeyForm, only, Shown } from './key_form.js';
import { KeyMade } from './key_made.js';
import { KeyUsage } from './key_usage.js';

const HOUR = 3600;

/** What of what a key was given it does not hold now. @param {Api.Key} key @returns {{nothing: boolean, names: string[]}} */
export function heldBack({ grants, holds }) {
  const given = grants?.permissions ?? [];
  return { nothing: given.length > 0 && !holds, names: holds ? given.filter((one) => !holds.permissions.includes(one)) : given };
}

/** @param {Api.Key} key */
export const ends = (key) => (!key.expires_at ? '' : Date.parse(key.expires_at) < Date.now() ? t('expired', { time: moment(key.expires_at) }) : t('expires', { time: moment(key.expires_at) }));

/** @param {{kind: 'api_keys' | 'slicer_keys', shown: Api.Key, roles: Api.OwnRole[], changeable: boolean, take: (fresh: Api.Key) => void, onClose: () => void}} props */
export function KeySheet({ kind, shown, roles, changeable, take, onClose }) {
  const doing = useSignal(/** @type {'edit' | 'roll' | 'hand_over' | null} */ (null));
  const back = () => { doing.value = null; };
  const [path, program] = [`/v1/${kind}/${shown.id}`, kind === 'api_keys'];
  /** @param {string} verb @param {unknown} [body] */
  const tell = (verb, body) => attempt(shown.name, async () => take(await post(`${path}/${verb}`, body)));
  const may = changeable && can('api_key.edit') && shown.state !== 'revoked';
  if (doing.value === 'edit') return html`<${Sheet} title=${shown.name} onClose=${onClose}><${KeyForm} before=${shown} roles=${roles} onClose=${back} onSaved=${(/** @type {Api.Key} */ fresh) => { take(fresh); back(); }} /></${Sheet}>`;
  if (doing.value === 'roll') return html`<${Sheet} title=${t('roll_title', { name: shown.name })} onClose=${onClose}><${Roll} kind=${kind} shown=${shown} take=${take} onClose=${back} /></${Sheet}>`;
  if (doing.value === 'hand_over') return html`<${Sheet} title=${t('hand_over_title', { name: shown.name })} onClose=${onClose}><${HandOver} shown=${shown} take=${take} onClose=${back} /></${Sheet}>`;
  const rolling = shown.old_secret_until && Date.parse(shown.old_secret_until) > Date.now();
  return html`<${Sheet} title=${shown.name} onClose=${onClose}>
    <p><${Badge} tone=${shown.state === 'active' ? 'calm' : shown.state === 'paused' ? 'warn' : 'out'} label=${word('key', shown.state)} /> <code>${shown.hint}…</code></p>
    <div class="actions">
      ${may && program ? html`<${Button} icon="gear" label=${t('change')} onClick=${() => { doing.value = 'edit'; }} />` : null}
      ${may && shown.state === 'active' ? html`<${Button} icon="pause" label=${t('pause')} onClick=${() => tell('pause')} />` : null}
      ${may && shown.state === 'paused' ? html`<${Button} tone="main" icon="play" label=${t('resume')} onClick=${() => tell('resume')} />` : null}
      ${may ? html`<${Button} icon="retry" label=${t('roll')} onClick=${() => { doing.value = 'roll'; }} />` : null}
      ${may && rolling ? html`<${SureButton} icon="stop" label=${t('end_roll')} sure=${t('end_roll_sure')} onClick=${() => tell('end-roll')} />` : null}
      ${may && program && servedBy.value === 'relay' && can('user.view') ? html`<${Button} icon="people" label=${t('hand_over')} onClick=${() => { doing.value = 'hand_over'; }} />` : null}
      ${changeable && can('api_key.revoke') && shown.state !== 'revoked' ? html`<${SureButton} tone="alarm" icon="ban" label=${t('revoke')} sure=${t('revoke_sure', { name: shown.name })} onClick=${() => tell('revoke')} />` : null}
    </div>
    <${Facts} shown=${shown} roles=${roles} />
    ${program ? html`<${Holds} shown=${shown} roles=${roles} /><${KeyUsage} shown=${shown} /><${KeyMade} shown=${shown} />` : null}
  </${Sheet}>`;
}

/** @param {{shown: Api.Key, roles: Api.OwnRole[]}} props */
function Facts({ shown, roles }) {
  const limit = shown.rate_limit;
  const facts = /** @type {[string, string][]} */ ([
    [t('sponsor'), actorName(shown.sponsor)], [t('role'), roleName(shown.role, roles)], [t('made'), moment(shown.created_at)], [t('ends'), ends(shown)],
    [t('old_secret'), shown.old_secret_until ? t('old_until', { time: moment(shown.old_secret_until) }) : ''],
    [t('networks_short'), shown.allowed_networks?.join(', ') ?? ''], [t('tags'), only(shown.grants?.tags).join(', ')], [t('farms'), only(shown.grants?.farms).map(farmName).join(', ')],
    [t('key_limit'), limit ? t('limit_is', { minute: number(limit.per_minute), burst: number(limit.burst) }) : ''],
    [t('where'), nameOf(shown.printer_id) || (pools.value.find((one) => one.id === shown.pool_id)?.name ?? '')],
  ]);
  return html`<dl class="facts">${facts.filter(([, value]) => value).map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd class="break">${value}</dd></div>`)}</dl>`;
}

/** @param {string} id */
const farmName = (id) => farms.value.find((one) => one.id === id)?.name ?? id;
/** @param {string | undefined} role @param {Api.OwnRole[]} roles */
const roleName = (role, roles) => (role ? roles.find((one) => one.id === role)?.name ?? word('role', role) : '');

/** What it holds now, and whose fault it is that this is less than it was given. @param {{shown: Api.Key, roles: Api.OwnRole[]}} props */
function Holds({ shown, roles }) {
  useEffect(() => { attempt(t('holds'), readPermissions); }, []);
  const { nothing, names } = heldBack(shown);
  const own = roles.find((one) => one.id === shown.role)?.permissions;
  const built = permissions.value.filter((one) => one.roles.includes(shown.role ?? '')).map((one) => one.name);
  const opened = new Set([...(own ?? built), ...(shown.permissions ?? [])]);
  // A role that is not known here opens nobody knows what: then the sponsor is named alone.
  const byRole = shown.role && (own || built.length) ? names.filter((one) => !opened.has(one)) : [];
  const bySponsor = names.filter((one) => !byRole.includes(one));
  const sponsor = actorName(shown.sponsor);
  const narrower = shown.holds && (JSON.stringify(shown.holds.tags) !== JSON.stringify(shown.grants?.tags) || JSON.stringify(shown.holds.farms) !== JSON.stringify(shown.grants?.farms));
  return html`<section><h3>${t('holds')}</h3>
    ${nothing ? html`<p class="banner" data-tone="warn">${t('nothing_held', { name: sponsor })}</p>` : html`<${PermissionNames} names=${shown.holds?.permissions ?? []} />`}
    ${!nothing && byRole.length ? html`<p class="less">${t('less_by_role', { name: roleName(shown.role, roles) })}</p><${PermissionNames} names=${byRole} gone />` : null}
    ${!nothing && bySponsor.length ? html`<p class="less">${t('less_by_sponsor', { name: sponsor })}</p><${PermissionNames} names=${bySponsor} gone />` : null}
    ${narrower ? html`<p class="less">${t('less_where', { name: sponsor, where: [...only(shown.holds?.tags), ...only(shown.holds?.farms).map(thingName)].join(', ') || '–' })}</p>` : null}</section>`;
}

/** @param {{kind: string, shown: Api.Key, take: (fresh: Api.Key) => void, onClose: () => void}} props */
function Roll({ kind, shown, take, onClose }) {
  const made = useSignal(/** @type {Api.CreatedKey | null} */ (null));
  /** @param {Event} event */
  const submit = (event) => {
    const { overlap } = formValues(event);
    return attempt(shown.name, async () => {
      const fresh = /** @type {Api.CreatedKey} */ (await post(`/v1/${kind}/${shown.id}/roll`, { overlap_seconds: Number(overlap) }));
      made.value = fresh;
      const record = fresh.api_key ?? fresh.slicer_key;
      if (record) take(record);
    });
  };
  if (made.value) {
    const until = (made.value.api_key ?? made.value.slicer_key)?.old_secret_until;
    return html`<${Shown} made=${made.value} slicer=${kind === 'slicer_keys'} onClose=${onClose}><p>${until ? t('old_until', { time: moment(until) }) : t('old_ended')}</p></${Shown}>`;
  }
  const spans = [[24 * HOUR, 'overlap_day'], [HOUR, 'overlap_hour'], [7 * 24 * HOUR, 'overlap_week'], [0, 'overlap_none']];
  return html`<form class="form" onSubmit=${submit}><p>${t('roll_hint')}</p>
    <${Choice} label=${t('overlap')} name="overlap" value=${String(24 * HOUR)} options=${spans.map(([seconds, key]) => ({ value: String(seconds), label: t(/** @type {any} */ (key)) }))} />
    <div class="form-end"><${Button} label=${t('back')} onClick=${onClose} /><${Button} type="submit" tone="main" icon="key" label=${t('roll_now')} /></div></form>`;
}

/** @param {{shown: Api.Key, take: (fresh: Api.Key) => void, onClose: () => void}} props */
function HandOver({ shown, take, onClose }) {
  const people = [...known.value.values()].filter((one) => one.kind === 'user' && one.id !== shown.sponsor.id);
  /** @param {Event} event */
  const submit = (event) => {
    const { to = '' } = formValues(event);
    return attempt(shown.name, async () => {
      take(await post(`/v1/api_keys/${shown.id}/hand-over`, { to }));
      say(t('handed_over', { key: shown.name, name: thingName(to) }));
      onClose();
    });
  };
  if (!people.length) return html`<p class="dim">${t('nobody_else')}</p><div class="form-end"><${Button} label=${t('back')} onClick=${onClose} /></div>`;
  return html`<form class="form" onSubmit=${submit}><p>${t('hand_over_hint', { name: actorName(shown.sponsor) })}</p>
    <${Choice} label=${t('hand_over_to')} name="to" value=${people[0]?.id} options=${people.map((one) => ({ value: one.id, label: one.name }))} />
    <div class="form-end"><${Button} label=${t('back')} onClick=${onClose} /><${Button} type="submit" tone="main" icon="people" label=${t('hand_over')} /></div></form>`;
}
