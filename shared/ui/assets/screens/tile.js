// One printer on the wall. Its texts are signals that go straight into the page: a telemetry message changes three text nodes and a
// bar, and draws nothing anew. Takes a dropped file as a job for this printer.
import { look, wantsPerson } from '../core/display.js';
import { html, useComputed, useSignal } from '../core/html.js';
import { clearBed } from '../core/notices.js';
import { route } from '../core/route.js';
import { can } from '../core/session.js';
import { clockTime, percent, span, t, word } from '../core/words.js';
import { Button, Picture } from '../parts/controls.js';
import { Icon } from '../parts/icon.js';
import { dropped } from './upload.js';

/** @param {{machine: import('../core/farm.js').Machine, view: string}} props */
export function Tile({ machine, view }) {
  const state = machine.state.value;
  const { name, fault, admin_note: note, connection_problem: trouble } = machine.doc.value;
  const { icon, tone } = look(state);
  const times = useComputed(() => {
    // When a print ends that waits for a person is not known.
    const ends = machine.state.value === 'attention' ? null : machine.finishAt.value;
    const parts = [machine.progress.value === null ? '' : percent(machine.progress.value), ends === null ? '' : clockTime(ends)];
    return parts.filter(Boolean).join(' · ');
  });
  const share = useComputed(() => machine.progress.value ?? 0);
  const age = useComputed(() => (machine.age.value === null ? '' : t('ago', { span: span(machine.age.value) })));
  const aged = useComputed(() => (machine.age.value === null ? 'no' : 'yes'));
  const over = useSignal('no');
  const open = useComputed(() => (route.value.parts[0] === 'p' && route.value.parts[1] === machine.id ? 'yes' : 'no'));
  const line = fault && tone === 'alarm' ? fault.text : tone === 'out' ? note ?? '' : tone === 'away' ? trouble ?? '' : tone === 'warn' ? word('about', state) : machine.work.value;
  const clearable = state === 'needs_clear' && machine.clearable.value && view !== 'dense' && can('printer.clear_bed');
  /** @param {DragEvent} event */
  const drag = (event) => {
    if (!event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    over.value = event.type === 'dragover' ? 'yes' : 'no';
  };
  /** @param {DragEvent} event */
  const drop = (event) => {
    drag(event);
    event.stopPropagation();
    over.value = 'no';
    dropped(event, machine);
  };
  return html`<article class="tile" data-item data-printer=${machine.id} data-state=${state} data-tone=${tone} data-human=${wantsPerson(machine)} data-aged=${aged} data-over=${over} data-open=${open} onDragOver=${drag} onDragLeave=${drag} onDrop=${drop}>
    ${view === 'dense' ? null : html`<${Picture} file=${machine.job.value?.file_id} sign=${icon} />`}
    <h2><a href=${`/p/${machine.id}`} aria-label=${`${name}: ${word('state', state)}`}>${name}</a></h2>
    <p class="word"><${Icon} name=${icon} size=${view === 'dense' ? 15 : 17} /><span>${word('state', state)}</span></p>
    <p class="times">${times}</p>
    <p class="line">${line}</p>
    <p class="age">${age}</p>
    ${machine.running.value ? html`<progress class="bar" max="1" value=${share} aria-label=${t('progress')}></progress>` : null}
    ${clearable ? html`<${Button} tone="clear" label=${t('bed_cleared')} onClick=${() => clearBed(machine.id)} />` : null}
  </article>`;
}
