// What the page knows of the farm: a signal per printer, so that a telemetry message touches one tile and no list. Filled from the
// lists, kept current by the stream; a document older than the known one is never taken.
import { all, get, listener, post, Refusal } from './api.js';
import { now, serverNow } from './clock.js';
import { batch, computed, signal } from './html.js';
import { can, servedBy } from './session.js';
import { listen } from './stream.js';

export const STALE_MS = 15_000;
const FLUSH_MS = 250;
const FARMS_MS = 5000;
/** How long a farm that came back may take to bring what happened. */
const SETTLE_MS = 2000;
/** A wall tablet runs for months: ended jobs are let go beyond that. */
const MOST_JOBS = 3000;

/** One printer: its document, its live values, and what is derived from both. */
export class Machine {
  /** @param {Api.Printer} doc */
  constructor(doc) {
    this.id = doc.id;
    this.doc = signal(doc);
    this.live = signal(/** @type {Api.Telemetry | null} */ (null));
    this.job = computed(() => (this.doc.value.job_id ? jobs.get(this.doc.value.job_id)?.value ?? (jobsVersion.value, null) : null));
    this.away = computed(() => awayFarms.value.has(this.doc.value.farm_id));
    // Lost contact mends itself when the printer is seen; what cannot be proven waits for a person.
    this.state = computed(() => (this.away.value ? 'unknown' : this.job.value?.state === 'unknown' && this.job.value.unknown_reason !== 'contact_lost' ? 'lost' : this.doc.value.display));
    this.clearable = computed(() => {
      const { activity, bed, bed_use: use, attempt_id: attempt } = this.doc.value;
      // While a print is on the bed there is nothing to clear yet; a claimed printer is clear already.
      const printing = ['preparing', 'printing', 'paused'].includes(activity);
      return Boolean(use) && !this.away.value && !attempt && !printing && bed !== 'clear';
    });
    this.seenAt = computed(() => (this.live.value?.seen_at ? Date.parse(this.live.value.seen_at) : null));
    this.running = computed(() => !this.away.value && ['printing', 'paused', 'preparing', 'stale'].includes(this.doc.value.display));
    this.progress = computed(() => (this.running.value ? this.live.value?.progress ?? null : null));
    this.finishAt = computed(() => {
      const { remaining_seconds: rest } = this.live.value ?? {};
      return rest === undefined || this.seenAt.value === null || this.state.value !== 'printing' ? null : this.seenAt.value + rest * 1000;
    });
    /** Seconds since it was heard, once that is too long to call it live; `null` = fresh, or nothing is known. */
    this.age = computed(() => {
      const since = this.seenAt.value === null ? 0 : now.value - this.seenAt.value;
      return since > STALE_MS ? Math.floor(since / 1000) : null;
    });
    this.work = computed(() => this.job.value?.name ?? this.doc.value.foreign?.file ?? (this.running.value ? this.live.value?.file : undefined) ?? '');
  }
}

/** @type {import('../vendor/signals-2.11.4.js').ReadonlySignal<Set<string | undefined>>} Of their printers nobody knows what they do now. */
const awayFarms = computed(() => new Set((away.value ? farms.value.filter((one) => farms.value.length === 1 || one.connection !== 'online') : []).map((one) => one.id)));

/** @type {import('../vendor/signals-2.11.4.js').Signal<Map<string, Machine>>} Replaced when a printer comes or goes. */
export const machines = signal(new Map());
/** @type {Map<string, import('../vendor/signals-2.11.4.js').Signal<Api.Job>>} */
export const jobs = new Map();
/** Moves when a job comes or goes. */
export const jobsVersion = signal(0);
export const queue = signal(/** @type {Api.Queue | null} */ (null));
/** Every farm of the store that the reader may see: at an agent its own. */
export const farms = signal(/** @type {Api.Farm[]} */ ([]));
/** The farm, where there is only one. */
export const farm = computed(() => (farms.value.length === 1 ? farms.value[0] ?? null : null));
/** At a relay: since when a farm is away, and when everything that is shown was true. */
export const away = signal(/** @type {{since: number, asOf: number} | null} */ (null));
export const pools = signal(/** @type {Api.Pool[]} */ ([]));
export const loaded = signal(false);
/** Moves when printers are heard for the first time: their finish is then known. */
export const arrivals = signal(0);
/** Moves when a print ended or an ended job came back, for lists of what was. */
export const endings = signal(0);

/** @type {Set<string>} */
const gone = new Set();
/** @type {Map<string, Api.Telemetry>} */
const pending = new Map();

/** Begins to follow the farm: ears first, then the lists, so that nothing falls between. */
export async function follow() {
  listen({ event: hear, telemetry: ({ printer_id: id, telemetry }) => { pending.set(id, telemetry); }, reload: () => { reload().catch(() => {}); } });
  setInterval(flush, FLUSH_MS);
  if (servedBy.peek() === 'relay') setInterval(() => { if (!document.hidden) readFarms().catch(() => {}); }, FARMS_MS);
  await reload();
}

/** Asks which farms there are; how fresh their copies are comes along. */
export async function readFarms() {
  if (!can('farm.view')) return;
  const docs = /** @type {Api.Farm[]} */ (await all('/v1/farms', { sort: 'name' }));
  const known = new Set(farms.peek().map((one) => one.id));
  if (docs.length !== known.size || docs.some((doc) => !known.has(doc.id))) {
    farms.value = docs;
    if (loaded.peek()) reload().catch(() => {});
  } else docs.forEach(takeFarm);
}

listener.copied = (asOf, word) => {
  const since = /since=(\S+)/.exec(word ?? '')?.[1];
  const before = away.peek();
  if (!since && !before) return;
  away.value = since ? { since: Date.parse(since), asOf: Date.parse(asOf) } : null;
  // What happened meanwhile comes row by row; the lists are asked for once more when it may be whole.
  if (before && !since) setTimeout(() => { reload().catch(() => {}); }, SETTLE_MS);
};

export async function reload() {
  const present = new Set();
  /** @param {Api.Printer[]} page */
  const arrived = (page) => takePrinters(page, present);
  await Promise.all([
    readFarms(),
    can('printer.view') && all('/v1/printers', { sort: 'name' }, arrived),
    can('pool.view') && all('/v1/pools').then((/** @type {any} */ list) => { pools.value = list; }),
    can('job.view') && all('/v1/jobs', { phase: 'active' }, (/** @type {Api.Job[]} */ page) => batch(() => page.forEach(takeJob))),
  ]);
  await refreshQueue();
  const left = [...machines.peek().keys()].filter((id) => !present.has(id));
  if (left.length) machines.value = new Map([...machines.peek()].filter(([id]) => present.has(id)));
  loaded.value = true;
}

/** @param {Api.Farm} doc */
export function takeFarm(doc) {
  const known = farms.peek().find((one) => one.id === doc.id);
  if (known && known.revision <= doc.revision) farms.value = farms.peek().map((one) => (one === known ? { ...known, ...doc } : one));
}

/** @param {Api.Printer[]} docs @param {Set<string>} [present] */
function takePrinters(docs, present) {
  batch(() => {
    /** @type {[string, Machine][]} */
    const fresh = [];
    for (const doc of docs) {
      if (gone.has(doc.id)) continue;
      present?.add(doc.id);
      const known = machines.peek().get(doc.id);
      if (!known) fresh.push([doc.id, new Machine(doc)]);
      else if (known.doc.peek().revision <= doc.revision) known.doc.value = doc;
    }
    if (fresh.length) machines.value = new Map([...machines.peek(), ...fresh]);
  });
}

/** @param {Api.Printer} doc The answer of a call: shown at once, before its event comes. */
export const takePrinter = (doc) => takePrinters([doc]);

/** What waits at a relay is only what was asked for; the farm adds the rest. @param {Api.Job} doc @returns {Api.Job} */
const filledOut = (doc) => ({ ...doc, name: doc.name ?? '', state: doc.state ?? 'queued', phase: doc.phase ?? 'waiting', target: doc.target ?? {}, needs: doc.needs ?? {}, priority: doc.priority ?? 0, attempts: doc.attempts ?? 0 });

/** @param {Api.Job} told */
export function takeJob(told) {
  const doc = told.pending ? filledOut(told) : told;
  const known = jobs.get(doc.id);
  if (known) {
    if (known.peek().revision <= doc.revision) known.value = doc;
    return;
  }
  jobs.set(doc.id, signal(doc));
  jobsVersion.value += 1;
  if (jobs.size > MOST_JOBS) for (const [id, job] of jobs) if (job.peek().phase === 'done') jobs.delete(id);
}

/** @param {Api.Event} event */
function hear(event) {
  const { kind, id, revision } = event.subject;
  const deleted = event.type.endsWith('.deleted');
  const doc = /** @type {any} */ ({ ...event.data, id, revision });
  batch(() => {
    if (kind === 'printer' && deleted) forget(id);
    else if (kind === 'printer') takePrinter(doc);
    else if (kind === 'job' && !deleted) takeJob(doc);
    else if (kind === 'farm') takeFarm(doc);
    if (/^(job|attempt)\.(completed|failed|cancelled|requeued|deleted|judged)$/.test(event.type)) endings.value += 1;
  });
  if (kind === 'printer' || kind === 'job' || kind === 'farm') queueSoon();
  if (kind === 'farm' && servedBy.peek() === 'relay') readFarms().catch(() => {});
}

/** @param {string} id */
export function forget(id) {
  gone.add(id);
  machines.value = new Map([...machines.peek()].filter(([known]) => known !== id));
}

function flush() {
  if (!pending.size) return;
  batch(() => {
    for (const [id, telemetry] of pending) {
      const machine = machines.peek().get(id);
      // The stream is quicker than the list: what it says of a printer not known yet is kept for it.
      if (!machine && !loaded.peek()) continue;
      pending.delete(id);
      if (!machine) continue;
      if (!machine.live.peek()) arrivals.value += 1;
      machine.live.value = telemetry;
    }
  });
}

let queueTimer = 0;
let queueAskedAt = 0;

/** Asks for the queue a moment after something happened, and not more than once a second while much happens. */
export function queueSoon() {
  if (queueTimer) return;
  const wait = Math.max(300, queueAskedAt + 1000 - serverNow());
  queueTimer = window.setTimeout(() => { refreshQueue().catch(() => {}); }, wait);
}

async function refreshQueue() {
  if (!can('queue.view')) return;
  queueTimer = 0;
  queueAskedAt = serverNow();
  const fresh = servedBy.peek() === 'relay' ? await queueOfFarms() : /** @type {Api.Queue} */ (await get('/v1/queue'));
  batch(() => {
    queue.value = fresh;
    for (const { job } of fresh.entries) if (job) takeJob(job);
  });
}

/** Each farm has a queue of its own. One that is away does not answer for it: then it is what the copy knows. @returns {Promise<Api.Queue>} */
async function queueOfFarms() {
  const queues = await Promise.all(farms.peek().map(async (one) => {
    if (one.connection === 'offline' || one.connection === 'unknown' || (away.peek() && farms.peek().length === 1)) return null;
    try {
      return /** @type {Api.Queue} */ (await get('/v1/queue', { farm_id: one.id }));
    } catch (error) {
      if (error instanceof Refusal && ['farm_offline', 'no_answer'].includes(error.problem.code)) return null;
      throw error;
    }
  }));
  const copied = queues.includes(null) || away.peek() ? await queueOfCopies() : null;
  const told = queues.filter((one) => one !== null);
  const entries = told.flatMap((one) => one.entries);
  const has = new Set(entries.map((entry) => entry.job?.id));
  const rest = (copied?.entries ?? []).filter((entry) => !has.has(entry.job?.id));
  return { entries: [...entries, ...rest], waiting: told.reduce((sum, one) => sum + one.waiting, rest.length), active: told.reduce((sum, one) => sum + one.active, copied && !told.length ? copied.active : 0) };
}

/** The waiting jobs as the copy has them, and after them what waits at the relay itself. @returns {Promise<Api.Queue>} */
async function queueOfCopies() {
  if (!can('job.view')) return { entries: [], waiting: 0, active: 0 };
  const [waiting, latest] = /** @type {[Api.Job[], Api.Page<Api.Job>]} */ (await Promise.all([all('/v1/jobs', { phase: 'waiting' }), get('/v1/jobs', { limit: 200 })]));
  waiting.sort((a, b) => b.priority - a.priority || (a.rank ?? 0) - (b.rank ?? 0));
  const pending = latest.items.filter((job) => job.pending).map(filledOut).reverse();
  const entry = (/** @type {Api.Job} */ job) => ({ job, waiting: { job: [], printers: {}, summary: '' }, away: true });
  const jobs = [...waiting, ...pending];
  return { entries: jobs.map(entry), waiting: jobs.length, active: latest.items.filter((job) => job.phase === 'active').length };
}

/** Takes back what waits at the relay and was not sent yet. @param {string} command */
export async function takeBack(command) {
  await post(`/v1/commands/${command}/withdraw`);
  queueSoon();
}

/** A printer by its id, by the end of its id, or by its name: what stands on a label. @param {string} word */
export function findMachine(word) {
  const known = machines.value;
  const exact = known.get(word);
  if (exact) return exact;
  const plain = word.toLowerCase();
  return [...known.values()].find((one) => one.doc.value.name.toLowerCase() === plain || (plain.length >= 4 && one.id.endsWith(plain)));
}

/** @param {string | undefined} id */
export const nameOf = (id) => (id && machines.value.get(id)?.doc.value.name) || '';

/** @param {string} id @param {string} verb @param {unknown} [body] @returns {Promise<Api.Printer>} */
export async function tellPrinter(id, verb, body) {
  const doc = /** @type {Api.Printer} */ (await post(`/v1/printers/${id}/${verb}`, body));
  if (doc.display) takePrinter(doc);
  return doc;
}

/** @param {string} id @param {string} verb @param {unknown} [body] */
export async function tellJob(id, verb, body) {
  const doc = /** @type {Api.Job} */ (await post(`/v1/jobs/${id}/${verb}`, body));
  if (doc.phase) takeJob(doc);
  queueSoon();
  return doc;
}
