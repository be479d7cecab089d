// Begins the page: finds out who is there, follows the farm, and shows the screen that the address names.
import { follow } from './core/farm.js';
import { effect, html, render, signal } from './core/html.js';
import { explain, fail } from './core/notices.js';
import { followLink, leave, route } from './core/route.js';
import { begin, can, enrolling, me, recognise, servedBy } from './core/session.js';
import { helpOpen, onKey } from './core/shortcuts.js';
import { t } from './core/words.js';
import { Notices } from './parts/notices.js';
import { Account } from './screens/account.js';
import { Audit } from './screens/audit.js';
import { ClaimPage } from './screens/claim.js';
import { FarmsPage } from './screens/farms.js';
import { Files } from './screens/files.js';
import { Banners, Header } from './screens/header.js';
import { Help } from './screens/help.js';
import { Keys } from './screens/keys.js';
import { beginKiosk, KioskHead, kiosk } from './screens/kiosk.js';
import { People } from './screens/people.js';
import { PrinterSheet } from './screens/printer.js';
import { OwnPin } from './screens/own_pin.js';
import { AddPrinter } from './screens/printer_form.js';
import { Queue } from './screens/queue.js';
import { AddThisDevice, SignIn } from './screens/signin.js';
import { Uploads, watchDrops } from './screens/upload.js';
import { Users } from './screens/users.js';
import { Wall, title } from './screens/wall.js';

const trouble = signal('');
let following = false;

function Page() {
  if (enrolling.value) return html`<${AddThisDevice} token=${enrolling.value} />`;
  if (me.value === undefined) return trouble.value ? html`<main class="door"><p class="trouble" role="alert">${trouble.value}</p></main>` : null;
  if (me.value === null) return html`<${SignIn} trouble=${trouble.value} />`;
  return html`${kiosk ? html`<${KioskHead} />` : html`<${Header} />`}<${Banners} /><${Screen} />
    <${Notices} /><${Uploads} />${helpOpen.value ? html`<${Help} />` : null}`;
}

function Screen() {
  const [first, second, third] = route.value.parts;
  if (first === 'queue') return html`<${Queue} tab=${second ?? 'waiting'} />`;
  if (first === 'files') return html`<${Files} />`;
  if (first === 'floor') return html`<${People} />`;
  if (first === 'people') return html`<${Users} tab=${second ?? 'people'} />`;
  if (first === 'account') return servedBy.value === 'relay' ? html`<${Account} />` : html`<${OwnPin} />`;
  if (first === 'keys') return html`<${Keys} open=${second} />`;
  if (first === 'audit') return html`<${Audit} />`;
  if (first === 'store' || first === 'claim') return servedBy.value === 'relay' ? html`<${FarmsPage} claiming=${first === 'claim'} />` : html`<${ClaimPage} />`;
  if (!can('printer.view')) return html`<main><p class="nothing">${t('may_not_see')}</p></main>`;
  return html`<${Wall} />
    ${first === 'p' && second ? html`<${PrinterSheet} key=${second} word=${second} settings=${third === 'settings'} />` : null}
    ${first === 'add' ? html`<${AddPrinter} onClose=${() => leave('/')} />` : null}`;
}

const dark = matchMedia('(prefers-color-scheme: dark)');
function paint() {
  const asked = route.peek().query.get('theme');
  document.documentElement.dataset.theme = asked ?? (kiosk || dark.matches ? 'dark' : 'light');
}
dark.addEventListener('change', paint);
paint();

addEventListener('click', followLink);
addEventListener('keydown', onKey);
watchDrops();
if (kiosk) beginKiosk();

effect(() => { document.title = title.value; });
effect(() => {
  if (!me.value || following) return;
  following = true;
  follow().catch((error) => fail('Gantry', error));
});

render(html`<${Page} />`, /** @type {Element} */ (document.getElementById('page')));

begin().catch(async (error) => {
  trouble.value = explain(error).detail;
  // A link that was used before must not lock out who is signed in already.
  await recognise().catch(() => {});
});
