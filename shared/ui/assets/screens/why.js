// Why a job waits, per printer: what keeps it away and what a person can do. Printers with the same reasons share a line, or a
// hundred of them would hide the one that matters.
import { get } from '../core/api.js';
import { queue } from '../core/farm.js';
import { html, useEffect, useSignal } from '../core/html.js';
import { explain } from '../core/notices.js';
import { reason, remedy, t } from '../core/words.js';

/** @param {{job: string}} props */
export function WhyTable({ job }) {
  const why = useSignal(/** @type {Api.Why | null} */ (null));
  const trouble = useSignal('');
  useEffect(() => {
    /** @type {Promise<Api.Why>} */ (get(`/v1/jobs/${job}/why`)).then((told) => { why.value = told; }, (error) => { trouble.value = explain(error).detail; });
  }, [job, queue.value]);
  if (trouble.value) return html`<p class="trouble">${trouble.value}</p>`;
  if (!why.value) return html`<div class="why-table"></div>`;
  const groups = grouped(why.value);
  return html`<div class="why-table">
    ${why.value.job.map((one) => html`<p key=${one.code}><b>${reason(one.code, one.text)}</b> ${remedy(one)}</p>`)}
    <table><thead><tr><th>${t('printers')}</th><th>${t('why')}</th><th>${t('what_to_do')}</th></tr></thead>
    <tbody>${groups.map(({ key, members, reasons }) => html`<${Group} key=${key} members=${members} reasons=${reasons} />`)}</tbody></table>
  </div>`;
}

/** A line for each reason, so that what to do stands beside it. @param {{members: Api.Why['printers'], reasons: Api.WhyCode[]}} props */
function Group({ members, reasons }) {
  const who = html`<td rowspan=${Math.max(1, reasons.length)}><b>${members.length > 1 ? t('count_printers', { count: members.length }) : null}</b> ${members.slice(0, 12).map((one) => html`<a key=${one.printer_id} class="tag" href=${`/p/${one.printer_id}`}>${one.name}</a> `)}${members.length > 12 ? '…' : null}</td>`;
  if (!reasons.length) return html`<tr class="first">${who}<td><p>${t('could_run')}</p></td><td></td></tr>`;
  return html`${reasons.map((one, index) => html`<tr key=${one.code} class=${index ? '' : 'first'}>${index ? null : who}<td><p>${reason(one.code, one.text)}</p></td><td><p>${remedy(one)}</p></td></tr>`)}`;
}

/** @param {Api.Why} why Those that could run it or lack the least come first. */
function grouped(why) {
  /** @type {Map<string, {key: string, members: Api.Why['printers'], reasons: Api.WhyCode[]}>} */
  const groups = new Map();
  for (const printer of why.printers) {
    const key = printer.reasons.map((one) => one.code).join();
    const group = groups.get(key) ?? { key, members: [], reasons: printer.reasons };
    group.members.push(printer);
    groups.set(key, group);
  }
  return [...groups.values()].sort((a, b) => a.reasons.length - b.reasons.length || b.members.length - a.members.length);
}
