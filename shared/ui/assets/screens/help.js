// What the keyboard can do, and where the API is told.
import { html } from '../core/html.js';
import { helpOpen } from '../core/shortcuts.js';
import { t } from '../core/words.js';
import { Sheet } from '../parts/sheet.js';

const KEYS = /** @type {const} */ ([['/', 'key_search'], ['j  k', 'key_walk'], ['Enter', 'key_open'], ['c', 'key_clear'], ['p', 'key_pause'], ['Alt ↑ ↓', 'key_move'], ['Esc', 'key_close'], ['?', 'key_help']]);

export const Help = () => html`<${Sheet} title=${t('help')} onClose=${() => { helpOpen.value = false; }}>
  <dl class="keys">${KEYS.map(([keys, text]) => html`<div key=${keys}><dt>${keys.split(/\s+/).map((key) => html`<kbd>${key}</kbd>`)}</dt><dd>${t(text)}</dd></div>`)}</dl>
  <p><a href="/docs" target="_blank">${t('api_docs')}</a></p>
</${Sheet}>`;
