// What a key made, kind after kind, and how all of it that has not ended is held or cancelled at once: for the day when a program
// misbehaves.
import { get, post } from '../core/api.js';
import { html, useEffect, useSignal } from '../core/html.js';
import { attempt, sayMany } from '../core/notices.js';
import { can } from '../core/session.js';
import { moment, t, word } from '../core/words.js';
import { Button, SureButton } from '../parts/controls.js';

const AT_ONCE = 20;
const OVER = ['completed', 'failed', 'cancelled', 'closed', 'shipped', 'expired'];

/** @param {{shown: Api.Key}} props */
export function KeyMade({ shown }) {
  const list = useSignal(/** @type {Api.Made[] | null} */ (null));
  const next = useSignal(/** @type {string | undefined} */ (undefined));
  const path = `/v1/api_keys/${shown.id}/created`;
  /** @param {string} [cursor] */
  const read = (cursor) => attempt(t('made_things'), async () => {
    const page = /** @type {Api.Page<Api.Made>} */ (await get(path, { limit: AT_ONCE, cursor }));
    list.value = [...(cursor ? list.peek() ?? [] : []), ...page.items];
    next.value = page.next_cursor;
  });
  useEffect(() => { read(); }, [shown.id]);
  /** @param {'hold' | 'cancel'} verb */
  const all = (verb) => attempt(shown.name, async () => {
    const results = /** @type {Api.Bulk['results']} */ ([]);
    let more = true;
    // Each time up to a thousand; what did not work once is not tried for ever.
    while (more && results.every((one) => one.ok)) {
      const done = /** @type {Api.Bulk & {more: boolean}} */ (await post(`${path}/${verb}`));
      results.push(...done.results);
      more = done.more && done.results.length > 0;
    }
    const wrong = results.filter((one) => !one.ok);
    sayMany(t(verb === 'hold' ? 'made_held' : 'made_cancelled', { count: results.length - wrong.length }), wrong);
    await read();
  });
  const open = list.value?.some((one) => one.kind === 'job' && !OVER.includes(one.state ?? ''));
  return html`<section><h3>${t('made_things')}</h3>
    ${list.value && !list.value.length ? html`<p class="dim">${t('made_nothing')}</p>` : null}
    ${open ? html`<div class="actions">
      ${can('queue.manage') ? html`<${Button} icon="pause" label=${t('hold_made')} onClick=${() => all('hold')} />` : null}
      ${can('job.cancel_all') ? html`<${SureButton} icon="stop" tone="alarm" label=${t('cancel_made')} sure=${t('cancel_made_sure', { name: shown.name })} onClick=${() => all('cancel')} />` : null}</div>
      ${shown.state === 'active' ? html`<p class="dim small">${t('pause_first')}</p>` : null}` : null}
    <ul class="rows">${(list.value ?? []).map((one) => html`<li key=${one.id}><span class="break">${one.name ?? one.id}<small>${[word('kind', one.kind), moment(one.created_at)].filter(Boolean).join(' · ')}</small></span>${one.state ? html`<small>${word(one.kind === 'job' ? 'job' : 'state', one.state)}</small>` : null}</li>`)}</ul>
    ${next.value ? html`<p><${Button} quiet icon="down" label=${t('more')} onClick=${() => read(next.peek())} /></p>` : null}</section>`;
}
