// The files that slicers and people brought, with what was read out of them, and the way from a file to a job.
import { all, call, get } from '../core/api.js';
import { machines, pools, queueSoon, takeJob } from '../core/farm.js';
import { html, useEffect, useRef, useSignal } from '../core/html.js';
import { attempt, say } from '../core/notices.js';
import { go } from '../core/route.js';
import { can, servedBy } from '../core/session.js';
import { moment, number, size, span, t, word } from '../core/words.js';
import { Badge, Button, Choice, Field, formValues, Picture, SureButton } from '../parts/controls.js';
import { Icon } from '../parts/icon.js';
import { Sheet } from '../parts/sheet.js';
import { Dot } from './printer.js';
import { bring, brought } from './upload.js';

/** Of a job, in letters. */
const LONGEST_NAME = 120;

export function Files() {
  const list = useSignal(/** @type {Api.File[] | null} */ (null));
  const cursor = useSignal(/** @type {string | undefined} */ (undefined));
  const search = useSignal('');
  const chosen = useSignal(/** @type {Api.File | null} */ (null));
  const input = /** @type {{current: HTMLInputElement | null}} */ (useRef(null));
  /** @param {string} [from] */
  const read = (from) => attempt(t('nav_files'), async () => {
    const page = /** @type {Api.Page<Api.File>} */ (await get('/v1/files', { q: search.peek(), limit: 50, cursor: from }));
    list.value = from ? [...(list.peek() ?? []), ...page.items] : page.items;
    cursor.value = page.next_cursor;
  });
  useEffect(() => {
    const timer = setTimeout(read, 200);
    return () => clearTimeout(timer);
  }, [brought.value, search.value]);
  /** @param {Api.File} file */
  const remove = (file) => attempt(file.name, async () => {
    await call('DELETE', `/v1/files/${file.id}`);
    list.value = (list.peek() ?? []).filter((one) => one !== file);
  });
  return html`<main class="page">
    <div class="page-tools">
      <label class="search"><${Icon} name="search" size=${16} /><input data-search type="search" placeholder=${t('search')} aria-label=${t('search')} onInput=${(/** @type {any} */ event) => { search.value = event.currentTarget.value; }} /></label>
      <span class="grow"></span>
      ${can('file.upload') ? html`<input class="unseen" type="file" multiple tabindex="-1" aria-hidden="true" ref=${input} onChange=${() => { const { current } = input; if (current) { bring([...(current.files ?? [])]); current.value = ''; } }} /><${Button} tone="main" icon="upload" label=${t('upload')} onClick=${() => input.current?.click()} />` : null}
    </div>
    ${list.value?.length === 0 ? html`<div class="empty"><${Icon} name="upload" size=${44} /><h2>${t('no_files')}</h2><p>${t('no_files_hint')}</p></div>` : null}
    <ul class="files">${(list.value ?? []).map((file) => html`<li class="card" data-item key=${file.id}>
      <${Picture} file=${file.id} size="wide" />
      <b class="break">${file.name}</b>
      <${ReadOut} file=${file} />
      <div class="card-end">
        ${can('job.create') ? html`<${Button} tone="main" icon="print" label=${t('print')} onClick=${() => { chosen.value = file; }} />` : null}
        ${can('file.delete') ? html`<${SureButton} bare quiet icon="trash" label=${t('delete')} sure=${t('delete_sure')} onClick=${() => remove(file)} />` : null}
      </div></li>`)}</ul>
    ${cursor.value ? html`<${Button} label=${t('more')} onClick=${() => read(cursor.peek())} />` : null}
    ${chosen.value ? html`<${PrintSheet} file=${chosen.value} onClose=${() => { chosen.value = null; }} />` : null}
  </main>`;
}

/** @param {{file: Api.File}} props */
function ReadOut({ file }) {
  const sliced = file.sliced ?? {};
  const facts = [sliced.printer_model, sliced.nozzle_diameters_mm?.length ? `${number(Math.max(...sliced.nozzle_diameters_mm), true)} mm` : '', sliced.layer_height_mm ? `${t('layer_height')} ${number(sliced.layer_height_mm, true)}` : '', sliced.estimated_seconds ? span(sliced.estimated_seconds) : ''].filter(Boolean);
  return html`<p class="dim">${facts.length ? facts.join(' · ') : t('nothing_read_out')}</p>
    ${sliced.filaments?.length ? html`<ul class="slots">${sliced.filaments.map((one) => html`<li key=${one.tool}><${Dot} colour=${one.colour} /><b>${one.material ?? '–'}</b>${one.grams === undefined || one.grams === null ? null : html`<small>${number(one.grams)} g</small>`}</li>`)}</ul>` : null}
    ${sliced.warnings?.length ? html`<p>${sliced.warnings.map((one) => html`<${Badge} key=${one.code} tone="warn" icon="alert" label=${word('warning', one.code)} /> `)}</p>` : null}
    ${file.pending ? html`<p><${Badge} tone="warn" label=${t('pending')} /></p>` : null}
    <p class="dim small">${size(file.size_bytes ?? 0)} · ${moment(file.created_at)}${sliced.slicer ? ` · ${sliced.slicer.name}` : ''}</p>`;
}

/** @param {{file: Api.File, onClose: () => void}} props */
function PrintSheet({ file, onClose }) {
  const known = useSignal(pools.peek());
  useEffect(() => { if (can('pool.view')) all('/v1/pools').then((/** @type {any} */ list) => { known.value = list; }).catch(() => {}); }, []);
  const model = file.sliced?.printer_model;
  const printers = [...machines.value.values()].map((one) => one.doc.value).sort((a, b) => Number(b.machine.model === model) - Number(a.machine.model === model) || a.name.localeCompare(b.name, undefined, { numeric: true }));
  const tags = [...new Set(printers.flatMap((one) => one.tags))].sort();
  const options = [
    ...(model ? [{ value: '', label: t('any_of', { models: model }) }] : []),
    ...known.value.map((one) => ({ value: `pool:${one.id}`, label: t('pool_named', { name: one.name }) })),
    ...tags.map((tag) => ({ value: `tag:${tag}`, label: t('tag_named', { tag }) })),
    ...printers.map((one) => ({ value: `printer:${one.id}`, label: one.machine.model ? `${one.name} (${one.machine.model})` : one.name })),
  ];
  /** @param {Event} event */
  const submit = async (event) => {
    const { copies = '1', target = '', when = 'now', due } = formValues(event);
    const [kind, ...rest] = target.split(':');
    const aim = rest.join(':');
    const atRelay = servedBy.peek() === 'relay';
    const body = {
      file_id: file.id,
      // What waits at a relay is shown by the name that it was given; the farm would take the file's.
      ...(atRelay && file.name.length <= LONGEST_NAME ? { name: file.name } : {}),
      target: kind === 'printer' ? { printer_id: aim } : kind === 'pool' ? { pool_id: aim } : kind === 'tag' ? { tags: [aim] } : {},
      ...(when === 'held' ? { held: true } : {}),
      ...(due ? { due_at: new Date(due).toISOString() } : {}),
    };
    const count = Math.min(200, Math.max(1, Math.round(Number(copies))));
    let made = 0;
    await attempt(file.name, async () => {
      // A store may have several farms: it is printed where the file is.
      const query = atRelay ? { farm_id: file.farm_id } : {};
      for (; made < count; made += 1) takeJob(await call('POST', '/v1/jobs', { body, query }));
    });
    if (!made) return;
    queueSoon();
    say(t('jobs_made', { count: made, name: file.name }));
    if (made === count) { onClose(); go('/queue'); }
  };
  return html`<${Sheet} title=${t('print_file')} onClose=${onClose}><form class="form" onSubmit=${submit}>
    <div class="work"><${Picture} file=${file.id} size="large" /><div><b class="break">${file.name}</b><${ReadOut} file=${file} /></div></div>
    <${Field} label=${t('copies')} name="copies" type="number" min="1" max="200" step="1" value="1" mode="numeric" />
    <${Choice} label=${t('where')} name="target" value=${options[0]?.value} hint=${model ? undefined : t('needs_target')} options=${options} />
    <${Field} label=${t('due_at')} name="due" type="datetime-local" />
    <${Choice} label=${t('when')} name="when" value="now" options=${[{ value: 'now', label: t('when_now') }, { value: 'held', label: t('when_held') }]} />
    <div class="form-end"><${Button} type="submit" big tone="main" icon="print" label=${t('into_queue')} /></div>
  </form></${Sheet}>`;
}
