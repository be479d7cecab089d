// The wall mode, `?kiosk=1`: a slim head without menus, the screen kept awake, and a small shift every minute so that nothing burns in.
import { now } from '../core/clock.js';
import { farm, queue } from '../core/farm.js';
import { html } from '../core/html.js';
import { heardAt, link } from '../core/stream.js';
import { clockTime, span, t } from '../core/words.js';
import { Mark } from '../parts/icon.js';

export const kiosk = new URLSearchParams(location.search).get('kiosk') === '1';

export function KioskHead() {
  return html`<header class="head kiosk-head">
    <${Mark} /><h1>${farm.value?.name ?? 'Gantry'}</h1><span class="grow"></span>
    ${queue.value ? html`<span>${t('kiosk_queue', { waiting: queue.value.waiting, active: queue.value.active })}</span>` : null}
    <span class="connection" data-link=${link.value}><i></i><span>${link.value === 'live' ? t('link_live') : t('ago', { span: span((now.value - heardAt.value) / 1000) })}</span></span>
    <b class="clock">${clockTime(now.value)}</b>
  </header>`;
}

export function beginKiosk() {
  document.documentElement.dataset.kiosk = 'yes';
  stayAwake();
  document.addEventListener('visibilitychange', stayAwake);
  let minute = 0;
  setInterval(() => {
    minute += 1;
    document.documentElement.dataset.shift = String(minute % 4);
  }, 60_000);
}

async function stayAwake() {
  try { await /** @type {any} */ (navigator).wakeLock?.request('screen'); } catch { /* only over https, and not on every tablet */ }
}
