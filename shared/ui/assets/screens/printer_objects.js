// The things in a print, where the printer tells them apart: one that came loose is left out, and the rest goes on.
import { get, post } from '../core/api.js';
import { html, useEffect, useSignal } from '../core/html.js';
import { attempt, say } from '../core/notices.js';
import { can } from '../core/session.js';
import { t } from '../core/words.js';
import { Badge, SureButton } from '../parts/controls.js';

/** @param {{machine: import('../core/farm.js').Machine}} props */
export function Objects({ machine }) {
  const list = useSignal(/** @type {Api.PrintObject[]} */ ([]));
  const { id, capabilities, attempt_id: ours } = machine.doc.value;
  const wanted = Boolean(ours) && machine.running.value && capabilities.includes('skip_object') && can('printer.control');
  const load = () => get(`/v1/printers/${id}/objects`).then((/** @type {any} */ told) => { list.value = told.items; }).catch(() => {});
  useEffect(() => {
    list.value = [];
    if (!wanted) return undefined;
    load();
    const again = setInterval(load, 15_000);
    return () => clearInterval(again);
  }, [id, ours, wanted]);
  /** @param {Api.PrintObject} one */
  const skip = (one) => attempt(one.name, async () => {
    await post(`/v1/printers/${id}/skip-object`, { object: one.id });
    say(t('skip_asked', { name: one.name }));
    await load();
  });
  const left = list.value.filter((one) => !one.skipped).length;
  if (!wanted || list.value.length < 2) return null;
  return html`<section><h3>${t('print_objects')}</h3><ul class="rows objects">${list.value.map((one) => html`<li key=${one.id}>
    <span class="break">${one.name}</span>
    ${one.skipped ? html`<${Badge} tone="calm" label=${t('skipped')} />` : html`${one.printing ? html`<${Badge} tone="good" label=${t('now')} />` : null}
      ${left > 1 ? html`<${SureButton} quiet label=${t('skip')} sure=${t('skip_sure', { name: one.name })} onClick=${() => skip(one)} />` : null}`}</li>`)}</ul></section>`;
}
