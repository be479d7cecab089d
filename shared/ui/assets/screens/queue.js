// The queue: what waits and why, what runs, what is done. Waiting jobs can be moved by buttons, by Alt and the arrows, and by their
// handle; several can be held, released or cancelled at once, each with its own outcome.
import { post } from '../core/api.js';
import { queue, queueSoon, takeBack, tellJob } from '../core/farm.js';
import { html, signal, useSignal } from '../core/html.js';
import { attempt, sayMany } from '../core/notices.js';
import { can } from '../core/session.js';
import { moment, span, t, whyWaiting } from '../core/words.js';
import { Badge, Button, Picture, SureButton } from '../parts/controls.js';
import { Icon } from '../parts/icon.js';
import { Done, Running, targetText } from './jobs.js';
import { WhyTable } from './why.js';

const picked = signal(/** @type {Set<string>} */ (new Set()));
/** The place between rows where a dragged job would go. */
const gap = signal(/** @type {{before: string | null} | null} */ (null));

/** @param {{tab: string}} props */
export function Queue({ tab }) {
  const counts = { waiting: queue.value?.waiting, running: queue.value?.active };
  const tabs = /** @type {const} */ ([['waiting', '/queue', 'tab_queue'], ['running', '/queue/running', 'tab_running'], ['done', '/queue/done', 'tab_done']]);
  return html`<main class="page">
    <nav class="tabs" aria-label=${t('nav_queue')}>${tabs.map(([name, path, key]) => html`<a key=${name} href=${path} aria-current=${tab === name ? 'page' : undefined}>${t(key)} ${name !== 'done' && counts[name] !== undefined ? html`<b>${counts[name]}</b>` : null}</a>`)}</nav>
    ${tab === 'running' ? html`<${Running} />` : tab === 'done' ? html`<${Done} />` : html`<${WaitingList} />`}
  </main>`;
}

function WaitingList() {
  const entries = queue.value?.entries;
  if (!entries) return null;
  if (!entries.length) return html`<div class="empty"><${Icon} name="list" size=${44} /><h2>${t('queue_empty')}</h2><p>${t('queue_empty_hint')}</p></div>`;
  return html`<${Bulk} /><ol class="queue">${entries.map((entry, index) => html`<${Row} key=${entry.job?.id ?? index} entry=${entry} index=${index} />`)}</ol>
    ${(queue.value?.waiting ?? 0) > entries.length ? html`<p class="dim">${t('and_more', { count: (queue.value?.waiting ?? 0) - entries.length })}</p>` : null}`;
}

function Bulk() {
  const ids = [...picked.value].filter((id) => queue.value?.entries.some((entry) => entry.job?.id === id));
  if (!ids.length) return null;
  /** @param {string} verb */
  const all = (verb) => attempt(t('selection', { count: ids.length }), async () => {
    const { results } = /** @type {Api.Bulk} */ (await post(`/v1/jobs/actions/${verb}`, { ids }));
    const wrong = results.filter((one) => !one.ok);
    sayMany(t('bulk_done', { good: results.length - wrong.length, count: results.length }), wrong);
    picked.value = new Set(wrong.map((one) => one.id));
    queueSoon();
  });
  return html`<div class="bulk" role="toolbar" aria-label=${t('selection', { count: ids.length })}><b>${t('selection', { count: ids.length })}</b>
    ${can('queue.manage') ? html`<${Button} icon="pause" label=${t('hold')} onClick=${() => all('hold')} /><${Button} icon="play" label=${t('release')} onClick=${() => all('release')} />` : null}
    ${mayCancel() ? html`<${SureButton} icon="stop" tone="alarm" label=${t('cancel')} sure=${t('cancel_sure', { name: t('selection', { count: ids.length }) })} onClick=${() => all('cancel')} />` : null}
    <${Button} quiet icon="close" label=${t('unpick')} onClick=${() => { picked.value = new Set(); }} /></div>`;
}

const mayCancel = () => can('job.cancel_all') || can('job.cancel_own');

/** @param {string} id @param {string | null} before @param {string} name */
async function move(id, before, name) {
  const known = queue.peek();
  const entry = known?.entries.find((one) => one.job?.id === id);
  if (!known || !entry || before === id) return;
  const rest = known.entries.filter((one) => one !== entry);
  const at = before === null ? rest.length : rest.findIndex((one) => one.job?.id === before);
  queue.value = { ...known, entries: [...rest.slice(0, at), entry, ...rest.slice(at)] };
  if (!await attempt(name, () => tellJob(id, 'move', before === null ? {} : { before }))) queue.value = known;
}

/** @param {number} index @param {number} by */
function step(index, by) {
  const entries = queue.peek()?.entries ?? [];
  const job = entries[index]?.job;
  const next = index + by;
  if (!job || next < 0 || next >= entries.length) return;
  move(job.id, (by < 0 ? entries[next] : entries[next + 1])?.job?.id ?? null, job.name);
}

/** @param {{entry: Api.QueueEntry, index: number}} props */
function Row({ entry, index }) {
  const { job, waiting } = entry;
  const open = useSignal(false);
  if (!job) return html`<li class="row" data-item><p class="why">${whyWaiting(waiting)}</p></li>`;
  if (job.pending || entry.away) return html`<${AwayRow} job=${job} />`;
  const held = job.state === 'held';
  const manage = can('queue.manage');
  /** @param {KeyboardEvent} event */
  const keys = (event) => {
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!event.altKey || !by || !manage) return;
    event.preventDefault();
    step(index, by);
  };
  const pick = () => {
    const next = new Set(picked.peek());
    if (!next.delete(job.id)) next.add(job.id);
    picked.value = next;
  };
  const mark = gap.value?.before === job.id ? 'yes' : 'no';
  return html`<li class="row" data-item data-job=${job.id} data-gap=${mark} data-held=${held} data-open=${open.value ? 'yes' : 'no'} onKeyDown=${keys}>
    <label class="tick"><input type="checkbox" checked=${picked.value.has(job.id)} onChange=${pick} aria-label=${t('pick', { name: job.name })} /></label>
    ${manage ? html`<span class="grip" onPointerDown=${(/** @type {PointerEvent} */ event) => drag(event, job)}><${Icon} name="grip" /></span>` : null}
    <${Picture} file=${job.file_id} />
    <div class="row-main">
      <b class="break">${job.name}</b>
      <p class="row-facts">${targetText(job)}${job.estimated_seconds ? ` · ${span(job.estimated_seconds)}` : ''}${job.due_at ? html` · <span>${t('due', { time: moment(job.due_at) })}</span>` : null}${job.priority ? ` · ${t('priority', { priority: job.priority })}` : ''}${job.attempts ? ` · ${t('attempts', { count: job.attempts })}` : ''}</p>
      <button class="why" type="button" aria-expanded=${open.value} onClick=${() => { open.value = !open.value; }}><span>${whyWaiting(waiting)}</span><${Icon} name=${open.value ? 'up' : 'down'} size=${16} /></button>
    </div>
    <div class="row-end">
      ${manage ? html`<${Button} bare quiet icon="up" label=${t('move_up')} onClick=${() => step(index, -1)} /><${Button} bare quiet icon="down" label=${t('move_down')} onClick=${() => step(index, 1)} />` : null}
      ${manage && held ? html`<${Button} bare icon="play" label=${t('release')} onClick=${() => attempt(job.name, () => tellJob(job.id, 'release'))} />` : null}
      ${manage && job.state === 'queued' ? html`<${Button} bare quiet icon="pause" label=${t('hold')} onClick=${() => attempt(job.name, () => tellJob(job.id, 'hold'))} />` : null}
      ${can('job.approve') && job.state === 'awaiting_approval' ? html`<${Button} icon="check" label=${t('approve')} onClick=${() => attempt(job.name, () => tellJob(job.id, 'approve'))} />` : null}
      ${mayCancel() ? html`<${SureButton} bare quiet icon="close" label=${t('cancel')} sure=${t('cancel_sure', { name: job.name })} onClick=${() => attempt(job.name, () => tellJob(job.id, 'cancel', {}))} />` : null}
    </div>
    ${open.value ? html`<${WhyTable} job=${job.id} />` : null}
  </li>`;
}

/** A job of a farm that is away: nothing is known of why it waits, and little can be done with it. @param {{job: Api.Job}} props */
function AwayRow({ job }) {
  const command = job.pending_commands?.[0];
  return html`<li class="row" data-item data-held="true"><${Picture} file=${job.pending ? undefined : job.file_id} />
    <div class="row-main"><b class="break">${job.name || t('job_of_file')}</b>
      <p class="row-facts">${job.pending || command ? html`<${Badge} tone="warn" label=${t('pending')} /> ` : null}${targetText(job)}</p></div>
    <div class="row-end">${command && (mayCancel() || can('farm.edit')) ? html`<${Button} quiet icon="undo" label=${t('take_back')} onClick=${() => attempt(job.name || t('job_of_file'), () => takeBack(command))} />` : null}</div></li>`;
}

/** Drags a row by its handle, with a finger too. @param {PointerEvent} event @param {Api.Job} job */
function drag(event, job) {
  event.preventDefault();
  const handle = /** @type {HTMLElement} */ (event.currentTarget);
  handle.setPointerCapture(event.pointerId);
  /** @param {PointerEvent} moved */
  const over = (moved) => {
    const rows = /** @type {HTMLElement[]} */ ([...document.querySelectorAll('[data-job]')]);
    const after = rows.find((row) => { const box = row.getBoundingClientRect(); return moved.clientY < box.top + box.height / 2; });
    if (gap.peek()?.before !== (after?.dataset.job ?? null) || !gap.peek()) gap.value = { before: after?.dataset.job ?? null };
  };
  const end = () => {
    handle.removeEventListener('pointermove', over);
    const place = gap.peek();
    gap.value = null;
    if (place) move(job.id, place.before, job.name);
  };
  handle.addEventListener('pointermove', over);
  handle.addEventListener('pointerup', end, { once: true });
  handle.addEventListener('pointercancel', () => { gap.value = null; end(); }, { once: true });
}
