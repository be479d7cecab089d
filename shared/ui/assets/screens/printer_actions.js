// The only sensible next acts on a printer, as large buttons: what its state allows and its reader may do, and nothing else.
import { queue, tellJob, tellPrinter } from '../core/farm.js';
import { html, useComputed, useEffect, useSignal } from '../core/html.js';
import { attempt, clearBed, command } from '../core/notices.js';
import { can } from '../core/session.js';
import { t } from '../core/words.js';
import { Button, Field, formValues, SureButton } from '../parts/controls.js';
import { wouldStart } from './up_next.js';

/** @param {{machine: import('../core/farm.js').Machine}} props */
export function Actions({ machine }) {
  const doc = machine.doc.value;
  const job = machine.job.value;
  const asking = useSignal(/** @type {'' | 'disable' | 'start-maintenance'} */ (''));
  const { id, name, display, admin } = doc;
  const live = doc.connection === 'online' && !machine.away.value;
  const ours = Boolean(doc.attempt_id || doc.job_id);
  const control = can('printer.control') && ours && live;
  const does = (/** @type {string} */ capability) => doc.capabilities.includes(capability);
  const outside = can('printer.maintenance') && !machine.away.value;
  /** @param {string} verb @param {unknown} [body] */
  const tell = (verb, body) => attempt(name, () => tellPrinter(id, verb, body));
  if (asking.value) return html`<${Why} name=${name} verb=${asking.value} tell=${tell} done=${() => { asking.value = ''; }} />`;
  return html`<div class="actions">
    ${machine.clearable.value && can('printer.clear_bed') ? html`<${ClearBed} machine=${machine} />` : null}
    ${job?.state === 'unknown' && can('job.resolve') ? html`<${Resolve} job=${job} />` : null}
    ${control && does('pause') && display === 'printing' ? html`<${Button} big icon="pause" label=${t('pause')} onClick=${() => command(id, 'pause')} />` : null}
    ${control && does('pause') && display === 'paused' ? html`<${Button} big tone="main" icon="play" label=${t('resume')} onClick=${() => command(id, 'resume')} />` : null}
    ${control && does('cancel') && job?.state !== 'unknown' ? html`<${SureButton} big icon="stop" tone="alarm" label=${t('cancel_print')} sure=${t('stop_sure', { name })} onClick=${() => command(id, 'cancel', {})} />` : null}
    ${outside && admin === 'quarantined' ? html`<${Button} big tone="main" icon="shield" label=${t('lift_quarantine')} onClick=${() => tell('lift-quarantine')} />` : null}
    ${outside && admin === 'maintenance' ? html`<${Button} big tone="main" icon="check" label=${t('end_maintenance')} onClick=${() => tell('end-maintenance')} />` : null}
    ${outside && admin === 'disabled' ? html`<${Button} big tone="main" icon="check" label=${t('enable')} onClick=${() => tell('enable')} />` : null}
    ${outside && admin === 'enabled' ? html`<${Button} quiet icon="ban" label=${t('out_of_service')} onClick=${() => { asking.value = 'disable'; }} />` : null}
    ${outside && (admin === 'enabled' || admin === 'quarantined') ? html`<${Button} quiet icon="wrench" label=${t('start_maintenance')} onClick=${() => { asking.value = 'start-maintenance'; }} />` : null}
  </div>`;
}

/** @param {{machine: import('../core/farm.js').Machine}} props */
function ClearBed({ machine }) {
  const next = useSignal(/** @type {Api.Job | null} */ (null));
  const first = useComputed(() => queue.value?.entries.map(({ job }) => job?.id).join() ?? '');
  useEffect(() => {
    let wanted = true;
    if (can('queue.view')) wouldStart(machine).then((job) => { if (wanted) next.value = job; }).catch(() => {});
    return () => { wanted = false; };
  }, [machine.id, first.value]);
  const job = next.value;
  return html`<div class="stack"><${Button} big tone="clear" icon="sweep" label=${t('bed_cleared')} onClick=${() => clearBed(machine.id)} />
    ${job && machine.doc.value.admin === 'enabled' ? html`<${Button} big icon="next" label=${t('cleared_start_next')} onClick=${() => clearBed(machine.id, true)}><small class="break">${job.name}</small></${Button}>` : null}</div>`;
}

/** @param {{job: Api.Job}} props */
function Resolve({ job }) {
  /** @param {string} outcome */
  const resolve = (outcome) => attempt(job.name, () => tellJob(job.id, 'resolve', { outcome }));
  return html`<div class="stack"><p><b>${t('resolve_question', { name: job.name })}</b></p>
    <${Button} big icon="check" label=${t('resolve_completed')} onClick=${() => resolve('completed')} />
    <${Button} big icon="alert" label=${t('resolve_failed')} onClick=${() => resolve('failed')} />
    <${Button} big icon="undo" label=${t('resolve_not_started')} onClick=${() => resolve('not_started')} />
  </div>`;
}

/** @param {{name: string, verb: 'disable' | 'start-maintenance', tell: (verb: string, body: unknown) => Promise<unknown>, done: () => void}} props */
function Why({ name, verb, tell, done }) {
  const label = verb === 'disable' ? t('out_of_service') : t('start_maintenance');
  /** @param {Event} event */
  const submit = async (event) => {
    const { note } = formValues(event);
    if (await tell(verb, note ? { note } : {})) done();
  };
  return html`<form class="ask" onSubmit=${submit}>
    <${Field} label=${t('reason_for', { name })} name="note" placeholder=${t('reason_hint')} />
    <div class="ask-buttons"><${Button} type="submit" tone="main" label=${label} /><${Button} quiet label=${t('back')} onClick=${done} /></div>
  </form>`;
}

