// The jobs that are on printers, and those that are done.
import { get } from '../core/api.js';
import { jobTone } from '../core/display.js';
import { endings, jobs, jobsVersion, machines, nameOf, pools, tellJob } from '../core/farm.js';
import { html, useComputed, useEffect, useSignal } from '../core/html.js';
import { attempt, say } from '../core/notices.js';
import { can } from '../core/session.js';
import { clockTime, moment, percent, span, t, word } from '../core/words.js';
import { Badge, Bar, Button, Picture } from '../parts/controls.js';
import { Icon } from '../parts/icon.js';

/** @param {Api.Job} job */
export function targetText({ target, needs, pending }) {
  if (target.printer_id) return nameOf(target.printer_id) || t('one_printer');
  if (target.pool_id) return pools.value.find((one) => one.id === target.pool_id)?.name ?? t('one_pool');
  if (target.tags?.length) return target.tags.join(' + ');
  // Which models may run it is read out of its file by the farm.
  if (pending) return '';
  return needs.models?.length ? t('any_of', { models: needs.models.join(', ') }) : t('any_printer');
}

export function Running() {
  jobsVersion.value;
  const active = [...jobs.values()].map((job) => job.value).filter((job) => job.phase === 'active');
  const finish = (/** @type {Api.Job} */ job) => machines.value.get(job.printer_id ?? '')?.finishAt.peek() ?? Infinity;
  active.sort((a, b) => Number(b.state === 'unknown') - Number(a.state === 'unknown') || finish(a) - finish(b));
  if (!active.length) return html`<div class="empty"><${Icon} name="print" size=${44} /><h2>${t('none_running')}</h2></div>`;
  return html`<ul class="queue">${active.map((job) => html`<${RunningRow} key=${job.id} job=${job} />`)}</ul>`;
}

/** @param {{job: Api.Job}} props */
function RunningRow({ job }) {
  const machine = machines.value.get(job.printer_id ?? '');
  const share = useComputed(() => machine?.progress.value ?? 0);
  const times = useComputed(() => [machine?.progress.value == null ? '' : percent(machine.progress.value), machine?.finishAt.value == null ? '' : clockTime(machine.finishAt.value)].filter(Boolean).join(' · '));
  return html`<li class="row" data-item><${Picture} file=${job.file_id} />
    <div class="row-main"><b class="break">${job.name}</b>
      <p class="row-facts"><${Badge} tone=${jobTone(job.state)} label=${word('job', job.state)} /> ${machine ? html`<a href=${`/p/${machine.id}`}>${machine.doc.value.name}</a>` : null} <span class="times">${times}</span></p>
      <${Bar} share=${share} label=${t('progress')} /></div></li>`;
}

export function Done() {
  const list = useSignal(/** @type {Api.Job[] | null} */ (null));
  const cursor = useSignal(/** @type {string | undefined} */ (undefined));
  /** @param {string} [from] */
  const read = (from) => attempt(t('tab_done'), async () => {
    const page = /** @type {Api.Page<Api.Job>} */ (await get('/v1/jobs', { phase: 'done', sort: '-ended_at', limit: 50, cursor: from }));
    list.value = from ? [...(list.peek() ?? []), ...page.items] : page.items;
    cursor.value = page.next_cursor;
  });
  useEffect(() => { read(); }, [endings.value]);
  if (!list.value) return null;
  if (!list.value.length) return html`<div class="empty"><${Icon} name="check" size=${44} /><h2>${t('none_done')}</h2></div>`;
  return html`<ul class="queue">${list.value.map((job) => html`<${DoneRow} key=${job.id} job=${job} />`)}</ul>
    ${cursor.value ? html`<${Button} label=${t('more')} onClick=${() => read(cursor.peek())} />` : null}`;
}

/** @param {{job: Api.Job}} props */
function DoneRow({ job }) {
  const took = job.started_at && job.ended_at ? span((Date.parse(job.ended_at) - Date.parse(job.started_at)) / 1000) : '';
  const retry = () => attempt(job.name, async () => {
    await tellJob(job.id, 'retry');
    say(t('requeued', { name: job.name }));
  });
  return html`<li class="row" data-item><${Picture} file=${job.file_id} />
    <div class="row-main"><b class="break">${job.name}</b>
      <p class="row-facts"><${Badge} tone=${jobTone(job.state)} label=${word('job', job.state)} /> ${[nameOf(job.printer_id), moment(job.ended_at), took].filter(Boolean).join(' · ')}</p>
      ${job.detail ? html`<p class="dim">${job.detail}</p>` : null}</div>
    <div class="row-end">${can('job.create') ? html`<${Button} quiet icon="retry" label=${t('retry')} onClick=${retry} />` : null}</div></li>`;
}
