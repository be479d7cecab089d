// Keeps the live stream open and knows how fresh the page is. The browser reconnects by itself after a break and asks for what it
// missed; this only steps in when it gave up, or when a connection is silent although the server answers no more.
import { get, Refusal } from './api.js';
import { serverNow } from './clock.js';
import { signal } from './html.js';

const SILENCE_MS = 25_000;

/** @type {import('../vendor/signals-2.11.4.js').Signal<'connecting' | 'live' | 'away'>} */
export const link = signal(/** @type {'connecting' | 'live' | 'away'} */ ('connecting'));
/** When something was last heard, by the server's clock. */
export const heardAt = signal(serverNow());

/** @type {EventSource | null} */
let source = null;
let cursor = '';
let wasOpen = false;
let patience = 1000;
let beganAt = 0;

/** @typedef {{event: (event: Api.Event) => void, telemetry: (heard: {printer_id: string, telemetry: Api.Telemetry}) => void, reload: () => void}} Ears */
/** @type {Ears} */
let ears = { event: () => {}, telemetry: () => {}, reload: () => {} };

/** @param {Ears} wanted */
export function listen(wanted) {
  ears = wanted;
  open();
  setInterval(watch, 5000);
}

function open() {
  source?.close();
  source = new EventSource(cursor ? `/v1/stream?cursor=${encodeURIComponent(cursor)}` : '/v1/stream');
  beganAt = serverNow();
  source.onopen = () => {
    // Without a cursor nobody can tell us what we missed.
    if (wasOpen && !cursor) ears.reload();
    wasOpen = true;
    patience = 1000;
    heard();
  };
  source.onmessage = (message) => {
    heard();
    if (message.lastEventId) cursor = message.lastEventId;
    ears.event(JSON.parse(message.data));
  };
  source.addEventListener('telemetry', (message) => {
    heard();
    ears.telemetry(JSON.parse(/** @type {MessageEvent} */ (message).data));
  });
  source.addEventListener('gap', () => {
    cursor = '';
    ears.reload();
  });
  source.onerror = () => {
    link.value = 'away';
    if (source?.readyState === EventSource.CLOSED) refused();
    patience = Math.min(patience * 2, 15_000);
  };
}

// A stream that is refused does not say why. Whoever may listen no more is led to the door and not left before a page that stands still.
async function refused() {
  try {
    await get('/v1/me');
  } catch (error) {
    if (error instanceof Refusal && error.problem.status === 401) return;
  }
  setTimeout(open, patience);
}

function heard() {
  heardAt.value = serverNow();
  link.value = 'live';
}

// Comments that keep a stream open cannot be seen from here, so a silent one is tried by a call.
async function watch() {
  const quiet = serverNow() - Math.max(heardAt.peek(), beganAt);
  if (quiet < SILENCE_MS || document.hidden) return;
  try {
    await get('/v1/system/version');
    if (source?.readyState === EventSource.OPEN) heard();
    else open();
  } catch {
    link.value = 'away';
  }
}
