// At a farm's own page: whether it belongs to a store, and the code under which it can be claimed at a relay. Yes is said there.
import { call, get, post } from '../core/api.js';
import { now } from '../core/clock.js';
import { farm } from '../core/farm.js';
import { html, useEffect, useSignal } from '../core/html.js';
import { attempt } from '../core/notices.js';
import { can } from '../core/session.js';
import { moment, span, t } from '../core/words.js';
import { Badge, Button, Field, formValues } from '../parts/controls.js';
import { Icon } from '../parts/icon.js';
import { wrongFields } from './printer_form.js';
import { Unpair } from './unpair.js';

const READ_MS = 2000;

/** @typedef {(deed: () => Promise<Api.Claim>) => Promise<unknown>} Tell */

export function ClaimPage() {
  const claim = useSignal(/** @type {Api.Claim | null} */ (null));
  const read = async () => { claim.value = await get('/v1/claim'); };
  useEffect(() => {
    attempt(t('nav_store'), read);
    const timer = setInterval(() => { if (!document.hidden) read().catch(() => {}); }, READ_MS);
    return () => clearInterval(timer);
  }, []);
  const known = claim.value;
  if (!known) return html`<main class="page"></main>`;
  /** @type {Tell} */
  const tell = async (deed) => { claim.value = await deed(); };
  return html`<main class="page"><div class="claim">
    ${known.state === 'claimed' ? html`<${Claimed} claim=${known} read=${read} />` : known.state === 'waiting' ? html`<${Waiting} claim=${known} tell=${tell} />` : html`<${Unclaimed} claim=${known} tell=${tell} />`}
  </div></main>`;
}

/** Four words, large enough to be read across a room. @param {{words: string}} props */
export const FourWords = ({ words }) => html`<ol class="four-words" aria-label=${t('four_words')}>${words.split('-').map((word) => html`<li key=${word}>${word}</li>`)}</ol>`;

/** @param {{claim: Api.Claim, tell: Tell}} props */
function Unclaimed({ claim, tell }) {
  const wrong = useSignal(/** @type {Record<string, string>} */ ({}));
  /** @param {Event} event */
  const submit = async (event) => {
    const { relay_url: relay = '' } = formValues(event);
    wrong.value = {};
    await attempt(relay, async () => {
      try {
        await tell(() => post('/v1/claim', { relay_url: relay }));
      } catch (error) {
        wrong.value = wrongFields(error);
        throw error;
      }
    });
  };
  return html`<div class="card claim-card"><h2>${t('unclaimed')}</h2><p>${t('unclaimed_hint')}</p>
    ${claim.problem ? html`<p class="trouble" role="alert">${t('claim_problem', { problem: claim.problem })}</p>` : null}
    <form class="form" onSubmit=${submit}>
      <${Field} label=${t('relay_address')} name="relay_url" type="url" required hint=${t('relay_address_hint')} wrong=${wrong.value.relay_url} mode="url" />
      <div class="form-end"><${Button} type="submit" tone="main" icon="key" label=${t('get_code')} /></div>
    </form></div>`;
}

/** @param {{claim: Api.Claim, tell: Tell}} props */
function Waiting({ claim, tell }) {
  const code = claim.user_code ?? '';
  const left = Math.max(0, (Date.parse(claim.expires_at ?? '') - now.value) / 1000);
  const picture = claim.qr_svg ? `data:image/svg+xml;base64,${btoa(claim.qr_svg)}` : '';
  return html`<div class="card claim-card"><h2>${t('claim_waiting')}</h2>
    <ol class="steps">
      <li><p>${t('claim_step_open')}</p><a class="break" href=${claim.verification_uri_complete} target="_blank" rel="noreferrer">${claim.verification_uri}</a></li>
      <li><p>${t('claim_step_code')}</p><p class="claim-code" aria-label=${code.split('').join(' ')}><span>${code.slice(0, 4)}</span><span>${code.slice(4)}</span></p></li>
      <li><p>${t('claim_step_words')}</p><${FourWords} words=${claim.fingerprint} /></li>
    </ol>
    ${picture ? html`<figure class="qr"><img src=${picture} alt=${t('qr_alt')} width="240" height="240" /><figcaption class="dim">${t('qr_hint')}</figcaption></figure>` : null}
    <div class="form-end"><span class="dim" role="timer">${t('claim_left', { span: span(left) })}</span><${Button} icon="close" label=${t('claim_cancel')} onClick=${() => attempt(t('claim_cancel'), () => tell(() => call('DELETE', '/v1/claim')))} /></div>
  </div>`;
}

/** @param {{claim: Api.Claim, read: () => Promise<void>}} props */
function Claimed({ claim, read }) {
  const leaving = useSignal(false);
  const doc = farm.value;
  return html`<div class="card claim-card"><h2>${t('claimed', { store: claim.store_name ?? '' })}</h2>
    <p><${Badge} tone=${claim.connected ? 'calm' : 'warn'} icon=${claim.connected ? 'wifi' : 'unplug'} label=${t(claim.connected ? 'line_stands' : 'line_away')} /></p>
    ${claim.refused ? html`<p class="banner" data-tone="warn"><${Icon} name="ban" /><span>${t(claim.refused.why === 'old_key' ? 'i_am_old' : 'i_am_second')}</span></p>
      <div class="form-end"><span></span><${Button} icon="key" label=${t('get_code')} onClick=${() => attempt(t('get_code'), async () => { await post('/v1/claim', { relay_url: claim.relay_url }); await read(); })} /></div>` : null}
    ${claim.connected || claim.refused ? null : html`<p class="dim">${t('line_away_hint')}</p>`}
    <dl class="facts">
      <div><dt>${t('store')}</dt><dd class="break">${claim.store_name}</dd></div>
      <div><dt>${t('relay')}</dt><dd class="break"><a href=${claim.relay_url} target="_blank" rel="noreferrer">${claim.relay_url}</a></dd></div>
      <div><dt>${t('claimed_since')}</dt><dd>${moment(claim.claimed_at)}</dd></div>
      <div><dt>${t('four_words')}</dt><dd>${claim.fingerprint}</dd></div>
    </dl>
    <p class="dim">${t('claimed_hint')}</p>
    ${doc && can('farm.remove') ? html`<div class="form-end"><span></span><${Button} icon="leave" tone="alarm" label=${t('unpair')} onClick=${() => { leaving.value = true; }} /></div>` : null}
    ${doc && leaving.value ? html`<${Unpair} farm=${doc} onClose=${() => { leaving.value = false; read().catch(() => {}); }} />` : null}
  </div>`;
}
