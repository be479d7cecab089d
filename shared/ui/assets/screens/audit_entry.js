// One entry of the audit: a line that says who did what when, and below it, when it is opened, each thing that changed, before and after.
import { differences, leaves } from '../core/differences.js';
import { html, useSignal } from '../core/html.js';
import { actorName, thingName } from '../core/names.js';
import { setQuery } from '../core/route.js';
import { moment, number, t, word } from '../core/words.js';
import { Badge, Button } from '../parts/controls.js';

const TONES = /** @type {Record<string, string>} */ ({ created: 'calm', updated: 'warn', deleted: 'alarm' });

/** @param {{entry: Api.AuditEntry}} props */
export function Entry({ entry }) {
  const open = useSignal(false);
  const asked = entry.asked && typeof entry.asked === 'object' && !Array.isArray(entry.asked) ? [...leaves(/** @type {any} */ (entry.asked))] : [];
  const named = entry.changes?.find((one) => one.id === entry.subject) ?? entry.changes?.[0];
  const name = (named?.after?.name ?? named?.before?.name);
  // An id says nothing to people; it stands among the details.
  const called = thingName(entry.subject ?? named?.id ?? '');
  const thing = typeof name === 'string' ? name : called === (entry.subject ?? named?.id) ? '' : called;
  return html`<li class="row audit-row" data-item>
    <div class="row-main"><b class="break">${operation(entry.operation)}${thing ? html` <span class="thing">${thing}</span>` : null}</b>
      <p class="row-facts"><span>${moment(entry.at)}</span> · ${actorName(entry.actor)}${entry.from ? ` · ${t('audit_from', { from: entry.from })}` : ''}</p></div>
    <div class="row-end">
      <${Button} quiet icon=${open.value ? 'up' : 'down'} label=${t(open.value ? 'audit_less' : 'audit_details')} onClick=${() => { open.value = !open.value; }} /></div>
    ${open.value ? html`<div class="audit-details">
      ${(entry.changes ?? []).map((change) => html`<${Change} key=${change.id} change=${change} />`)}
      ${entry.more_changes ? html`<p class="dim">${t('audit_more', { count: number(entry.more_changes) })}</p>` : null}
      ${asked.length && !entry.changes?.length ? html`<section><h3>${t('audit_asked')}</h3><dl class="facts">${asked.map(([field, value]) => html`<div key=${field}><dt>${plain(field)}</dt><dd class="break">${shown(value)}</dd></div>`)}</dl></section>` : null}
      <dl class="facts small">
        <div><dt>${t('audit_at')}</dt><dd class="break">${entry.at}</dd></div>
        <div><dt>${t('audit_who')}</dt><dd class="break">${actorName(entry.actor)} <code>${entry.actor.kind} ${entry.actor.id}</code></dd></div>
        ${entry.subject ? html`<div><dt>${t('audit_thing')}</dt><dd class="break"><code>${entry.subject}</code></dd></div>` : null}
        ${entry.request_id ? html`<div><dt>${t('audit_request')}</dt><dd class="break"><code>${entry.request_id}</code></dd></div>` : null}
        <div><dt>${t('audit_place')}</dt><dd class="break">${number(entry.number)} · <code>${entry.hash}</code></dd></div></dl>
      <div class="actions">
        <${Button} quiet icon="search" label=${t('audit_only_actor')} onClick=${() => setQuery('actor', entry.actor.id)} />
        ${entry.subject ? html`<${Button} quiet icon="search" label=${t('audit_only_thing')} onClick=${() => setQuery('subject', entry.subject ?? null)} />` : null}</div>
    </div>` : null}</li>`;
}

/** @param {{change: Api.AuditChange}} props */
function Change({ change }) {
  const rows = differences(change.before ?? {}, change.after ?? {});
  const name = change.after?.name ?? change.before?.name;
  const both = change.became === 'updated';
  return html`<section class="change"><h3><${Badge} tone=${TONES[change.became] ?? 'calm'} label=${word('became', change.became)} /> ${word('kind', change.kind)} ${typeof name === 'string' ? name : thingName(change.id)}</h3>
    ${rows.length ? html`<div class="scrolls" tabindex="0" role="region" aria-label=${t('audit_changes')}><table class="changes"><thead><tr><th>${t('audit_field')}</th>${both ? html`<th>${t('before')}</th><th>${t('after')}</th>` : html`<th>${t('audit_value')}</th>`}</tr></thead>
      <tbody>${rows.map((row) => html`<tr key=${row.field}><th scope="row">${plain(row.field)}</th>${both ? sides(row) : html`<td>${shown(change.became === 'deleted' ? row.before : row.after)}</td>`}</tr>`)}</tbody></table></div>`
    : html`<p class="dim">${t('audit_not_shown')}</p>`}
    ${change.cut ? html`<p class="dim">${t('audit_cut')}</p>` : null}</section>`;
}

/** @param {import('../core/differences.js').Difference} row */
function sides({ before, after, added, gone }) {
  if (!added || !gone) return html`<td>${shown(before)}</td><td>${shown(after)}</td>`;
  return html`<td>${gone.length ? gone.map((one) => html`<del key=${one}>${thingName(one)}</del> `) : html`<span class="dim">–</span>`}</td><td>${added.length ? added.map((one) => html`<ins key=${one}>${thingName(one)}</ins> `) : html`<span class="dim">–</span>`}</td>`;
}

/** @param {string} field */
const plain = (field) => field.replace(/_/g, ' ').replace(/\./g, ' › ');

/** What was done, by the operation's name. @param {string} name */
const operation = (name) => {
  const plain = word('op', name).replace(/^farm\./, '').replace(/\bapi\b/, 'API').replace(/\bpin\b/, 'PIN');
  return plain.charAt(0).toUpperCase() + plain.slice(1);
};

/** A value as people write it. @param {unknown} value @returns {string} */
function shown(value) {
  if (value === undefined || value === null) return '–';
  if (typeof value === 'boolean') return t(value ? 'yes' : 'no');
  if (typeof value === 'number') return number(value, true);
  if (typeof value === 'string') return /^\d{4}-\d\d-\d\dT/.test(value) ? moment(value) : thingName(value);
  if (Array.isArray(value)) return value.length ? value.map(shown).join(', ') : '–';
  return JSON.stringify(value);
}
