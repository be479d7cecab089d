// At a relay: the farms of the store, how one is claimed by its code and four words, and how one leaves.
import { get, post } from '../core/api.js';
import { farms, readFarms } from '../core/farm.js';
import { html, useEffect, useSignal } from '../core/html.js';
import { attempt, say } from '../core/notices.js';
import { go, route } from '../core/route.js';
import { can } from '../core/session.js';
import { moment, t, word } from '../core/words.js';
import { Badge, Button, Choice, Field, formValues } from '../parts/controls.js';
import { Icon } from '../parts/icon.js';
import { FourWords } from './claim.js';
import { Unpair } from './unpair.js';

const SOON_MS = 1000;
/** A claimed farm dials within seconds; after that the list is read at its own pace. */
const SOON = 20;

/** @param {{claiming: boolean}} props */
export function FarmsPage({ claiming }) {
  const leaving = useSignal(/** @type {Api.Farm | null} */ (null));
  useEffect(() => { attempt(t('farms'), readFarms); }, []);
  if (claiming && can('farm.claim')) return html`<main class="page"><div class="claim"><${ClaimFarm} /></div></main>`;
  return html`<main class="page">
    <div class="page-tools"><h2>${t('farms')}</h2><span class="grow"></span>
      ${can('farm.claim') ? html`<${Button} tone="main" icon="plus" label=${t('claim_farm')} onClick=${() => go('/claim')} />` : null}</div>
    ${farms.value.length ? null : html`<div class="empty"><${Icon} name="store" size=${44} /><h2>${t('no_farms')}</h2><p>${t('no_farms_hint')}</p></div>`}
    <ul class="queue">${farms.value.map((farm) => html`<li class="row" data-item key=${farm.id}>
      <div class="row-main"><b class="break">${farm.name}</b>
        <p class="row-facts">${farm.live === false ? html`<${Badge} tone="warn" icon="flask" label=${t('test_farm')} /> ` : null}<${Badge} tone=${farm.connection === 'online' ? 'calm' : 'warn'} icon=${farm.connection === 'online' ? 'wifi' : 'unplug'} label=${t(farm.connection === 'online' ? 'farm_connected' : 'farm_is_away')} /> ${farm.dispatch === 'run' ? '' : word('dispatch', farm.dispatch)}</p>
        ${farm.refused ? html`<${RefusedAgent} farm=${farm} />` : null}</div>
      <div class="row-end">${can('farm.remove') ? html`<${Button} quiet icon="leave" label=${t('let_leave')} onClick=${() => { leaving.value = farm; }} />` : null}</div></li>`)}</ul>
    ${leaving.value ? html`<${Unpair} farm=${leaving.value} onClose=${() => { leaving.value = null; readFarms().catch(() => {}); }} />` : null}
  </main>`;
}

/** An agent came in the farm's name and was not let in. @param {{farm: Api.Farm}} props */
function RefusedAgent({ farm }) {
  const dismiss = () => attempt(farm.name, async () => {
    await post(`/v1/farms/${farm.id}/dismiss-refusal`);
    await readFarms();
  });
  return html`<p class="banner" data-tone="warn"><${Icon} name="ban" /><span>${t(farm.refused?.why === 'old_key' ? 'refused_old_key' : 'refused_second_agent', { time: moment(farm.refused?.last) })}</span>
    ${can('farm.claim') ? html`<${Button} quiet icon="check" label=${t('refused_dismiss')} onClick=${dismiss} />` : null}</p>`;
}

function ClaimFarm() {
  const asking = useSignal(/** @type {Api.Pairing | null} */ (null));
  const given = route.value.query.get('code') ?? '';
  /** @param {string} code */
  const look = (code) => attempt(t('claim_farm'), async () => { asking.value = await get(`/v1/pairings/${encodeURIComponent(code)}`); });
  useEffect(() => { if (given) look(given); }, [given]);
  /** @param {Event} event */
  const submit = (event) => {
    const { code = '' } = formValues(event);
    return look(code.replace(/[\s-]/g, '').toUpperCase());
  };
  const farm = asking.value;
  if (farm) return html`<${Compare} farm=${farm} onNo=${() => { asking.value = null; go('/store?'); }} />`;
  return html`<div class="card claim-card"><h2>${t('claim_farm')}</h2><p>${t('claim_farm_hint')}</p>
    <form class="form" onSubmit=${submit}>
      <${Field} label=${t('claim_code')} name="code" value=${given} required placeholder="ABCD 2345" hint=${t('claim_code_hint')} />
      <div class="form-end"><${Button} quiet label=${t('back')} onClick=${() => go('/store?')} /><${Button} type="submit" tone="main" icon="search" label=${t('claim_look')} /></div>
    </form></div>`;
}

/** @param {{farm: Api.Pairing, onNo: () => void}} props */
function Compare({ farm, onNo }) {
  // An empty agent may be the new machine of a farm whose old one is gone.
  const place = useSignal(farm.replaces ?? '');
  const others = farm.empty ? farms.value : [];
  const yes = () => attempt(farm.farm_name, async () => {
    await post('/v1/farms/claim', { user_code: farm.user_code, fingerprint: farm.fingerprint, ...(place.value ? { replace: place.value } : {}) });
    say(t('claim_done', { name: farm.farm_name }), t('claim_done_hint'));
    go('/store?');
    for (let tries = 0; tries < SOON && !farms.peek().some((one) => one.id === (place.value || farm.farm_id)); tries += 1) {
      await new Promise((done) => { setTimeout(done, SOON_MS); });
      await readFarms();
    }
  });
  return html`<div class="card claim-card"><h2>${t('claim_compare', { name: farm.farm_name })}</h2>
    <dl class="facts">
      <div><dt>${t('farm')}</dt><dd class="break">${farm.farm_name}</dd></div>
      <div><dt>${t('host')}</dt><dd class="break">${farm.host}</dd></div>
      <div><dt>${t('claim_code')}</dt><dd>${farm.user_code} · ${t('expires', { time: moment(farm.expires_at) })}</dd></div>
    </dl>
    ${others.length ? html`<${Choice} label=${t('claim_as')} value=${place.value} name="place" options=${[{ value: '', label: t('claim_as_new') }, ...others.map((one) => ({ value: one.id, label: t('claim_as_place', { name: one.name }) }))]} onPick=${(/** @type {string} */ value) => { place.value = value; }} hint=${t('claim_as_hint')} />` : null}
    ${place.value ? html`<p class="banner" data-tone="warn"><${Icon} name="ban" /><span>${t('replaces_hint')}</span></p>` : null}
    ${farm.live === false ? html`<p class="banner" data-tone="warn"><${Icon} name="flask" /><span>${t('test_farm_hint')}</span></p>` : null}
    <section><h3>${t('keys_along')}</h3>${farm.keys.length ? html`<ul class="rows">${farm.keys.map((key) => html`<li key=${key.name}><span class="break">${key.name}</span><small>${t('count_permissions', { count: key.permissions.length })}</small></li>`)}</ul><p class="dim">${t('keys_along_hint')}</p>` : html`<p class="dim">${t('no_keys_along')}</p>`}</section>
    <section><h3>${t('words_question')}</h3><${FourWords} words=${farm.fingerprint} /><p class="dim">${t('words_hint')}</p></section>
    <div class="ask-buttons"><${Button} icon="close" label=${t('words_differ')} onClick=${onNo} /><${Button} tone="main" icon="check" label=${t('words_same', { name: farm.farm_name })} onClick=${yes} /></div>
  </div>`;
}
