// Which waiting jobs could run on a printer. A first guess from what the page knows; before it promises a start it asks the server,
// who alone decides.
import { get } from '../core/api.js';
import { queue, pools } from '../core/farm.js';

/** @param {Api.Job} job @param {Api.Printer} printer */
function couldRun(job, printer) {
  const { target, needs } = job;
  const { machine, tags } = printer;
  const aimed = Boolean(target.printer_id || target.pool_id || target.tags?.length);
  const pool = pools.value.find((one) => one.id === target.pool_id);
  if (target.printer_id && target.printer_id !== printer.id) return false;
  if (target.pool_id && !pool?.tags.every((tag) => tags.includes(tag))) return false;
  if (target.tags && !target.tags.every((tag) => tags.includes(tag))) return false;
  if (!aimed && !(needs.models ?? []).includes(machine.model ?? '')) return false;
  return needs.nozzle_mm === undefined || machine.nozzle_mm === undefined || Math.abs(needs.nozzle_mm - machine.nozzle_mm) < 0.01;
}

/** @param {import('../core/farm.js').Machine} machine */
export function nextFor(machine) {
  const printer = machine.doc.value;
  return (queue.value?.entries ?? []).flatMap(({ job }) => (job?.state === 'queued' && couldRun(job, printer) ? [job] : []));
}

/** What would start here once the bed is clear: the first waiting job that nothing but the bed keeps away. @param {import('../core/farm.js').Machine} machine */
export async function wouldStart(machine) {
  for (const job of nextFor(machine).slice(0, 3)) {
    const why = /** @type {Api.Why} */ (await get(`/v1/jobs/${job.id}/why`));
    const here = why.printers.find((one) => one.printer_id === machine.id);
    if (!why.job.length && here && here.reasons.every((one) => one.code === 'bed_not_clear')) return job;
  }
  return null;
}
