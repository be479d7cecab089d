// The settings of a printer, and the form that adds one. Credentials go in and never come out; a connection can be tried before
// anything is kept.
import { call, fieldOf, get, post, Refusal } from '../core/api.js';
import { forget, machines, takePrinter } from '../core/farm.js';
import { html, useEffect, useSignal, useState } from '../core/html.js';
import { attempt, explain, say } from '../core/notices.js';
import { go, leave } from '../core/route.js';
import { can } from '../core/session.js';
import { t, word } from '../core/words.js';
import { Button, Choice, Field, formValues, SureButton } from '../parts/controls.js';
import { Sheet } from '../parts/sheet.js';
import { Finder } from './printer_finder.js';
import { ImportPrinters } from './printer_import.js';

/** What is left empty is taken away. @param {Record<string, string>} values */
function machineOf(values) {
  const [x, y, z] = ['x', 'y', 'z'].map((side) => Number(values[side]));
  return {
    model: values.model ?? null,
    nozzle_mm: values.nozzle_mm ? Number(values.nozzle_mm) : null,
    build_volume_mm: x && y && z ? { x, y, z } : null,
    plate_type: values.plate_type ?? null,
  };
}

/** Only what was changed in the form, so that it takes nothing back that somebody else changed meanwhile. @param {Api.Printer} before @param {Record<string, string>} values */
function changes(before, values) {
  const { model = null, nozzle_mm = null, build_volume_mm = null, plate_type = null } = before.machine;
  const machine = machineOf(values);
  const tags = tagsOf(values.tags);
  const { credential, address = before.link.address, serial = null, certificate = null } = values;
  const moved = address !== before.link.address;
  const renumbered = serial !== (before.link.serial ?? null);
  const recertified = certificate !== (before.link.certificate ?? null);
  /** @param {unknown} a @param {unknown} b */
  const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
  return {
    ...(values.name !== before.name ? { name: values.name } : {}),
    ...(same(tags, [...before.tags].sort()) ? {} : { tags }),
    ...(same(machine, { model, nozzle_mm, build_volume_mm, plate_type }) ? {} : { machine }),
    ...(moved || renumbered || recertified || credential ? { link: { driver: before.link.driver, address, ...(renumbered ? { serial, board_changed: values.board_changed === 'on' } : {}), ...(recertified ? { certificate } : {}), ...(credential ? { credential } : {}) } } : {}),
  };
}

/** @param {string | undefined} text */
export const tagsOf = (text) => [...new Set((text ?? '').toLowerCase().split(/[\s,]+/).filter(Boolean))].sort();

/** Where a form's field is wrong, by the pointers of the problem. @param {unknown} error @returns {Record<string, string>} */
export function wrongFields(error) {
  const errors = error instanceof Refusal ? error.problem.errors ?? [] : [];
  return Object.fromEntries(errors.map((one) => [fieldOf(one.pointer), one.detail]));
}

/** @param {{doc?: {machine: Api.Printer['machine'], tags: string[]}, wrong: Record<string, string>}} props */
function MachineFields({ doc, wrong }) {
  const { model, nozzle_mm: nozzle, build_volume_mm: volume, plate_type: plate } = doc?.machine ?? {};
  return html`<${Field} label=${t('tags')} name="tags" value=${doc?.tags.join(' ') ?? ''} hint=${t('tags_hint')} wrong=${wrong.tags} />
    <${Field} label=${t('model')} name="model" value=${model ?? ''} hint=${t('model_hint')} wrong=${wrong.model} />
    <div class="two"><${Field} label=${t('nozzle_mm')} name="nozzle_mm" type="number" step="0.05" min="0.1" max="3" value=${nozzle ?? ''} wrong=${wrong.nozzle_mm} /><${Field} label=${t('plate_type')} name="plate_type" value=${plate ?? ''} /></div>
    <fieldset><legend>${t('build_volume')} (mm)</legend><div class="three">
      <${Field} label="X" name="x" type="number" min="1" value=${volume?.x ?? ''} /><${Field} label="Y" name="y" type="number" min="1" value=${volume?.y ?? ''} /><${Field} label="Z" name="z" type="number" min="1" value=${volume?.z ?? ''} />
    </div></fieldset>`;
}

/** @param {{machine: import('../core/farm.js').Machine}} props */
export function PrinterForm({ machine }) {
  const [doc] = useState(() => machine.doc.peek());
  const wrong = useSignal(/** @type {Record<string, string>} */ ({}));
  /** @param {Event} event */
  const submit = async (event) => {
    const values = formValues(event);
    const saved = await attempt(doc.name, async () => {
      try {
        return /** @type {Api.Printer} */ (await call('PATCH', `/v1/printers/${doc.id}`, { body: changes(doc, values) }));
      } catch (error) {
        wrong.value = wrongFields(error);
        throw error;
      }
    });
    if (!saved) return;
    takePrinter(saved);
    say(t('saved', { name: saved.name }));
    leave(`/p/${doc.id}`);
  };
  const remove = () => attempt(doc.name, async () => {
    await call('DELETE', `/v1/printers/${doc.id}`);
    forget(doc.id);
    go('/');
  });
  return html`<form class="form" onSubmit=${submit}>
    <${Field} label=${t('name')} name="name" value=${doc.name} required wrong=${wrong.value.name} />
    <${MachineFields} doc=${doc} wrong=${wrong.value} />
    <${Field} label=${t('address')} name="address" value=${doc.link.address} wrong=${wrong.value.address} />
    <${Field} label=${t('serial')} name="serial" value=${doc.link.serial ?? ''} hint=${t('serial_hint')} wrong=${wrong.value.serial} />
    ${doc.link.serial ? html`<div class="checks"><label><input type="checkbox" name="board_changed" />${t('board_changed')}</label></div>` : null}
    ${doc.link.certificate || doc.connection_problem?.includes('SHA-256') ? html`<${Field} label=${t('certificate')} name="certificate" value=${doc.link.certificate ?? ''} hint=${t('certificate_hint')} wrong=${wrong.value.certificate} />` : null}
    <${Field} label=${t('credential')} name="credential" type="password" autocomplete="new-password" placeholder=${t('credential_kept')} wrong=${wrong.value.credential} />
    <div class="form-end"><${Button} type="submit" tone="main" icon="check" label=${t('save')} />
      ${can('printer.delete') ? html`<${SureButton} quiet icon="trash" label=${t('remove')} sure=${t('remove_sure', { name: doc.name })} onClick=${remove} />` : null}</div>
  </form>`;
}

/** @param {{onClose: () => void}} props */
export function AddPrinter({ onClose }) {
  const drivers = useSignal(/** @type {Api.Driver[]} */ ([]));
  const chosen = useSignal('');
  const wrong = useSignal(/** @type {Record<string, string>} */ ({}));
  const found = useSignal(/** @type {{tone: string, text: string} | null} */ (null));
  // The certificate that the printer showed and nobody vouches for, and the one that was confirmed.
  const shown = useSignal('');
  const confirmed = useSignal('');
  // What fills the form: a printer that was found, or one that the new one is like. A new number draws the fields anew.
  const draft = useSignal({ number: 0, name: '', address: '', serial: '', machine: /** @type {Api.Printer['machine']} */ ({}), tags: /** @type {string[]} */ ([]) });
  /** @param {Api.FoundPrinter} one */
  const pick = (one) => {
    if (one.printer_id) {
      go(`/p/${one.printer_id}/settings`);
      return;
    }
    const { name = '', address, serial = '', model } = one;
    chosen.value = one.driver;
    draft.value = { number: draft.peek().number + 1, name, address, serial, machine: { ...draft.peek().machine, ...(model ? { model } : {}) }, tags: draft.peek().tags };
    found.value = one.advice ? { tone: 'warn', text: one.advice } : null;
  };
  /** @param {string} id */
  const like = (id) => {
    const other = machines.peek().get(id)?.doc.peek();
    if (!other) return;
    chosen.value = other.link.driver;
    draft.value = { ...draft.peek(), number: draft.peek().number + 1, machine: other.machine, tags: other.tags };
  };
  useEffect(() => {
    attempt(t('add_printer'), () => get('/v1/system/drivers')).then((/** @type {any} */ list) => {
      drivers.value = list?.items ?? [];
      chosen.value = drivers.value[0]?.name ?? '';
    });
  }, []);
  const driver = drivers.value.find((one) => one.name === chosen.value);
  /** @param {Record<string, string>} values */
  const linkOf = (values) => ({ driver: chosen.peek(), address: values.address ?? '', ...(values.serial ? { serial: values.serial } : {}), ...(confirmed.peek() ? { certificate: confirmed.peek() } : {}), ...(values.credential ? { credential: values.credential } : {}) });
  /** @param {MouseEvent} event */
  const test = async (event) => {
    const form = /** @type {HTMLFormElement} */ (/** @type {HTMLElement} */ (event.currentTarget).closest('form'));
    const values = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value).trim()]));
    found.value = null;
    shown.value = '';
    try {
      const told = /** @type {{firmware?: string, activity: string, concerns?: string[]}} */ (await post('/v1/printers/test-connection', linkOf(values)));
      const { concerns = [] } = told;
      found.value = { tone: concerns.length ? 'warn' : 'good', text: [t('test_ok'), told.firmware, word('state', told.activity), ...concerns].filter(Boolean).join(' · ') };
    } catch (error) {
      const { detail, hint } = explain(error);
      found.value = { tone: 'alarm', text: [detail, hint].filter(Boolean).join(' · ') };
      wrong.value = wrongFields(error);
      if (error instanceof Refusal && error.problem.code === 'certificate_unconfirmed') shown.value = wrong.value.certificate ?? '';
    }
  };
  /** @param {MouseEvent} event */
  const confirm = (event) => {
    confirmed.value = shown.peek();
    return test(event);
  };
  /** @param {Event} event */
  const submit = async (event) => {
    const values = formValues(event);
    const made = await attempt(values.name ?? t('add_printer'), async () => {
      try {
        return /** @type {Api.Printer} */ (await post('/v1/printers', { name: values.name, link: linkOf(values), machine: machineOf(values), tags: tagsOf(values.tags) }));
      } catch (error) {
        wrong.value = wrongFields(error);
        throw error;
      }
    });
    if (!made) return;
    takePrinter(made);
    say(t('added', { name: made.name }), t('added_hint'));
    go(`/p/${made.id}`);
  };
  const others = [...machines.value.values()].map((machine) => machine.doc.peek()).sort((one, other) => one.name.localeCompare(other.name));
  const { number, name, address, serial } = draft.value;
  return html`<${Sheet} title=${t('add_printer')} onClose=${onClose}><${Finder} onPick=${pick} /><form class="form" onSubmit=${submit} key=${number}>
    ${others.length ? html`<${Choice} label=${t('like_printer')} name="like" value="" options=${[{ value: '', label: '–' }, ...others.map((one) => ({ value: one.id, label: one.name }))]} onPick=${like} />` : null}
    <${Field} label=${t('name')} name="name" value=${name} required wrong=${wrong.value.name} />
    <${Choice} label=${t('driver')} name="driver" value=${chosen.value} options=${drivers.value.map((one) => ({ value: one.name, label: one.title }))} onPick=${(/** @type {string} */ name) => { chosen.value = name; }} />
    <${Field} label=${t('address')} name="address" value=${address} required hint=${driver?.address_hint} wrong=${wrong.value.address} />
    <${Field} label=${t('serial')} name="serial" value=${serial} required=${Boolean(driver?.serial_hint)} hint=${driver?.serial_hint ?? t('serial_hint')} wrong=${wrong.value.serial} />
    <${Field} label=${t('credential')} name="credential" type="password" autocomplete="new-password" hint=${driver?.credential_hint} wrong=${wrong.value.credential} />
    <${Button} icon="wifi" label=${t('test_connection')} onClick=${test} />
    ${found.value ? html`<p class="banner" data-tone=${found.value.tone} role="status">${found.value.text}</p>` : null}
    ${shown.value ? html`<${Button} icon="check" label=${t('confirm_certificate')} onClick=${confirm} />` : null}
    <${MachineFields} doc=${draft.value} wrong=${wrong.value} />
    <div class="form-end"><${Button} type="submit" tone="main" icon="plus" label=${t('add_printer')} /></div>
  </form><${ImportPrinters} /></${Sheet}>`;
}
