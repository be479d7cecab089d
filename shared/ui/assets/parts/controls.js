// The few controls that everything is made of: buttons, chips, fields, bars, badges. Each at least 44 px to the finger; none knows
// what it is used for.
import { Icon } from './icon.js';
import { html, useEffect, useId, useState } from '../core/html.js';
import { t } from '../core/words.js';

/** @typedef {import('../vendor/preact-11.2.0.js').Child} Child */

/** @param {{icon?: string, label: string, tone?: string, big?: boolean, quiet?: boolean, bare?: boolean, disabled?: boolean, type?: string, title?: string, onClick?: (event: MouseEvent) => unknown, children?: Child}} props */
export function Button({ icon, label, tone = '', big = false, quiet = false, bare = false, disabled = false, type = 'button', title, onClick, children }) {
  const [waiting, setWaiting] = useState(false);
  /** @param {MouseEvent} event */
  const press = async (event) => {
    const deed = onClick?.(event);
    if (!(deed instanceof Promise)) return;
    setWaiting(true);
    await deed.finally(() => setWaiting(false));
  };
  const kind = `button ${big ? 'big' : ''} ${quiet ? 'quiet' : ''} ${bare ? 'bare' : ''}`;
  return html`<button class=${kind} data-tone=${tone} type=${type} disabled=${disabled || waiting} aria-busy=${waiting} aria-label=${bare ? label : undefined} title=${title ?? (bare ? label : undefined)} onClick=${press}>
    ${icon ? html`<${Icon} name=${icon} />` : null}${bare ? null : html`<span class="label">${label}${children}</span>`}
  </button>`;
}

/** Asks once, in the button itself: the second press does it. @param {{icon?: string, label: string, sure: string, big?: boolean, quiet?: boolean, bare?: boolean, tone?: string, onClick: () => unknown}} props */
export function SureButton({ sure, label, onClick, tone, ...rest }) {
  const [asked, setAsked] = useState(false);
  useEffect(() => {
    if (!asked) return undefined;
    const timer = setTimeout(() => setAsked(false), 5000);
    return () => clearTimeout(timer);
  }, [asked]);
  const press = () => {
    setAsked(!asked);
    return asked ? onClick() : undefined;
  };
  return html`<${Button} ...${rest} bare=${rest.bare && !asked} label=${asked ? sure : label} tone=${asked ? 'danger' : tone} onClick=${press} />`;
}

/** @param {{label: string, icon?: string, count?: number, tone?: string, pressed?: boolean, onClick: () => void}} props */
export function Chip({ label, icon, count, tone = 'calm', pressed = false, onClick }) {
  return html`<button class="chip" type="button" data-tone=${tone} aria-pressed=${pressed} onClick=${onClick}>
    ${icon ? html`<${Icon} name=${icon} size=${16} />` : null}<span>${label}</span>${count === undefined ? null : html`<b>${count}</b>`}
  </button>`;
}

/** @param {{options: {value: string, label: string, icon?: string, tone?: string}[], value: string, label: string, bare?: boolean, onPick: (value: string) => unknown}} props */
export function Switch({ options, value, label, bare = false, onPick }) {
  return html`<div class="switch" role="group" aria-label=${label}>
    ${options.map((one) => html`<button key=${one.value} type="button" data-tone=${one.tone ?? ''} aria-pressed=${one.value === value} aria-label=${one.label} title=${bare ? one.label : undefined} onClick=${() => (one.value === value ? undefined : onPick(one.value))}>
      ${one.icon ? html`<${Icon} name=${one.icon} size=${18} />` : null}${bare ? null : html`<span>${one.label}</span>`}
    </button>`)}
  </div>`;
}

/** @param {{label: string, hint?: string, wrong?: string, children: (id: string, described: string | undefined) => Child}} props */
export function Labelled({ label, hint, wrong, children }) {
  const id = useId();
  return html`<div class=${wrong ? 'field wrong' : 'field'}>
    <label for=${id}>${label}</label>
    ${children(id, hint || wrong ? `${id}-hint` : undefined)}
    ${hint || wrong ? html`<small id=${`${id}-hint`}>${wrong || hint}</small>` : null}
  </div>`;
}

/** @param {{label: string, name: string, value?: string | number, type?: string, hint?: string, wrong?: string, required?: boolean, autocomplete?: string, placeholder?: string, min?: string, max?: string, step?: string, mode?: string}} props */
export function Field({ label, name, value = '', type = 'text', hint, wrong, required = false, autocomplete = 'off', placeholder, min, max, step, mode }) {
  return html`<${Labelled} label=${label} hint=${hint} wrong=${wrong}>${(/** @type {string} */ id, /** @type {string | undefined} */ described) =>
    html`<input id=${id} name=${name} type=${type} defaultValue=${value} required=${required} autocomplete=${autocomplete} placeholder=${placeholder} min=${min} max=${max} step=${step} inputmode=${mode} aria-describedby=${described} aria-invalid=${Boolean(wrong)} />`}</${Labelled}>`;
}

/** @param {{label: string, name: string, value?: string, hint?: string, options: {value: string, label: string}[], onPick?: (value: string) => void}} props */
export function Choice({ label, name, value, hint, options, onPick }) {
  return html`<${Labelled} label=${label} hint=${hint}>${(/** @type {string} */ id, /** @type {string | undefined} */ described) =>
    html`<select id=${id} name=${name} aria-describedby=${described} onChange=${(/** @type {any} */ event) => onPick?.(event.currentTarget.value)}>
      ${options.map((one) => html`<option key=${one.value} value=${one.value} selected=${one.value === value}>${one.label}</option>`)}
    </select>`}</${Labelled}>`;
}

/** @param {{share: unknown, label: string}} props `share` may be a signal: the bar then moves without anything being drawn anew. */
export const Bar = ({ share, label }) => html`<progress class="bar" max="1" value=${share} aria-label=${label}></progress>`;

/** @param {{tone: string, label: string, icon?: string}} props */
export const Badge = ({ tone, label, icon }) => html`<span class="badge" data-tone=${tone}>${icon ? html`<${Icon} name=${icon} size=${14} />` : null}${label}</span>`;

/** A picture of what is printed; a quiet sign where there is none. @param {{file?: string, size?: string, sign?: string}} props */
export function Picture({ file, size = '', sign }) {
  const [broken, setBroken] = useState('');
  const shown = file && broken !== file;
  return html`<span class=${`picture ${size} ${!shown && sign ? 'sign' : ''}`}>${shown
    ? html`<img src=${`/v1/files/${file}/thumbnail`} alt="" loading="lazy" decoding="async" draggable=${false} onError=${() => setBroken(file)} />`
    : html`<${Icon} name=${sign ?? 'file'} size=${sign ? 30 : 22} />`}</span>`;
}

/** @param {{text: string, long?: boolean}} props Clipboard needs https; selecting works everywhere. What is long is shown whole. */
export function Copyable({ text, long = false }) {
  const [done, setDone] = useState(false);
  const id = useId();
  const copy = async () => {
    const field = /** @type {HTMLInputElement} */ (document.getElementById(id));
    if (long) getSelection()?.selectAllChildren(field);
    else field.select();
    try { await navigator.clipboard.writeText(text); } catch { document.execCommand('copy'); }
    setDone(true);
  };
  const button = html`<${Button} icon=${done ? 'check' : 'copy'} label=${done ? t('copied') : t('copy')} onClick=${copy} />`;
  if (long) return html`<div class="copyable long"><pre id=${id} class="call" tabindex="0" aria-label=${t('copy')}>${text}</pre>${button}</div>`;
  return html`<div class="copyable"><input id=${id} readonly value=${text} aria-label=${t('copy')} onFocus=${(/** @type {any} */ event) => event.currentTarget.select()} />
    ${button}</div>`;
}

/** What a form holds, without empty fields. @param {Event} event @returns {Record<string, string>} */
export function formValues(event) {
  event.preventDefault();
  const form = /** @type {HTMLFormElement} */ (event.currentTarget);
  return Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value).trim()]).filter(([, value]) => value !== ''));
}
