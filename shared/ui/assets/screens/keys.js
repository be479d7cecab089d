// Keys: one per program, one per slicer workstation. A key is shown once, when it is made; afterwards it can be paused or revoked.
import { all, get, post } from '../core/api.js';
import { machines, nameOf, pools } from '../core/farm.js';
import { html, useEffect, useSignal } from '../core/html.js';
import { attempt } from '../core/notices.js';
import { can, servedBy } from '../core/session.js';
import { moment, t, word } from '../core/words.js';
import { Badge, Button, Choice, Copyable, Field, formValues, SureButton } from '../parts/controls.js';
import { Sheet } from '../parts/sheet.js';
import { tagsOf, wrongFields } from './printer_form.js';

/** @typedef {'api_keys' | 'slicer_keys'} Kind */
const ROLES = ['admin', 'operator', 'part_manager', 'viewer'];

export function Keys() {
  /** Where API keys are changed, if that is not here: at the relay of the store that the farm belongs to. */
  const elsewhere = useSignal('');
  useEffect(() => {
    if (servedBy.peek() === 'agent' && can('farm.claim')) get('/v1/claim').then((/** @type {any} */ claim) => { elsewhere.value = claim.state === 'claimed' ? claim.relay_url : ''; }).catch(() => {});
  }, []);
  return html`<main class="page"><${KeyList} kind="api_keys" elsewhere=${elsewhere.value} /><${KeyList} kind="slicer_keys" elsewhere="" /></main>`;
}

/** @param {{kind: Kind, elsewhere: string}} props */
function KeyList({ kind, elsewhere }) {
  const list = useSignal(/** @type {Api.Key[] | null} */ (null));
  const making = useSignal(false);
  const title = t(kind === 'api_keys' ? 'api_keys' : 'slicer_keys');
  const read = () => attempt(title, async () => { list.value = await all(`/v1/${kind}`); });
  useEffect(() => { read(); }, [kind]);
  /** @param {Api.Key} key @param {string} verb */
  const tell = (key, verb) => attempt(key.name, async () => {
    const fresh = /** @type {Api.Key} */ (await post(`/v1/${kind}/${key.id}/${verb}`));
    list.value = (list.peek() ?? []).map((one) => (one.id === key.id ? fresh : one));
  });
  return html`<section class="keys-part">
    <div class="page-tools"><div><h2>${title}</h2><p class="dim">${t(kind === 'api_keys' ? 'api_keys_hint' : 'slicer_keys_hint')} ${kind === 'api_keys' ? html`<a href="/docs" target="_blank">${t('api_docs')}</a>` : null}</p></div><span class="grow"></span>
      ${can('api_key.create') && !elsewhere ? html`<${Button} tone="main" icon="plus" label=${t('new_key')} onClick=${() => { making.value = true; }} />` : null}</div>
    ${elsewhere ? html`<p class="banner" data-tone="warn"><span>${t('keys_at_relay')} <a class="break" href=${`${elsewhere}/keys`} target="_blank" rel="noreferrer">${elsewhere}</a></span></p>` : null}
    ${list.value?.length === 0 ? html`<p class="dim">${t('no_keys')}</p>` : null}
    <ul class="queue">${(list.value ?? []).map((key) => html`<li class="row" data-item key=${key.id} data-held=${key.state === 'revoked'}>
      <div class="row-main"><b class="break">${key.name}</b><p class="row-facts"><code>${key.hint}…</code> <${Badge} tone=${key.state === 'active' ? 'calm' : key.state === 'paused' ? 'warn' : 'out'} label=${word('key', key.state)} /> ${[key.role ? word('role', key.role) : '', nameOf(key.printer_id), pools.value.find((one) => one.id === key.pool_id)?.name ?? '', key.expires_at ? t('expires', { time: moment(key.expires_at) }) : '', moment(key.created_at)].filter(Boolean).join(' · ')}</p></div>
      <div class="row-end">${elsewhere ? null : html`
        ${can('api_key.edit') && key.state === 'active' ? html`<${Button} quiet icon="pause" label=${t('pause')} onClick=${() => tell(key, 'pause')} />` : null}
        ${can('api_key.edit') && key.state === 'paused' ? html`<${Button} icon="play" label=${t('resume')} onClick=${() => tell(key, 'resume')} />` : null}
        ${can('api_key.revoke') && key.state !== 'revoked' ? html`<${SureButton} quiet icon="ban" label=${t('revoke')} sure=${t('revoke_sure', { name: key.name })} onClick=${() => tell(key, 'revoke')} />` : null}`}
      </div></li>`)}</ul>
    ${making.value ? html`<${NewKey} kind=${kind} onClose=${() => { making.value = false; read(); }} />` : null}
  </section>`;
}

/** @param {{kind: Kind, onClose: () => void}} props */
function NewKey({ kind, onClose }) {
  const secret = useSignal('');
  const wrong = useSignal(/** @type {Record<string, string>} */ ({}));
  const program = kind === 'api_keys';
  /** @param {Event} event */
  const submit = async (event) => {
    const { name = '', role, tags, networks, expires, target = '' } = formValues(event);
    const [where, id] = target.split(' ');
    const body = program
      ? { name, role, ...(tags ? { tags: tagsOf(tags) } : {}), allowed_networks: (networks ?? '').split(/[\s,]+/).filter(Boolean), ...(expires ? { expires_at: new Date(`${expires}T23:59:59`).toISOString() } : {}) }
      : { name, ...(where === 'pool' ? { pool_id: id } : {}), ...(where === 'printer' ? { printer_id: id } : {}) };
    await attempt(name, async () => {
      try {
        const made = /** @type {{secret: string}} */ (await post(`/v1/${kind}`, body));
        secret.value = made.secret;
      } catch (error) {
        wrong.value = wrongFields(error);
        throw error;
      }
    });
  };
  const targets = [{ value: '', label: t('any_printer') }, ...pools.value.map((one) => ({ value: `pool ${one.id}`, label: t('pool_named', { name: one.name }) })), ...[...machines.value.values()].map((one) => ({ value: `printer ${one.id}`, label: one.doc.value.name }))];
  if (secret.value) {
    return html`<${Sheet} title=${t('key_made')} onClose=${onClose}><div class="form">
      <p class="banner" data-tone="warn">${t('shown_once')}</p><label>${t('key_itself')}</label><${Copyable} text=${secret.value} />
      ${program ? null : html`<label>${t('slicer_host')}</label><${Copyable} text=${location.origin} /><p class="dim">${t('slicer_host_hint')}</p>`}
      <div class="form-end"><${Button} tone="main" label=${t('kept_it')} onClick=${onClose} /></div></div></${Sheet}>`;
  }
  return html`<${Sheet} title=${t(program ? 'new_api_key' : 'new_slicer_key')} onClose=${onClose}><form class="form" onSubmit=${submit}>
    <${Field} label=${t('name')} name="name" required hint=${t(program ? 'key_name_hint' : 'slicer_name_hint')} wrong=${wrong.value.name} />
    ${program ? html`<${Choice} label=${t('role')} name="role" value="viewer" options=${ROLES.map((role) => ({ value: role, label: word('role', role) }))} />
      <${Field} label=${t('only_tags')} name="tags" hint=${t('only_tags_hint')} wrong=${wrong.value.tags} />
      <${Field} label=${t('networks')} name="networks" placeholder="192.168.1.0/24" hint=${t('networks_hint')} wrong=${wrong.value.allowed_networks} />
      <${Field} label=${t('expires_on')} name="expires" type="date" />` : html`<${Choice} label=${t('where')} name="target" value="" options=${targets} />`}
    <div class="form-end"><${Button} type="submit" tone="main" icon="key" label=${t('make_key')} /></div>
  </form></${Sheet}>`;
}
