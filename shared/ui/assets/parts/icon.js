// Icons as inline SVG, drawn for this page on a 24 px grid: one stroke, the colour of the text beside them.
import { html } from '../core/html.js';

/** @type {Record<string, string>} */
const PATHS = {
  alert: 'M12 3 2.5 20h19zM12 10v4M12 17v.1',
  hand: 'M7 12V6a1.5 1.5 0 0 1 3 0v5V4.5a1.5 1.5 0 0 1 3 0V11V6a1.5 1.5 0 0 1 3 0v6V9a1.5 1.5 0 0 1 3 0v5c0 4-2.5 7-6.5 7C9 21 8 19 5 15c-1-1.5.8-2.5 2-1.5z',
  sweep: 'M4 20h16M8 16h8l-1-4H9zM12 12V3M9.5 5.5 12 3l2.5 2.5',
  shield: 'M12 3 4.5 6v6c0 4.5 3 7.5 7.5 9 4.5-1.5 7.5-4.5 7.5-9V6zM9 9l6 6M15 9l-6 6',
  lock: 'M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3',
  wrench: 'M14.5 6.5a4 4 0 0 1 5-1L17 8l1 2 2.5 1.5a4 4 0 0 1-5.5 3L8.5 21a2 2 0 0 1-3-3L12 11.5a4 4 0 0 1 2.5-5z',
  pause: 'M8 5v14M16 5v14',
  play: 'M7 4.5v15l12-7.5z',
  print: 'M5 21h14M8 17h8M9 13h6M4 4h16M12 4v3M10.5 7h3L12 9.5z',
  heat: 'M8 4c-2 2.5 2 4 0 7M12 4c-2 2.5 2 4 0 7M16 4c-2 2.5 2 4 0 7M4 16h16M4 20h16',
  busy: 'M12 7v5l3 2M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z',
  idle: 'M5 12.5 10 17 19 7',
  wifi: 'M2.5 9a14 14 0 0 1 19 0M6 13a9 9 0 0 1 12 0M9.5 16.5a4 4 0 0 1 5 0M12 20v.1',
  unplug: 'm3 21 4-4M21 3l-4 4M7 17l3-3M9 9l6 6-2 2c-2 2-4 2-6 0s-2-4 0-6zM11 7l2-2c2-2 4-2 6 0s2 4 0 6l-2 2',
  question: 'M8.5 9a3.5 3.5 0 1 1 5 3c-1.2.7-1.5 1.3-1.5 2.5M12 18v.1',
  ban: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM5.7 5.7l12.6 12.6',
  stop: 'M6 6h12v12H6z',
  close: 'M5 5l14 14M19 5 5 19',
  more: 'M5 12v.1M12 12v.1M19 12v.1',
  plus: 'M12 5v14M5 12h14',
  search: 'M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5 20 20',
  up: 'M6 14l6-6 6 6',
  down: 'M6 10l6 6 6-6',
  grip: 'M9 6v.1M15 6v.1M9 12v.1M15 12v.1M9 18v.1M15 18v.1',
  undo: 'M9 6 4 11l5 5M4 11h10a5.5 5.5 0 0 1 0 11h-2',
  next: 'M5 5v14l9-7zM18 5v14',
  file: 'M6 3h8l4 4v14H6zM14 3v4h4',
  upload: 'M12 16V4M7 9l5-5 5 5M4 20h16',
  key: 'M8 12a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM11 13l8-8M16 8l3 3',
  store: 'M4.5 11v9h15v-9M3 7l2-3h14l2 3v1.5a3 3 0 0 1-6 0 3 3 0 0 1-6 0 3 3 0 0 1-6 0zM10 20v-5h4v5',
  wall: 'M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z',
  list: 'M9 6h11M9 12h11M9 18h11M4 6v.1M4 12v.1M4 18v.1',
  dense: 'M4 4h4v4H4zM10 4h4v4h-4zM16 4h4v4h-4zM4 10h4v4H4zM10 10h4v4h-4zM16 10h4v4h-4zM4 16h4v4H4zM10 16h4v4h-4zM16 16h4v4h-4z',
  globe: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM3 12h18M12 3c-5 5-5 13 0 18M12 3c5 5 5 13 0 18',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  people: 'M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7M2.5 20c.5-4 3-6 6.5-6s6 2 6.5 6M16 4.5a3.5 3.5 0 0 1 0 6.5M18 14.5c2 .7 3.2 2.5 3.5 5.5',
  eye: 'M2.5 12c2.5-4.5 5.7-6.5 9.5-6.5s7 2 9.5 6.5c-2.5 4.5-5.7 6.5-9.5 6.5S5 16.5 2.5 12zM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z',
  trash: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13',
  gear: 'M4 7h10M18 7h2M14 5v4M4 17h2M10 17h10M6 15v4M4 12h6M14 12h6M10 10v4',
  leave: 'M14 4H5v16h9M10 12h10M16 8l4 4-4 4',
  retry: 'M20 12a8 8 0 1 1-2.5-5.8M20 3v5h-5',
  flask: 'M9 3h6M10 3v6L4.5 19a1.5 1.5 0 0 0 1.4 2h12.2a1.5 1.5 0 0 0 1.4-2L14 9V3M7.5 14h9',
  check: 'M5 12.5 10 17 19 7',
};

/** @param {{name: string, size?: number}} props Decoration only: the word beside it carries the meaning. */
export function Icon({ name, size = 20 }) {
  return html`<svg class="icon" width=${size} height=${size} viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d=${PATHS[name] ?? PATHS.question} /></svg>`;
}

/** The mark of the product: a gantry over a bed. */
export function Mark() {
  return html`<svg class="mark" width="28" height="28" viewBox="0 0 32 32" aria-hidden="true"><path class="frame" d="M6 27V6h20v21" /><path class="beam" d="M6 12h20" /><path class="nozzle" d="M12 10h7v5l-3.5 4-3.5-4z" /><path class="bed" d="M10 25h12" /></svg>`;
}
