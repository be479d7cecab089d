// The one door to the vendored libraries: everything else imports from here, so that a version changes in one place.
import { Fragment, h, render } from '../vendor/preact-11.2.0.js';
import htm from '../vendor/htm-3.1.1.js';

export { Fragment, render };
export { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from '../vendor/preact-hooks-11.2.0.js';
export { batch, computed, effect, signal, untracked, useComputed, useSignal } from '../vendor/signals-2.11.4.js';

export const html = htm.bind(h);
