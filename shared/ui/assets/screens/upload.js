// Files that are dropped anywhere on the page or picked: uploaded one after the other, and turned into a job where they were dropped
// on a printer.
import { post, upload } from '../core/api.js';
import { queueSoon, takeJob } from '../core/farm.js';
import { html, signal } from '../core/html.js';
import { attempt, say } from '../core/notices.js';
import { can } from '../core/session.js';
import { t } from '../core/words.js';
import { Bar } from '../parts/controls.js';
import { Icon } from '../parts/icon.js';

/** @type {import('../vendor/signals-2.11.4.js').Signal<{name: string, share: import('../vendor/signals-2.11.4.js').Signal<number>}[]>} */
const under = signal(/** @type {any[]} */ ([]));
/** Moves when a file was brought, so that the list is read anew. */
export const brought = signal(0);
const hovering = signal(false);

/** @param {DragEvent} event @param {import('../core/farm.js').Machine} [machine] */
export function dropped(event, machine) {
  hovering.value = false;
  bring([...(event.dataTransfer?.files ?? [])], machine).catch(() => {});
}

/** @param {File[]} files @param {import('../core/farm.js').Machine} [machine] */
export async function bring(files, machine) {
  for (const file of files) {
    const row = { name: file.name, share: signal(0) };
    under.value = [...under.peek(), row];
    const kept = await attempt(file.name, () => upload(file, (share) => { row.share.value = share; }));
    under.value = under.peek().filter((one) => one !== row);
    if (!kept) continue;
    brought.value += 1;
    if (machine && can('job.create')) await aim(kept, machine);
    else say(t('uploaded', { name: kept.name }));
  }
}

/** @param {Api.File} file @param {import('../core/farm.js').Machine} machine */
async function aim(file, machine) {
  const printer = machine.doc.peek().name;
  const job = await attempt(file.name, () => post('/v1/jobs', { file_id: file.id, target: { printer_id: machine.id } }));
  if (!job) return;
  takeJob(/** @type {Api.Job} */ (job));
  queueSoon();
  say(t('queued_for', { name: file.name, printer }));
}

/** Listens for files over the whole window. */
export function watchDrops() {
  /** @param {DragEvent} event */
  const hasFiles = (event) => Boolean(event.dataTransfer?.types.includes('Files')) && can('file.upload');
  addEventListener('dragover', (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    hovering.value = true;
  });
  addEventListener('dragleave', (event) => { if (!event.relatedTarget) hovering.value = false; });
  addEventListener('drop', (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    dropped(event);
  });
}

export function Uploads() {
  return html`<div class="uploads" role="status">
    ${hovering.value ? html`<p class="drop-hint"><${Icon} name="upload" />${t('drop_hint')}</p>` : null}
    ${under.value.map((one) => html`<div class="notice" key=${one.name}><p><b>${one.name}</b><${Bar} share=${one.share} label=${t('uploading')} /></p></div>`)}
  </div>`;
}
