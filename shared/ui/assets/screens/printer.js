// One printer, beside the wall: first what one can sensibly do now, then what it does, what comes next and what was. The address
// `/p/{id}` is what a QR code on the machine holds.
import { get } from '../core/api.js';
import { look, jobTone } from '../core/display.js';
import { endings, findMachine, jobs, loaded } from '../core/farm.js';
import { html, useComputed, useEffect, useSignal } from '../core/html.js';
import { go, leave } from '../core/route.js';
import { can } from '../core/session.js';
import { clockTime, degrees, moment, number, percent, span, t, word } from '../core/words.js';
import { Badge, Bar, Button, Picture } from '../parts/controls.js';
import { Icon } from '../parts/icon.js';
import { Sheet } from '../parts/sheet.js';
import { Actions } from './printer_actions.js';
import { PrinterForm } from './printer_form.js';
import { Objects } from './printer_objects.js';
import { nextFor } from './up_next.js';

/** @typedef {import('../core/farm.js').Machine} Machine */

/** @param {{word: string, settings: boolean}} props */
export function PrinterSheet({ word: wanted, settings }) {
  const machine = findMachine(wanted);
  const close = () => leave('/');
  if (!machine) return loaded.value ? html`<${Sheet} title=${wanted} onClose=${close}><p class="nothing">${t('no_such_printer')}</p></${Sheet}>` : null;
  const { name } = machine.doc.value;
  if (settings) {
    return html`<${Sheet} key="settings" title=${t('settings_of', { name })} printer=${machine.id} onClose=${() => leave(`/p/${machine.id}`)}><${PrinterForm} machine=${machine} /></${Sheet}>`;
  }
  return html`<${Sheet} key="sheet" title=${name} printer=${machine.id} onClose=${close}>
    <${State} machine=${machine} />
    <${Actions} machine=${machine} />
    <${Work} machine=${machine} />
    <${Objects} machine=${machine} />
    <${Temperatures} machine=${machine} />
    <${Loaded} machine=${machine} />
    <${Next} machine=${machine} />
    <${Past} machine=${machine} />
    <${Facts} machine=${machine} />
  </${Sheet}>`;
}

/** @param {{machine: Machine}} props */
function State({ machine }) {
  const state = machine.state.value;
  const doc = machine.doc.value;
  const { icon, tone } = look(state);
  const age = useComputed(() => (machine.age.value === null ? '' : t('last_seen', { span: span(machine.age.value) })));
  return html`<div class="state" data-tone=${tone}>
    <${Icon} name=${icon} size=${30} />
    <div><b>${word('state', state)}</b><p>${t(/** @type {any} */ (`about_${state}` in ABOUT ? `about_${state}` : 'about_other'))}</p><p class="age">${age}</p></div>
  </div>
  ${doc.fault ? html`<p class="banner" data-tone="alarm"><${Icon} name="alert" /><span>${doc.fault.text}${doc.fault.code ? html` <code>${doc.fault.code}</code>` : null}</span></p>` : null}
  ${doc.prompt ? html`<p class="banner" data-tone="warn"><${Icon} name="hand" /><span>${doc.prompt}</span></p>` : null}
  ${doc.connection_problem ? html`<p class="banner" data-tone="warn"><${Icon} name="unplug" /><span>${doc.connection_problem}</span></p>` : null}
  ${doc.control_problem ? html`<p class="banner" data-tone="warn"><${Icon} name="hand" /><span>${doc.control_problem}</span></p>` : null}
  ${doc.admin_note ? html`<p class="banner" data-tone="out"><${Icon} name="wrench" />${doc.admin_note}</p>` : null}
  ${doc.foreign ? html`<p class="banner" data-tone="warn"><${Icon} name="hand" />${t('foreign', { file: doc.foreign.file ?? '–', since: moment(doc.foreign.since) })}</p>` : null}
  ${doc.failures_in_a_row > 1 ? html`<p class="banner" data-tone="warn"><${Icon} name="shield" />${t('failures_in_a_row', { count: doc.failures_in_a_row })}</p>` : null}`;
}
const ABOUT = { about_error: 1, about_attention: 1, about_lost: 1, about_needs_clear: 1, about_quarantined: 1, about_control_denied: 1, about_incomplete: 1, about_idle: 1, about_offline: 1, about_stale: 1, about_unknown: 1 };

/** @param {{machine: Machine}} props */
function Work({ machine }) {
  const percentText = useComputed(() => (machine.progress.value === null ? '' : percent(machine.progress.value)));
  const share = useComputed(() => machine.progress.value ?? 0);
  const finish = useComputed(() => (machine.finishAt.value === null ? '' : t('ready_at', { time: clockTime(machine.finishAt.value) })));
  const rest = useComputed(() => {
    const { remaining_seconds: left, layer, layers } = machine.live.value ?? {};
    return [left === undefined ? '' : t('left', { span: span(left) }), layer === undefined ? '' : t('layer', { layer, layers: layers ?? '–' })].filter(Boolean).join(' · ');
  });
  const job = machine.job.value;
  if (!machine.running.value && !job) return null;
  return html`<section><h3>${t('now')}</h3><div class="work">
    <${Picture} file=${job?.file_id} size="large" />
    <div><b class="break">${machine.work}</b>${job ? html`<p><${Badge} tone=${jobTone(job.state)} label=${word('job', job.state)} />${job.cancel_requested ? html` <${Badge} tone="warn" label=${t('cancel_requested')} />` : null}${job.pause_reason ? html` <span>${word('pause', job.pause_reason)}</span>` : null}</p>` : null}
      <p class="big-number">${percentText} <small>${finish}</small></p><${Bar} share=${share} label=${t('progress')} /><p class="dim">${rest}</p>${job?.detail ? html`<p class="dim">${job.detail}</p>` : null}</div>
  </div></section>`;
}

/** @param {{machine: Machine}} props */
function Temperatures({ machine }) {
  const live = machine.live.value;
  if (!live?.bed && !live?.nozzles?.length && !live?.chamber) return null;
  const nozzles = live.nozzles ?? [];
  const list = [...nozzles.map((one, index) => ({ name: nozzles.length > 1 ? `${t('nozzle')} ${index + 1}` : t('nozzle'), one })), ...(live.bed ? [{ name: t('bed'), one: live.bed }] : []), ...(live.chamber ? [{ name: t('chamber'), one: live.chamber }] : [])];
  return html`<section class="readings">${list.map(({ name, one }) => html`<div key=${name}><small>${name}</small><b>${degrees(one.actual_celsius)}</b><small>${one.target_celsius ? `→ ${degrees(one.target_celsius)}` : t('heater_off')}</small></div>`)}</section>`;
}

/** @param {{machine: Machine}} props */
function Loaded({ machine }) {
  const slots = machine.doc.value.loaded ?? [];
  if (!slots.length) return null;
  return html`<section><h3>${t('loaded')}</h3><ul class="slots">${slots.map((slot, index) => html`<li key=${index}><${Dot} colour=${slot.colour} /><b>${slot.material ?? '–'}</b>${slot.grams === undefined ? null : html`<small>${number(slot.grams)} g</small>`}</li>`)}</ul></section>`;
}

/** @param {{colour?: string}} props A dot of a filament's colour; SVG, because the page allows no inline styles. */
export const Dot = ({ colour }) => html`<svg class="dot" width="14" height="14" viewBox="0 0 14 14" aria-hidden="true"><circle cx="7" cy="7" r="6" fill=${colour ?? 'none'} /></svg>`;

/** @param {{machine: Machine}} props */
function Next({ machine }) {
  const list = nextFor(machine).slice(0, 3);
  if (!can('queue.view')) return null;
  return html`<section><h3>${t('next_jobs')}</h3>${list.length === 0 ? html`<p class="dim">${t('no_next_jobs')}</p>` : html`<ul class="rows">${list.map((job) => html`<li key=${job.id}><${Picture} file=${job.file_id} size="small" /><span class="break">${job.name}</span><small>${job.estimated_seconds ? span(job.estimated_seconds) : ''}</small></li>`)}</ul>`}</section>`;
}

/** @param {{machine: Machine}} props */
function Past({ machine }) {
  const list = useSignal(/** @type {Api.Attempt[] | null} */ (null));
  const named = useSignal(/** @type {Record<string, string>} */ ({}));
  useEffect(() => {
    if (!can('job.view')) return;
    get('/v1/attempts', { printer_id: machine.id, limit: 10 }).then(async (/** @type {any} */ page) => {
      const past = /** @type {Api.Attempt[]} */ (page.items).filter((one) => one.ended_at);
      list.value = past;
      const unknown = [...new Set(past.map((one) => one.job_id).filter((id) => !jobs.has(id) && !named.peek()[id]))];
      const found = await Promise.all(unknown.map((id) => /** @type {Promise<Api.Job>} */ (get(`/v1/jobs/${id}`)).catch(() => null)));
      named.value = { ...named.peek(), ...Object.fromEntries(found.flatMap((job) => (job ? [[job.id, job.name]] : []))) };
    }).catch(() => {});
  }, [machine.id, endings.value]);
  if (!list.value?.length) return null;
  return html`<section><h3>${t('last_attempts')}</h3><ul class="rows">${list.value.map((one) => html`<li key=${one.id}>
    <${Badge} tone=${jobTone(one.state)} label=${word('job', one.state)} />
    <span class="break">${jobs.get(one.job_id)?.value.name ?? named.value[one.job_id] ?? ''}${one.failure_reason ? html`<small>${word('failure', one.failure_reason)}${one.detail ? `: ${one.detail}` : ''}</small>` : null}</span>
    <small>${moment(one.ended_at)}</small></li>`)}</ul></section>`;
}

/** @param {{machine: Machine}} props */
function Facts({ machine }) {
  const { machine: hardware, tags, link, firmware } = machine.doc.value;
  const volume = hardware.build_volume_mm;
  /** @type {[string, unknown][]} */
  const rows = [
    [t('model'), hardware.model ?? '–'],
    [t('nozzle'), hardware.nozzle_mm === undefined ? '–' : `${number(hardware.nozzle_mm, true)} mm`],
    [t('build_volume'), volume ? `${number(volume.x)} × ${number(volume.y)} × ${number(volume.z)} mm` : '–'],
    ...(hardware.plate_type ? /** @type {[string, unknown][]} */ ([[t('plate_type'), hardware.plate_type]]) : []),
    [t('tags'), tags.length ? html`<span class="tags">${tags.map((tag) => html`<a key=${tag} class="tag" href=${`/?tag=${encodeURIComponent(tag)}`}>${tag}</a>`)}</span>` : '–'],
    [t('address'), html`<span class="break">${link.address}</span>`],
    ...(firmware ? /** @type {[string, unknown][]} */ ([[t('firmware'), firmware]]) : []),
  ];
  return html`<section><dl class="facts">${rows.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
    ${can('printer.edit') ? html`<${Button} icon="gear" label=${t('settings')} onClick=${() => go(`/p/${machine.id}/settings`)} />` : null}</section>`;
}
