// The last look before a farm leaves its store: what stays with whom, and what ends.
import { post } from '../core/api.js';
import { reload } from '../core/farm.js';
import { html } from '../core/html.js';
import { attempt, say } from '../core/notices.js';
import { t } from '../core/words.js';
import { Button } from '../parts/controls.js';
import { Icon } from '../parts/icon.js';
import { Sheet } from '../parts/sheet.js';

/** @param {{farm: Api.Farm, onClose: () => void}} props */
export function Unpair({ farm, onClose }) {
  const leave = async () => {
    const left = await attempt(farm.name, () => post(`/v1/farms/${farm.id}/unpair`));
    if (!left) return;
    say(t('unpaired', { name: farm.name }));
    // Jobs and files of the store are gone from a farm's page, the whole farm from the store's.
    reload().catch(() => {});
    onClose();
  };
  const told = /** @type {const} */ ([['check', 'unpair_farm_keeps'], ['store', 'unpair_store_keeps'], ['ban', 'unpair_keys'], ['stop', 'unpair_waiting'], ['print', 'unpair_running'], ['retry', 'unpair_again']]);
  return html`<${Sheet} title=${t('unpair_title', { name: farm.name })} onClose=${onClose}>
    <ul class="told">${told.map(([icon, key]) => html`<li key=${key}><${Icon} name=${icon} /><p>${t(key)}</p></li>`)}</ul>
    <div class="ask-buttons"><${Button} quiet label=${t('back')} onClick=${onClose} /><${Button} icon="leave" tone="danger" label=${t('unpair_sure', { name: farm.name })} onClick=${leave} /></div>
  </${Sheet}>`;
}
