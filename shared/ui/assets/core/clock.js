// The page's one clock. Ages and countdowns are told by the server's time: a wall tablet's own clock may be minutes off.
import { signal } from './html.js';

let offset = 0;

/** Milliseconds now, by the server's clock. */
export const serverNow = () => Date.now() + offset;

/** The same as a signal that moves once a second. */
export const now = signal(serverNow());
setInterval(() => { now.value = serverNow(); }, 1000);

/** @param {string | null} date The `Date` header of an answer: whole seconds, so small differences mean nothing. */
export function learnServerTime(date) {
  const seen = Date.parse(date ?? '') + 500 - Date.now();
  if (!Number.isNaN(seen) && Math.abs(seen - offset) > 1500) offset = Math.abs(seen) > 1500 ? seen : 0;
}
