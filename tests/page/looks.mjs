// What a screen must hold to at every size: nothing wider than the window, nothing cut off, everything large enough to the
// finger, nothing that a screen reader stumbles over.
import { axeSource } from './browser.mjs';

export const SIZES = { phone: { width: 390, height: 844, touch: true }, tablet: { width: 820, height: 1180, touch: true }, wall: { width: 1920, height: 1080 } };

/** What is wrong with how the page lies now, as sentences. */
export const layoutFaults = (page) => page.evaluate(() => {
  const faults = [];
  const name = (element) => `${element.localName}.${element.className?.baseVal ?? element.className} “${(element.getAttribute('aria-label') ?? element.textContent ?? '').trim().slice(0, 40)}”`;
  const visible = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && !element.closest('.unseen');
  const scrolls = (element) => {
    for (let up = element.parentElement; up; up = up.parentElement) if (/auto|scroll/.test(getComputedStyle(up).overflowX) && up.scrollWidth > up.clientWidth) return true;
    return false;
  };
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) faults.push(`the page is ${root.scrollWidth} px wide on ${root.clientWidth}`);
  for (const element of document.querySelectorAll('button, a, input, select, h1, h2, h3, label, .badge, .word, .word span, .times, .banner, .row-facts')) {
    if (!visible(element)) continue;
    const box = element.getBoundingClientRect();
    if (!box.width || scrolls(element)) continue;
    if (box.left < -1 || box.right > root.clientWidth + 1) faults.push(`out of the window: ${name(element)}`);
    // A control's area for the finger may be a little wider than what is seen of it.
    if (element.matches('button, .word span, .times, .badge, .tile h2') && element.scrollWidth > element.clientWidth + (element.matches('.chip') ? 3 : 1)) faults.push(`cut: ${name(element)}`);
    const tile = element.closest('.tile')?.getBoundingClientRect();
    if (tile && (box.bottom > tile.bottom + 1 || box.right > tile.right + 1 || box.top < tile.top - 1)) faults.push(`out of its tile: ${name(element)}`);
  }
  for (const element of document.querySelectorAll('.button, .chip, .why, .places a, .tabs a, .tick, .switch, select, input:not(.unseen, [type=checkbox]), .tile')) {
    if (!visible(element)) continue;
    const box = (element.matches('input') ? element.closest('.search') ?? element : element).getBoundingClientRect();
    const over = getComputedStyle(element, '::after');
    const more = over.position === 'absolute' ? -Math.min(0, parseFloat(over.top) || 0) - Math.min(0, parseFloat(over.bottom) || 0) : 0;
    if (box.width && box.height + more < 43.5) faults.push(`too low for a finger (${Math.round(box.height + more)} px): ${name(element)}`);
  }
  return faults;
});

/** What axe finds serious or worse. */
export async function accessFaults(page) {
  if (!await page.evaluate(() => 'axe' in globalThis)) await page.evaluate(axeSource);
  return page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, { resultTypes: ['violations'] });
    return violations.filter((one) => ['serious', 'critical'].includes(one.impact)).map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => `${node.target.join(' ')} (${node.any.concat(node.all)[0]?.message ?? ''})`).join(' · ')}`);
  });
}
