// The head of every screen: where one is, whether the page is fresh, and what concerns the whole farm at once.
import { post } from '../core/api.js';
import { now } from '../core/clock.js';
import { away, farm, farms, queue, takeFarm } from '../core/farm.js';
import { html, useEffect, useSignal } from '../core/html.js';
import { attempt, sayMany } from '../core/notices.js';
import { route } from '../core/route.js';
import { can, me, servedBy, signOut } from '../core/session.js';
import { helpOpen } from '../core/shortcuts.js';
import { heardAt, link } from '../core/stream.js';
import { language, languages, moment, span, speak, t } from '../core/words.js';
import { Button, SureButton, Switch } from '../parts/controls.js';
import { Icon, Mark } from '../parts/icon.js';

const PLACES = [
  { path: '/', first: ['', 'p', 'add'], icon: 'wall', key: 'nav_wall', needs: 'printer.view' },
  { path: '/queue', first: ['queue'], icon: 'list', key: 'nav_queue', needs: 'queue.view' },
  { path: '/files', first: ['files'], icon: 'file', key: 'nav_files', needs: 'file.view' },
  { path: '/keys', first: ['keys'], icon: 'key', key: 'nav_keys', needs: 'api_key.view' },
  { path: '/floor', first: ['floor'], icon: 'hand', key: 'nav_floor', needs: 'user.view', rest: true },
  { path: '/people', first: ['people'], icon: 'people', key: 'nav_people', needs: 'user.view', only: 'relay', rest: true },
  { path: '/audit', first: ['audit'], icon: 'eye', key: 'nav_audit', needs: 'audit.view', rest: true },
  { path: '/store', first: ['store', 'claim'], icon: 'store', key: 'nav_store', needs: 'farm.claim', atRelay: 'farm.view', rest: true },
];

/** Where one may go here; where there is little room, the rest stands in the menu. */
const places = () => PLACES.filter((place) => (!place.only || place.only === servedBy.value) && can((servedBy.value === 'relay' && place.atRelay) || place.needs));

export function Header() {
  const open = useSignal(false);
  useEffect(() => {
    if (!open.value) return undefined;
    /** @param {MouseEvent} event */
    const outside = (event) => { if (event.target instanceof Element && !event.target.closest('.farm-tools, .menu-button')) open.value = false; };
    addEventListener('click', outside);
    return () => removeEventListener('click', outside);
  }, [open.value]);
  return html`<header class="head">
    <a class="home" href="/"><${Mark} /><h1>${farm.value?.name ?? 'Gantry'}</h1></a>
    <${Places} />
    <span class="grow"></span>
    <${Connection} />
    <${Everything} place="in-head" />
    <div class=${open.value ? 'farm-tools open' : 'farm-tools'}>
      <${Rest} onGo=${() => { open.value = false; }} />
      <${Dispatch} />
      <${Everything} place="in-menu" />
      <label class="language"><${Icon} name="globe" size=${18} /><select aria-label=${t('language')} onChange=${(/** @type {any} */ event) => speak(event.currentTarget.value)}>
        ${languages.map((code) => html`<option key=${code} value=${code} selected=${code === language.value}>${code.toUpperCase()}</option>`)}
      </select></label>
      <${Button} icon="question" quiet label=${t('help')} onClick=${() => { helpOpen.value = true; }} />
      ${servedBy.value === 'relay' && me.value?.actor.kind === 'user' ? html`<a class="who" href="/account">${me.value.name || t('my_account')}</a>` : me.value?.actor.kind === 'floor' && me.value.name ? html`<a class="who" href="/account">${me.value.name}</a>` : me.value?.name ? html`<span class="who">${me.value.name}</span>` : null}
      <${Button} icon="leave" quiet label=${t('sign_out')} onClick=${() => attempt(t('sign_out'), signOut)} />
    </div>
    <span class="menu-button"><${Button} icon=${open.value ? 'close' : 'more'} bare quiet label=${t('menu')} onClick=${() => { open.value = !open.value; }} /></span>
  </header>`;
}

function Places() {
  const here = route.value.parts[0] ?? '';
  return html`<nav class="places" aria-label=${t('menu')}>
    ${places().map((place) => html`<a key=${place.path} href=${place.path} data-rest=${place.rest ? 'yes' : undefined} aria-current=${place.first.includes(here) ? 'page' : undefined}>
      <${Icon} name=${place.icon} /><span>${t(/** @type {any} */ (place.key))}</span>${place.path === '/queue' && queue.value?.waiting ? html`<b>${queue.value.waiting}</b>` : null}
    </a>`)}
  </nav>`;
}

/** @param {{onGo: () => void}} props */
function Rest({ onGo }) {
  const here = route.value.parts[0] ?? '';
  const rest = places().filter((place) => place.rest);
  return rest.length ? html`<nav class="rest" aria-label=${t('more_places')}>${rest.map((place) => html`<a key=${place.path} class="button quiet" href=${place.path} onClick=${onGo} aria-current=${place.first.includes(here) ? 'page' : undefined}><${Icon} name=${place.icon} /><span class="label">${t(/** @type {any} */ (place.key))}</span></a>`)}</nav>` : null;
}

function Connection() {
  const live = link.value === 'live';
  return html`<span class="connection" data-link=${link.value} title=${t(live ? 'link_live' : 'link_away')}><i></i><span>${t(live ? 'link_live' : link.value === 'away' ? 'link_away' : 'link_connecting')}</span></span>`;
}

/** @param {Api.Farm} doc @param {string} dispatch */
const tellFarm = (doc, dispatch) => attempt(doc.name, async () => takeFarm(await post(`/v1/farms/${doc.id}/dispatch`, { dispatch })));

function Dispatch() {
  const doc = farm.value;
  if (!doc || !can('farm.dispatch')) return null;
  const options = [{ value: 'run', label: t('dispatch_run'), icon: 'play' }, { value: 'drain', label: t('dispatch_drain'), icon: 'next', tone: 'warn' }, { value: 'stop', label: t('dispatch_stop'), icon: 'ban', tone: 'alarm' }];
  return html`<${Switch} label=${t('dispatch')} options=${options} value=${doc.dispatch} onPick=${(/** @type {string} */ dispatch) => tellFarm(doc, dispatch)} />`;
}

/** @param {{place: string}} props */
function Everything({ place }) {
  const doc = farm.value;
  if (!doc || !can('farm.dispatch')) return null;
  /** @param {string} verb @param {'paused_all' | 'stopped_all'} done */
  const all = (verb, done) => attempt(doc.name, async () => {
    const { results } = /** @type {Api.Bulk} */ (await post(`/v1/farms/${doc.id}/${verb}`));
    const wrong = results.filter((one) => !one.ok);
    sayMany(t(done, { count: results.length - wrong.length }), wrong);
  });
  return html`<span class=${`everything ${place}`}>
    <${SureButton} icon="pause" label=${t('pause_all')} sure=${t('pause_all_sure')} onClick=${() => all('pause-all', 'paused_all')} />
    <${SureButton} icon="stop" tone="alarm" label=${t('stop_all')} sure=${t('stop_all_sure')} onClick=${() => all('stop-all', 'stopped_all')} />
  </span>`;
}

/** @param {{since: number, asOf: number}} when */
function farmAway({ since, asOf }) {
  const time = (/** @type {number} */ at) => moment(new Date(at).toISOString());
  const gone = farms.value.length > 1 ? farms.value.filter((one) => one.connection !== 'online').map((one) => one.name) : [];
  const names = gone.join(', ') || farm.value?.name || t('a_farm');
  // A farm that was never heard to the end has no such time.
  return asOf ? t('farm_away', { names, since: time(since), as_of: time(asOf) }) : t('farm_away_never', { names });
}

/** What stands over the page while it cannot be current, or while the farm is told to start nothing. */
export function Banners() {
  const doc = farm.value;
  const waits = doc?.dispatch === 'drain' || doc?.dispatch === 'stop';
  return html`<div class="banners">
    ${link.value === 'away' ? html`<p class="banner" data-tone="alarm" role="alert"><${Icon} name="wifi" />${t('offline_banner', { span: span((now.value - heardAt.value) / 1000) })}</p>` : null}
    ${away.value ? html`<p class="banner" data-tone="warn" role="status"><${Icon} name="unplug" />${farmAway(away.value)}</p>` : null}
    ${doc && waits ? html`<div class="banner" data-tone="warn"><${Icon} name="ban" /><p role="status">${t(doc.dispatch === 'drain' ? 'drain_banner' : 'stop_banner')}</p>
      ${can('farm.dispatch') ? html`<${Button} icon="play" label=${t('dispatch_again')} onClick=${() => tellFarm(doc, 'run')} />` : null}</div>` : null}
  </div>`;
}
