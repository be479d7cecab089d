// A panel beside what one was looking at; on a phone it covers it. Not modal: the wall stays alive and touchable behind it. Gives
// the focus back to where it came from.
import { Button } from './controls.js';
import { html, useEffect, useRef } from '../core/html.js';
import { t } from '../core/words.js';

/** @param {{title: unknown, printer?: string, onClose: () => void, children?: import('../vendor/preact-11.2.0.js').Child}} props */
export function Sheet({ title, printer, onClose, children }) {
  const panel = /** @type {{current: HTMLElement | null}} */ (useRef(null));
  useEffect(() => {
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    panel.current?.focus({ preventScroll: true });
    return () => { if (before?.isConnected) before.focus({ preventScroll: true }); };
  }, [printer]);
  useEffect(() => {
    document.documentElement.classList.add('has-sheet');
    return () => document.documentElement.classList.remove('has-sheet');
  }, []);
  return html`<div class="sheet" role="dialog" aria-label=${title} tabindex="-1" ref=${panel} data-printer=${printer}>
    <div class="sheet-head"><h2>${title}</h2><span data-close onClick=${onClose}><${Button} icon="close" bare label=${t('close')} /></span></div>
    <div class="sheet-body">${children}</div>
  </div>`;
}
