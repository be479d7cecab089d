// The wall: every printer at once, those that want a person first. Only the order of the tiles is decided here, and anew only when a
// state changes or ten seconds went by; what moves inside a tile is the tile's own business.
import { now } from '../core/clock.js';
import { look, states, wantsPerson } from '../core/display.js';
import { arrivals, farm, farms, loaded, machines } from '../core/farm.js';
import { computed, html, signal, useEffect } from '../core/html.js';
import { go, route, setQuery } from '../core/route.js';
import { can, servedBy } from '../core/session.js';
import { t, word } from '../core/words.js';
import { Button, Chip, Switch } from '../parts/controls.js';
import { Icon } from '../parts/icon.js';
import { Tile } from './tile.js';

/** @typedef {import('../core/farm.js').Machine} Machine */

const search = signal('');
const only = signal(/** @type {string | null} */ (null));
const tenSeconds = computed(() => Math.floor(now.value / 10_000));
const filterTag = computed(() => route.value.query.get('tag'));
export const density = computed(() => route.value.query.get('view') ?? kept('view') ?? (matchMedia('(max-width: 700px)').matches ? 'list' : 'thumb'));
const grouping = computed(() => route.value.query.get('group') ?? '');

/** @param {string} name */
function kept(name) {
  try { return localStorage.getItem(name); } catch { return null; }
}

/** @param {Machine} machine @param {string} wanted */
function matches(machine, wanted) {
  const { name, tags, machine: hardware } = machine.doc.value;
  return [name, hardware.model ?? '', machine.work.value, ...tags].some((text) => text.toLowerCase().includes(wanted));
}

/** @param {Machine} machine */
const rank = (machine) => (wantsPerson(machine) ? Math.min(2, look(machine.state.value).rank) : look(machine.state.value).rank);
const names = new Intl.Collator(undefined, { numeric: true });

/** So few printers get larger tiles: an empty screen says nothing. */
const ROOMY = 36;
/** @type {Machine[]} */
let before = [];
const inScope = computed(() => [...machines.value.values()].filter((one) => !filterTag.value || one.doc.value.tags.includes(filterTag.value)));
const ordered = computed(() => {
  tenSeconds.value;
  arrivals.value;
  const wanted = search.value.trim().toLowerCase();
  const shown = inScope.value.filter((one) => (!only.value || (only.value === 'human' ? wantsPerson(one) : one.state.value === only.value)) && (!wanted || matches(one, wanted)));
  const keyed = shown.map((one) => ({ one, rank: rank(one), finish: one.finishAt.peek() ?? Infinity, name: one.doc.value.name }));
  keyed.sort((a, b) => a.rank - b.rank || (a.finish === b.finish ? 0 : a.finish - b.finish) || names.compare(a.name, b.name));
  const after = keyed.map((entry) => entry.one);
  const same = after.length === before.length && after.every((one, index) => one === before[index]);
  if (!same) before = after;
  return before;
});

const counts = computed(() => {
  /** @type {Map<string, number>} */
  const counted = new Map();
  for (const one of inScope.value) counted.set(one.state.value, (counted.get(one.state.value) ?? 0) + 1);
  return counted;
});
const humans = computed(() => inScope.value.filter(wantsPerson).length);

/** Tags such as `rack-a` and `rack-b` belong to one family, `rack`. @param {string} tag */
const family = (tag) => tag.split(/[-_.:]/)[0] ?? tag;

const families = computed(() => {
  /** @type {Map<string, Set<string>>} */
  const found = new Map();
  for (const one of machines.value.values()) for (const tag of one.doc.value.tags) found.set(family(tag), (found.get(family(tag)) ?? new Set()).add(tag));
  return [...found].filter(([, tags]) => tags.size > 1).map(([name]) => name).sort();
});

/** @param {Machine[]} list @returns {[string, Machine[]][]} */
function grouped(list) {
  const by = grouping.value;
  if (!by) return [['', list]];
  /** @type {Map<string, Machine[]>} */
  const groups = new Map();
  for (const one of list) {
    const { tags, machine } = one.doc.value;
    const name = (by === 'model' ? machine.model : tags.find((tag) => family(tag) === by)) ?? '';
    groups.set(name, [...(groups.get(name) ?? []), one]);
  }
  return [...groups].sort(([a], [b]) => (a === '' ? 1 : b === '' ? -1 : names.compare(a, b)));
}

export function Wall() {
  const list = ordered.value;
  return html`<main class="wall" data-view=${density.value} data-roomy=${inScope.value.length <= ROOMY ? 'yes' : 'no'}>
    <${Tools} />
    ${!loaded.value && !machines.value.size ? null : machines.value.size === 0 ? html`<${Empty} />` : list.length === 0 ? html`<p class="nothing">${t('nothing_matches')}</p>` : null}
    ${grouped(list).map(([name, members]) => html`<section key=${name} aria-label=${name || undefined}>
      ${grouping.value ? html`<h2 class="group">${name || t('group_rest')} <small>${members.length}</small></h2>` : null}
      <div class="tiles">${members.map((one) => html`<${Tile} key=${one.id} machine=${one} view=${density.value} />`)}</div>
    </section>`)}
    <${Announcer} />
  </main>`;
}

function Tools() {
  const options = [{ value: 'dense', label: t('view_dense'), icon: 'dense' }, { value: 'thumb', label: t('view_thumb'), icon: 'wall' }, { value: 'list', label: t('view_list'), icon: 'list' }];
  /** @param {string} view */
  const pick = (view) => {
    try { localStorage.setItem('view', view); } catch { /* not kept, then */ }
    setQuery('view', view);
  };
  /** @param {string} state */
  const toggle = (state) => { only.value = only.value === state ? null : state; };
  const present = states.filter((state) => counts.value.has(state) || only.value === state);
  return html`<div class="tools">
    <div class="chips" role="group" aria-label=${t('filter')}>
      ${humans.value || only.value === 'human' ? html`<${Chip} label=${t('needs_you')} icon="hand" tone="human" count=${humans.value} pressed=${only.value === 'human'} onClick=${() => toggle('human')} />` : null}
      ${present.map((state) => html`<${Chip} key=${state} label=${word('state', state)} icon=${look(state).icon} tone=${look(state).tone} count=${counts.value.get(state) ?? 0} pressed=${only.value === state} onClick=${() => toggle(state)} />`)}
    </div>
    <div class="tool-end">
      <label class="search"><${Icon} name="search" size=${16} /><input data-search type="search" placeholder=${t('search')} aria-label=${t('search')} value=${search.value} onInput=${(/** @type {any} */ event) => { search.value = event.currentTarget.value; }} /></label>
      <select class="pick" aria-label=${t('group_by')} onChange=${(/** @type {any} */ event) => setQuery('group', event.currentTarget.value)}>
        <option value="" selected=${!grouping.value}>${t('group_none')}</option>
        <option value="model" selected=${grouping.value === 'model'}>${t('group_model')}</option>
        ${families.value.map((name) => html`<option key=${name} value=${name} selected=${grouping.value === name}>${t('group_tag', { tag: name })}</option>`)}
      </select>
      <${Switch} bare label=${t('view')} options=${options} value=${density.value} onPick=${pick} />
      ${can('printer.create') ? html`<${Button} icon="plus" bare quiet label=${t('add_printer')} onClick=${() => go('/add')} />` : null}
    </div>
  </div>`;
}

const Empty = () => (servedBy.value === 'relay' && !farms.value.length ? html`<${NoFarm} />` : html`<${NoPrinter} />`);

const NoFarm = () => html`<div class="empty"><${Icon} name="store" size=${48} /><h2>${t('no_farms')}</h2><p>${t('no_farms_hint')}</p>
  ${can('farm.claim') ? html`<${Button} big tone="main" icon="plus" label=${t('claim_farm')} onClick=${() => go('/claim')} />` : null}</div>`;

const NoPrinter = () => html`<div class="empty"><${Icon} name="print" size=${48} /><h2>${t('no_printers')}</h2><p>${t('no_printers_hint')}</p>
  ${can('printer.create') ? html`<${Button} big tone="main" icon="plus" label=${t('add_printer')} onClick=${() => go('/add')} />` : null}</div>`;

/** Reads changes of state to those who do not see the wall. */
function Announcer() {
  const said = announced;
  useEffect(() => {
    /** @type {Map<string, string>} */
    let known = new Map();
    return ordered.subscribe(() => {
      const fresh = new Map([...machines.peek().values()].map((one) => [one.id, one.state.peek()]));
      const changed = [...machines.peek().values()].filter((one) => known.has(one.id) && known.get(one.id) !== fresh.get(one.id));
      known = fresh;
      if (changed.length > 3) said.value = t('many_changed', { count: changed.length });
      else if (changed.length) said.value = changed.map((one) => `${one.doc.peek().name}: ${word('state', one.state.peek())}`).join('. ');
    });
  }, []);
  return html`<p class="unseen" aria-live="polite">${said}</p>`;
}
const announced = signal('');

export const title = computed(() => (humans.value ? `(${humans.value}) ` : '') + (farm.value?.name ?? 'Gantry'));
