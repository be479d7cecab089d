// What just happened, told once: short notices, and beds that can still be un-cleared. Never the only record of anything.
import { fieldOf, listener, Refusal } from './api.js';
import { serverNow } from './clock.js';
import { findMachine, takePrinter, tellPrinter } from './farm.js';
import { signal } from './html.js';
import { inPlainWords, t } from './words.js';

const UNDO_MS = 10_000;
const KEEP_MS = 7000;

/** @typedef {{id: number, tone: 'good' | 'bad', title: string, detail: string, hint: string}} Notice */
export const notices = signal(/** @type {Notice[]} */ ([]));
/** @type {import('../vendor/signals-2.11.4.js').Signal<{id: string, name: string, until: number}[]>} */
export const undoable = signal(/** @type {{id: string, name: string, until: number}[]} */ ([]));

let last = 0;

/** @param {Omit<Notice, 'id'>} notice */
function show(notice) {
  const id = ++last;
  notices.value = [...notices.peek().slice(-3), { ...notice, id }];
  setTimeout(() => dismiss(id), notice.tone === 'bad' ? KEEP_MS * 2 : KEEP_MS);
}

/** @param {number} id */
export function dismiss(id) {
  notices.value = notices.peek().filter((notice) => notice.id !== id);
}

listener.waits = () => {
  if (!notices.peek().some((one) => one.title === t('waits_for_farm'))) show({ tone: 'good', title: t('waits_for_farm'), detail: t('waits_for_farm_hint'), hint: '' });
};

/** @param {string} title @param {string} [detail] */
export const say = (title, detail = '') => show({ tone: 'good', title, detail, hint: '' });

/** Several things at once, some of which may have gone wrong. @param {string} title @param {Api.Bulk['results']} wrong */
export const sayMany = (title, wrong) => show({ tone: wrong.length ? 'bad' : 'good', title, detail: wrong.map((one) => one.problem?.detail ?? one.problem?.title ?? one.id).join(' · '), hint: '' });

/** @param {unknown} error @returns {{detail: string, hint: string}} */
export function explain(error) {
  if (!(error instanceof Refusal)) return { detail: String(error), hint: '' };
  const { problem } = error;
  if (problem.code === 'unreachable') return { detail: t('unreachable'), hint: t('unreachable_hint') };
  const plain = inPlainWords(problem.code);
  // At which relay is the one thing of its sentence that is not known here.
  if (plain) return { detail: plain, hint: problem.code === 'relay_only' ? /http\S+/.exec(problem.detail ?? '')?.[0] ?? '' : '' };
  // The catalogue's hint for wrong fields speaks to programs; the fields themselves say it better.
  if (problem.errors?.length) return { detail: problem.errors.map((one) => `${fieldOf(one.pointer)}: ${one.detail}`).join(' · '), hint: '' };
  const detail = problem.detail ?? problem.title;
  return { detail: detail.charAt(0).toUpperCase() + detail.slice(1), hint: problem.hint ?? '' };
}

/** @param {string} subject The thing, by the name that people call it. @param {unknown} error */
export const fail = (subject, error) => show({ tone: 'bad', title: subject, ...explain(error) });

/**
 * Does something and tells when it did not work.
 * @template T
 * @param {string} subject
 * @param {() => Promise<T>} deed
 * @returns {Promise<T | undefined>}
 */
export async function attempt(subject, deed) {
  try {
    return await deed();
  } catch (error) {
    fail(subject, error);
    return undefined;
  }
}

/** @param {string} id @param {boolean} [startNext] */
export async function clearBed(id, startNext = false) {
  const machine = findMachine(id);
  const doc = machine?.doc.peek();
  if (!doc?.bed_use) return;
  const cleared = await attempt(doc.name, () => tellPrinter(id, 'clear-bed', { bed_use: doc.bed_use, ...(startNext ? { start_next: true } : {}) }));
  const token = cleared?.bed_token;
  if (!cleared || token?.by !== 'person') return;
  const until = Date.parse(token.given_at) + UNDO_MS;
  undoable.value = [...undoable.peek().filter((one) => one.id !== id), { id, name: cleared.name, until }];
  setTimeout(() => forgetUndo(id, until), Math.max(0, until - serverNow()));
}

/** @param {string} id @param {number} [until] */
function forgetUndo(id, until) {
  undoable.value = undoable.peek().filter((one) => one.id !== id || (until !== undefined && one.until !== until));
}

/** @param {string} id @param {string} name */
export async function undoClear(id, name) {
  forgetUndo(id);
  const doc = await attempt(name, () => tellPrinter(id, 'undo-clear-bed'));
  if (doc) takePrinter(doc);
}

/** Pause, resume or cancel: the answer is a command, which may have failed at the machine. @param {string} id @param {string} verb @param {unknown} [body] */
export async function command(id, verb, body) {
  const name = findMachine(id)?.doc.peek().name ?? '';
  const asked = /** @type {any} */ (await attempt(name, () => tellPrinter(id, verb, body)));
  const told = /** @type {Api.Command | undefined} */ (asked?.command ?? asked);
  if (told?.state === 'failed' || told?.state === 'expired' || told?.state === 'unknown') {
    show({ tone: 'bad', title: `${name}: ${t(`command_${told.state}`)}`, detail: told.detail ?? '', hint: '' });
  }
}
