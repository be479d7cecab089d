// The audit: who changed what, from where, how it was before and after; as a file; and whether every entry is there, unchanged. What is
// looked for stands in the address, so that it can be passed on.
import { address, get } from '../core/api.js';
import { farms } from '../core/farm.js';
import { html, useEffect, useSignal } from '../core/html.js';
import { attempt } from '../core/notices.js';
import { idOf, known, readNames, thingName } from '../core/names.js';
import { route, setQuery } from '../core/route.js';
import { servedBy } from '../core/session.js';
import { moment, number, t, word } from '../core/words.js';
import { Button, Choice, Field } from '../parts/controls.js';
import { Icon } from '../parts/icon.js';
import { Entry } from './audit_entry.js';

const KINDS = ['user', 'floor', 'api_key', 'device', 'slicer', 'ai', 'webhook_in', 'scheduler', 'farm', 'relay'];
const FILTERS = ['actor', 'actor_kind', 'operation', 'subject', 'since', 'until', 'home'];

/** @typedef {{items: Api.AuditEntry[], next?: string, missing: string[]}} Read */

/** What the address asks for, as the API wants it: its days are those of the reader's clock. @param {URLSearchParams} query */
export function asked(query) {
  const given = Object.fromEntries(FILTERS.map((name) => [name, query.get(name) ?? undefined]));
  const day = (/** @type {string | undefined} */ text, /** @type {number} */ more) => {
    const at = text ? new Date(`${text}T00:00:00`) : undefined;
    if (!at || Number.isNaN(at.getTime())) return undefined;
    at.setDate(at.getDate() + more);
    return at.toISOString();
  };
  return { ...given, since: day(given.since, 0), until: day(given.until, 1) };
}

export function Audit() {
  const list = useSignal(/** @type {Read | null} */ (null));
  const filter = asked(route.value.query);
  const key = JSON.stringify(filter);
  /** @param {string} [cursor] */
  const read = (cursor) => attempt(t('audit'), async () => {
    const page = /** @type {Api.AuditPage} */ (await get('/v1/audit_entries', { ...filter, cursor }));
    if (JSON.stringify(asked(route.peek().query)) !== key) return;
    const before = cursor ? list.peek()?.items ?? [] : [];
    list.value = { items: [...before, ...page.items], next: page.next_cursor, missing: page.missing_farms ?? [] };
  });
  const verified = useSignal(/** @type {Api.AuditVerification | null} */ (null));
  const look = () => attempt(t('verify'), async () => { verified.value = await get('/v1/audit_entries/verification'); });
  useEffect(() => { readNames().catch(() => {}); }, []);
  useEffect(() => { read(); }, [key]);
  const shown = list.value;
  return html`<main class="page">
    <section class="keys-part"><div class="page-tools wraps"><div><h2>${t('audit')}</h2><p class="dim">${t('audit_hint')}</p></div>
      <div class="actions"><${Button} icon="lock" label=${t('verify')} onClick=${look} />
      <a class="button" href=${address('/v1/audit_entries/export', { ...filter, format: 'csv' })} download="audit.csv"><${Icon} name="file" /><span class="label">CSV</span></a>
      <a class="button" href=${address('/v1/audit_entries/export', { ...filter, format: 'jsonl' })} download="audit.jsonl"><${Icon} name="file" /><span class="label">JSONL</span></a></div></div>
      <${Verified} told=${verified.value} /></section>
    <${Filter} />
    ${shown?.missing.length ? html`<p class="banner" data-tone="warn"><span>${t('audit_missing', { names: shown.missing.map(thingName).join(', ') })}</span></p>` : null}
    ${shown && !shown.items.length && !shown.next ? html`<div class="empty"><${Icon} name="list" size=${44} /><h2>${t('audit_none')}</h2></div>` : null}
    <ul class="queue">${(shown?.items ?? []).map((one) => html`<${Entry} key=${`${one.home}/${one.number}`} entry=${one} />`)}</ul>
    ${shown?.next ? html`<p class="more"><${Button} label=${t('more')} icon="down" onClick=${() => read(shown.next)} /></p>` : null}
  </main>`;
}

/** Whom and what one looks for. */
function Filter() {
  const { query } = route.value;
  const given = (/** @type {string} */ name) => query.get(name) ?? '';
  const actors = [...known.value.values()].filter((one) => KINDS.includes(one.kind)).sort((a, b) => a.name.localeCompare(b.name));
  const stranger = given('actor') && given('actor') !== 'owner' && !known.value.has(given('actor')) ? [{ value: given('actor'), label: given('actor') }] : [];
  const owner = servedBy.value === 'agent' ? [{ value: 'owner', label: t('owner') }] : [];
  const pick = (/** @type {string} */ name) => (/** @type {string} */ value) => setQuery(name, value || null);
  const typed = (/** @type {any} */ event) => {
    const { name, value } = event.target;
    if (name === 'subject') setQuery(name, idOf(value) || null);
    if (name === 'operation') setQuery(name, value.trim().toLowerCase().replace(/ /g, '_') || null);
    if (name === 'since' || name === 'until') setQuery(name, value || null);
  };
  const any = FILTERS.some(given);
  return html`<details class="fold look" open=${any || innerWidth > 800}><summary>${t('audit_look')}</summary><form class="filters" role="search" aria-label=${t('audit')} onChange=${typed} onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
    <${Choice} label=${t('audit_who')} name="actor" value=${given('actor')} onPick=${pick('actor')} options=${[{ value: '', label: t('anybody') }, ...owner, ...stranger, ...actors.map((one) => ({ value: one.id, label: `${one.name} (${word('actor', one.kind)})` }))]} />
    <${Choice} label=${t('audit_kind')} name="actor_kind" value=${given('actor_kind')} onPick=${pick('actor_kind')} options=${[{ value: '', label: t('any_kind') }, ...KINDS.map((kind) => ({ value: kind, label: word('actor', kind) }))]} />
    ${farms.value.length && servedBy.value === 'relay' ? html`<${Choice} label=${t('audit_home')} name="home" value=${given('home')} onPick=${pick('home')} options=${[{ value: '', label: t('audit_everywhere') }, ...farms.value.map((one) => ({ value: one.id, label: one.name }))]} />` : null}
    <${Field} key=${`subject ${given('subject')}`} label=${t('audit_thing')} name="subject" value=${given('subject') ? thingName(given('subject')) : ''} placeholder=${t('audit_thing_hint')} />
    <${Field} key=${`operation ${given('operation')}`} label=${t('audit_what')} name="operation" value=${given('operation').replace(/_/g, ' ')} placeholder=${t('audit_what_hint')} />
    <${Field} label=${t('audit_since')} name="since" type="date" value=${given('since')} />
    <${Field} label=${t('audit_until')} name="until" type="date" value=${given('until')} />
    ${any ? html`<div class="field end"><${Button} quiet icon="close" label=${t('audit_all')} onClick=${() => FILTERS.forEach((name) => setQuery(name, null))} /></div>` : null}
  </form></details>`;
}

/** Whether the record is whole, in words. @param {{told: Api.AuditVerification | null}} props */
function Verified({ told }) {
  /** @param {Api.ChainVerified} chain */
  const last = (chain) => chain.trimmed?.[chain.trimmed.length - 1];
  /** @param {Api.ChainVerified} chain */
  const name = (chain) => (farms.value.some((one) => one.id === chain.home) ? thingName(chain.home) : t('audit_accounts'));
  if (!told) return null;
  return html`<div class="verify stack" role="status">
      ${told.chains.map((chain) => html`<div class="banner" key=${chain.home} data-tone=${chain.whole ? 'calm' : 'alarm'}><${Icon} name=${chain.whole ? 'check' : 'alert'} /><div>
        <b>${name(chain)}: ${chain.whole ? t('chain_whole', { count: number(chain.entries) }) : t('chain_broken', { number: chain.broken_at ?? '?' })}</b>
        ${chain.problem ? html`<p>${chain.problem}</p>` : null}
        ${last(chain) ? html`<p>${t('chain_trimmed', { number: number(last(chain)?.number ?? 0), time: moment(last(chain)?.at) })}</p>` : null}
        ${chain.whole && chain.entries ? html`<p class="small break">${t('chain_hash', { number: number(chain.last) })} <code>${chain.hash}</code></p>` : null}</div></div>`)}
      ${(told.missing_farms ?? []).map((id) => html`<p class="banner" data-tone="warn" key=${id}><span>${t('chain_away', { name: thingName(id) })}</span></p>`)}</div>`;
}
