// Many printers at once, out of a table that a spreadsheet wrote. Tried first, so that every mistake is shown with its line before
// anything is added.
import { post, Refusal } from '../core/api.js';
import { reload } from '../core/farm.js';
import { html, useRef, useSignal } from '../core/html.js';
import { attempt, explain, say } from '../core/notices.js';
import { go } from '../core/route.js';
import { t } from '../core/words.js';
import { Button } from '../parts/controls.js';

/** @typedef {{csv: string, names: string[], mistakes: string[]}} Tried */

export function ImportPrinters() {
  const input = /** @type {{current: HTMLInputElement | null}} */ (useRef(null));
  const tried = useSignal(/** @type {Tried | null} */ (null));
  const take = async () => {
    const file = input.current?.files?.[0];
    if (!file || !input.current) return;
    const csv = await file.text();
    input.current.value = '';
    try {
      const told = /** @type {{items: Api.Printer[]}} */ (await post('/v1/printers/import?dry_run=true', { csv }));
      tried.value = { csv, names: told.items.map((one) => one.name), mistakes: [] };
    } catch (error) {
      const errors = error instanceof Refusal ? error.problem.errors ?? [] : [];
      tried.value = { csv, names: [], mistakes: errors.length ? errors.map((one) => one.detail) : [explain(error).detail ?? ''] };
    }
  };
  const add = async () => {
    const { csv, names } = /** @type {Tried} */ (tried.peek());
    if (!await attempt(t('import_printers'), () => post('/v1/printers/import', { csv }))) return;
    say(t('imported', { count: names.length }), t('added_hint'));
    await reload();
    go('/');
  };
  const { names = [], mistakes = [] } = tried.value ?? {};
  return html`<details class="import"><summary>${t('import_printers')}</summary>
    <p class="hint">${t('import_hint')}</p>
    <input class="unseen" type="file" accept=".csv,text/csv" tabindex="-1" aria-hidden="true" ref=${input} onChange=${take} />
    <${Button} icon="upload" label=${t('import_pick')} onClick=${() => input.current?.click()} />
    ${mistakes.length ? html`<div class="banner" data-tone="alarm" role="alert"><p>${t('import_wrong')}</p><ul>${mistakes.map((text) => html`<li key=${text}>${text}</li>`)}</ul></div>` : null}
    ${names.length ? html`<p role="status">${names.join(', ')}</p><${Button} tone="main" icon="plus" label=${t('import_add', { count: names.length })} onClick=${add} />` : null}
  </details>`;
}
