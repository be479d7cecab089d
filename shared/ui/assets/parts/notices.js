// Draws the notices and the undo bars over everything else, and reads them to those who do not see them.
import { Button } from './controls.js';
import { now } from '../core/clock.js';
import { html } from '../core/html.js';
import { dismiss, notices, undoable, undoClear } from '../core/notices.js';
import { t } from '../core/words.js';

export function Notices() {
  return html`<div class="notices">
    <div role="alert">${notices.value.filter((one) => one.tone === 'bad').map(draw)}</div>
    <div role="status">
      ${notices.value.filter((one) => one.tone === 'good').map(draw)}
      ${undoable.value.map((one) => html`<div class="notice undo" key=${one.id}>
        <p><b>${t('cleared', { name: one.name })}</b></p>
        <${Countdown} until=${one.until} />
        <${Button} icon="undo" label=${t('undo')} onClick=${() => undoClear(one.id, one.name)} />
      </div>`)}
    </div>
  </div>`;
}

/** @param {{until: number}} props */
function Countdown({ until }) {
  const left = Math.max(0, Math.ceil((until - now.value) / 1000));
  return html`<span class="countdown" aria-hidden="true">${left} s<progress class="bar" max="10" value=${left}></progress></span>`;
}

/** @param {import('../core/notices.js').Notice} notice */
const draw = (notice) => html`<div class="notice" data-tone=${notice.tone} key=${notice.id}>
  <p><b>${notice.title}</b>${notice.detail ? html`<span>${notice.detail}</span>` : null}${notice.hint ? html`<small>${notice.hint}</small>` : null}</p>
  <${Button} icon="close" bare label=${t('close')} onClick=${() => dismiss(notice.id)} />
</div>`;
