// Printers that are found on the farm's network: a list to pick from, so that nobody types addresses. What it shows is what machines
// say of themselves; the form still tests before anything is kept.
import { post } from '../core/api.js';
import { html, useSignal } from '../core/html.js';
import { attempt } from '../core/notices.js';
import { t } from '../core/words.js';
import { Badge, Button } from '../parts/controls.js';

/** @param {{onPick: (found: Api.FoundPrinter) => void}} props */
export function Finder({ onPick }) {
  const told = useSignal(/** @type {Api.ScanFound | null} */ (null));
  const places = useSignal('');
  const look = async () => {
    const addresses = places.peek().split(/[\s,;]+/).filter(Boolean);
    const answer = await attempt(t('find_printers'), () => post('/v1/printers/scan', { addresses }));
    if (answer) told.value = /** @type {Api.ScanFound} */ (answer);
  };
  const { items = [], hindrances = [] } = told.value ?? {};
  return html`<section class="finder" aria-label=${t('find_printers')}>
    <div class="finder-ask"><${Button} icon="search" label=${t('find_printers')} onClick=${look} />
      <input aria-label=${t('find_places')} placeholder=${t('find_places')} value=${places.value} onInput=${(/** @type {any} */ event) => { places.value = event.currentTarget.value; }} /></div>
    ${told.value ? html`<div role="status">
      ${items.length ? html`<ul class="found">${items.map((one) => html`<${Found} key=${one.address} one=${one} onPick=${onPick} />`)}</ul>` : html`<p>${t('found_none')}</p>`}
      ${hindrances.map((text) => html`<p class="hint" key=${text}>${text}</p>`)}
    </div>` : null}
  </section>`;
}

/** @param {{one: Api.FoundPrinter, onPick: (found: Api.FoundPrinter) => void}} props */
function Found({ one, onPick }) {
  const added = one.printer_id ? (one.moved ? 'found_moved' : 'found_added') : '';
  const title = one.name ?? one.model ?? one.address;
  const about = [one.name ? one.model : null, one.driver_title, one.name || one.model ? one.address : null, one.serial].filter(Boolean);
  return html`<li><button type="button" disabled=${added === 'found_added'} onClick=${() => onPick(one)}>
    <b>${title}</b><span>${about.join(' · ')}</span>
    ${added ? html`<${Badge} tone=${one.moved ? 'warn' : 'calm'} label=${t(added)} />` : null}
    ${one.advice ? html`<small>${one.advice}</small>` : null}
  </button></li>`;
}
