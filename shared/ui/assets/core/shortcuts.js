// The keyboard of the page: moving among tiles and rows, and the few acts that an operator repeats all day. Screens mark what can
// be walked with `data-item`; a printer's tile or sheet carries `data-printer`.
import { clearBed, command } from './notices.js';
import { findMachine } from './farm.js';
import { signal } from './html.js';
import { can } from './session.js';

export const helpOpen = signal(false);

/** @param {KeyboardEvent} event */
export function onKey(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target instanceof Element && event.target.closest('input, select, textarea, [contenteditable]');
  if (event.key === 'Escape') {
    if (typing instanceof HTMLElement) typing.blur();
    else if (helpOpen.peek()) helpOpen.value = false;
    else document.querySelector('[data-close]')?.dispatchEvent(new MouseEvent('click', { bubbles: true }));
    return;
  }
  if (typing) return;
  const deed = DEEDS[event.key];
  if (!deed) return;
  event.preventDefault();
  deed();
}

/** @type {Record<string, () => void>} */
const DEEDS = {
  '/': () => /** @type {HTMLElement | null} */ (document.querySelector('[data-search]'))?.focus(),
  '?': () => { helpOpen.value = !helpOpen.peek(); },
  j: () => step(1),
  k: () => step(-1),
  c: () => {
    const machine = current();
    if (machine?.clearable.peek() && can('printer.clear_bed')) clearBed(machine.id);
  },
  p: () => {
    const machine = current();
    const verb = { printing: 'pause', paused: 'resume' }[machine?.doc.peek().display ?? ''];
    if (machine && verb && can('printer.control')) command(machine.id, verb);
  },
};

/** @param {number} by */
function step(by) {
  const items = /** @type {HTMLElement[]} */ ([...document.querySelectorAll('[data-item]')]);
  const at = items.findIndex((item) => item.contains(document.activeElement));
  const next = items[Math.min(items.length - 1, Math.max(0, at + by))];
  const target = /** @type {HTMLElement | null} */ (next?.matches('a, [tabindex]') ? next : next?.querySelector('a, button'));
  target?.focus();
  target?.scrollIntoView({ block: 'nearest' });
}

function current() {
  const marked = document.activeElement?.closest('[data-printer]') ?? document.querySelector('.sheet [data-printer], .sheet[data-printer]');
  return marked ? findMachine(marked.getAttribute('data-printer') ?? '') : undefined;
}
