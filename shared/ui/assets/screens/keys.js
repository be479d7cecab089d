// Keys: one per program, one per slicer workstation. The lists of both; a key opens beside them with all that can be done to it.
import { all, get, post } from '../core/api.js';
import { nameOf, pools } from '../core/farm.js';
import { html, useEffect, useSignal } from '../core/html.js';
import { actorName, readNames } from '../core/names.js';
import { attempt } from '../core/notices.js';
import { leave } from '../core/route.js';
import { can, servedBy } from '../core/session.js';
import { moment, t, word } from '../core/words.js';
import { Badge, Button, SureButton } from '../parts/controls.js';
import { Sheet } from '../parts/sheet.js';
import { KeyForm, SlicerForm } from './key_form.js';
import { ends, heldBack, KeySheet } from './key_sheet.js';

/** @typedef {'api_keys' | 'slicer_keys'} Kind */

/** @param {{open?: string}} props */
export function Keys({ open }) {
  /** Where API keys are changed, if that is not here: at the relay of the store that the farm belongs to. */
  const elsewhere = useSignal('');
  const roles = useSignal(/** @type {Api.OwnRole[]} */ ([]));
  const [programs, slicers] = [useSignal(/** @type {Api.Key[] | null} */ (null)), useSignal(/** @type {Api.Key[] | null} */ (null))];
  const lists = { api_keys: programs, slicer_keys: slicers };
  /** @param {Kind} kind */
  const read = (kind) => attempt(t(kind), async () => { lists[kind].value = await all(`/v1/${kind}`); });
  useEffect(() => {
    read('api_keys');
    read('slicer_keys');
    readNames().catch(() => {});
    if (servedBy.peek() === 'relay' && can('role.view')) all('/v1/roles').then((/** @type {any} */ list) => { roles.value = list; }).catch(() => {});
    if (servedBy.peek() === 'agent' && can('farm.claim')) get('/v1/claim').then((/** @type {any} */ claim) => { elsewhere.value = claim.state === 'claimed' ? claim.relay_url : ''; }).catch(() => {});
  }, []);
  const kind = open?.startsWith('slk_') ? 'slicer_keys' : 'api_keys';
  const shown = open ? lists[kind].value?.find((one) => one.id === open) : undefined;
  /** @param {Api.Key} fresh */
  const take = (fresh) => { lists[kind].value = (lists[kind].peek() ?? []).map((one) => (one.id === fresh.id ? fresh : one)); };
  const part = (/** @type {Kind} */ of) => html`<${KeyList} kind=${of} list=${lists[of].value} roles=${roles.value} elsewhere=${of === 'api_keys' ? elsewhere.value : ''} read=${() => read(of)} />`;
  return html`<main class="page">${part('api_keys')}${part('slicer_keys')}</main>
    ${shown ? html`<${KeySheet} key=${shown.id} kind=${kind} shown=${shown} roles=${roles.value} changeable=${kind === 'slicer_keys' || !elsewhere.value} take=${take} onClose=${() => leave('/keys')} />` : null}
    ${open && !shown && lists[kind].value ? html`<${Sheet} title=${t('key_itself')} onClose=${() => leave('/keys')}><p class="nothing">${t('no_such_key')}</p></${Sheet}>` : null}`;
}

/** @param {{kind: Kind, list: Api.Key[] | null, roles: Api.OwnRole[], elsewhere: string, read: () => Promise<unknown>}} props */
function KeyList({ kind, list, roles, elsewhere, read }) {
  const making = useSignal(false);
  const program = kind === 'api_keys';
  return html`<section class="keys-part">
    <div class="page-tools"><div><h2>${t(kind)}</h2><p class="dim">${t(program ? 'api_keys_hint' : 'slicer_keys_hint')} ${program ? html`<a href="/docs" target="_blank">${t('api_docs')}</a>` : null}</p></div><span class="grow"></span>
      ${can('api_key.create') && !elsewhere ? html`<${Button} tone="main" icon="plus" label=${t('new_key')} onClick=${() => { making.value = true; }} />` : null}</div>
    ${elsewhere ? html`<p class="banner" data-tone="warn"><span>${t('keys_at_relay')} <a class="break" href=${`${elsewhere}/keys`} target="_blank" rel="noreferrer">${elsewhere}</a></span></p>` : null}
    ${list?.length === 0 ? html`<p class="dim">${t('no_keys')}</p>` : null}
    <ul class="queue">${(list ?? []).map((key) => html`<${KeyRow} key=${key.id} kind=${kind} shown=${key} roles=${roles} changeable=${!elsewhere} read=${read} />`)}</ul>
    ${making.value ? html`<${NewKey} kind=${kind} roles=${roles} onClose=${() => { making.value = false; read(); }} />` : null}
  </section>`;
}

/** @param {{kind: Kind, roles: Api.OwnRole[], onClose: () => void}} props */
function NewKey({ kind, roles, onClose }) {
  const program = kind === 'api_keys';
  const title = t(program ? 'new_api_key' : 'new_slicer_key');
  return html`<${Sheet} title=${title} onClose=${onClose}>${program ? html`<${KeyForm} roles=${roles} onClose=${onClose} />` : html`<${SlicerForm} onClose=${onClose} />`}</${Sheet}>`;
}

/** @param {{kind: Kind, shown: Api.Key, roles: Api.OwnRole[], changeable: boolean, read: () => Promise<unknown>}} props */
function KeyRow({ kind, shown, roles, changeable, read }) {
  const less = kind === 'api_keys' && shown.state !== 'revoked' ? heldBack(shown) : { nothing: false, names: [] };
  /** @param {string} verb */
  const tell = (verb) => attempt(shown.name, async () => {
    await post(`/v1/${kind}/${shown.id}/${verb}`);
    await read();
  });
  const facts = [roles.find((one) => one.id === shown.role)?.name ?? (shown.role ? word('role', shown.role) : shown.grants ? t('count_permissions', { count: shown.grants.permissions.length }) : ''),
    nameOf(shown.printer_id), pools.value.find((one) => one.id === shown.pool_id)?.name ?? '', t('made_by', { name: actorName(shown.sponsor) }), ends(shown)];
  return html`<li class="row" data-item data-held=${shown.state === 'revoked'}>
    <div class="row-main"><b class="break"><a href=${`/keys/${shown.id}`}>${shown.name}</a></b><p class="row-facts"><code>${shown.hint}…</code> ${shown.test ? html`<${Badge} tone="warn" icon="flask" label=${t('test_key')} /> ` : null}<${Badge} tone=${shown.state === 'active' ? 'calm' : shown.state === 'paused' ? 'warn' : 'out'} label=${word('key', shown.state)} />
      ${less.nothing || less.names.length ? html` <${Badge} tone="warn" label=${less.nothing ? t('holds_nothing') : t('holds_less', { count: less.names.length })} />` : null}
      ${shown.old_secret_until ? html` <${Badge} tone="warn" label=${t('old_until', { time: moment(shown.old_secret_until) })} />` : null} ${facts.filter(Boolean).join(' · ')}</p></div>
    <div class="row-end">${changeable ? html`
      ${can('api_key.edit') && shown.state === 'active' ? html`<${Button} quiet icon="pause" label=${t('pause')} onClick=${() => tell('pause')} />` : null}
      ${can('api_key.edit') && shown.state === 'paused' ? html`<${Button} icon="play" label=${t('resume')} onClick=${() => tell('resume')} />` : null}
      ${can('api_key.revoke') && shown.state !== 'revoked' ? html`<${SureButton} quiet icon="ban" label=${t('revoke')} sure=${t('revoke_sure', { name: shown.name })} onClick=${() => tell('revoke')} />` : null}` : null}
      <a class="button quiet" href=${`/keys/${shown.id}`}><span class="label">${t('key_more')}</span></a></div></li>`;
}
