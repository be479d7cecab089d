// What a key is used for: a bar for each of the last thirty days, and beneath it what each door counted. A part of the key's own sheet.
import { get } from '../core/api.js';
import { serverNow } from '../core/clock.js';
import { farms } from '../core/farm.js';
import { html, useEffect, useSignal } from '../core/html.js';
import { explain } from '../core/notices.js';
import { moment, number, t } from '../core/words.js';

const DAYS = 30;
const DAY_MS = 86_400_000;

/** @param {{shown: Api.Key}} props */
export function KeyUsage({ shown }) {
  const usage = useSignal(/** @type {Api.KeyUsage | null} */ (null));
  const trouble = useSignal('');
  useEffect(() => {
    /** @type {Promise<Api.KeyUsage>} */ (get(`/v1/api_keys/${shown.id}/usage`)).then((told) => { usage.value = told; }, (error) => { trouble.value = explain(error).detail; });
  }, [shown.id]);
  const told = usage.value;
  return html`<section><h3>${t('usage')}</h3>
    ${trouble.value ? html`<p class="trouble">${trouble.value}</p>` : null}
    ${told ? html`<p>${told.last_used_at ? t('last_used', { time: moment(told.last_used_at) }) : t('usage_none')}</p>
      ${told.total.calls ? html`<${Chart} usage=${told} />` : null}
      ${told.doors.filter((door) => door.total.calls).map((door) => html`<${Door} key=${door.farm_id ?? door.door} door=${door} />`)}
      ${(told.missing_farms ?? []).map((farm) => html`<p key=${farm} class="banner" data-tone="warn">${t('usage_missing', { name: farmName(farm) })}</p>`)}
      ${told.total.calls ? html`<p class="dim">${t('usage_minute')}</p>` : null}` : null}
  </section>`;
}

/** @param {string | undefined} id */
const farmName = (id) => farms.value.find((one) => one.id === id)?.name ?? id ?? '';

/** @param {{usage: Api.KeyUsage}} props */
function Chart({ usage }) {
  /** @type {Map<string, {good: number, bad: number}>} */
  const days = new Map();
  for (const { day, calls } of usage.doors.flatMap((door) => door.days)) {
    const { good, bad } = days.get(day) ?? { good: 0, bad: 0 };
    const wrong = calls.errors + calls.refused + calls.throttled;
    days.set(day, { good: good + calls.calls - wrong, bad: bad + wrong });
  }
  const most = Math.max(1, ...[...days.values()].map(({ good, bad }) => good + bad));
  const today = serverNow();
  const bars = Array.from({ length: DAYS }, (_, at) => {
    const { good, bad } = days.get(new Date(today - (DAYS - 1 - at) * DAY_MS).toISOString().slice(0, 10)) ?? { good: 0, bad: 0 };
    const [high, low] = [(38 * (good + bad)) / most, (38 * bad) / most];
    return html`<rect class="good" x=${at * 10} width="8" y=${40 - high} height=${high - low} /><rect class="bad" x=${at * 10} width="8" y=${40 - low} height=${low} />`;
  });
  return html`<svg class="usage-chart" viewBox="0 0 298 40" preserveAspectRatio="none" role="img" aria-label=${t('usage_chart', { calls: number(usage.total.calls) })}>${bars}</svg>`;
}

/** @param {{door: Api.DoorUsage}} props */
function Door({ door }) {
  const name = door.door === 'relay' ? t('usage_at_relay') : t('usage_at_farm', { name: farmName(door.farm_id) });
  return html`<h4 class="break">${name}</h4>
    <div class="why-table"><table><thead><tr>${['usage_day', 'usage_calls', 'usage_errors', 'usage_refused', 'usage_throttled'].map((head) => html`<th key=${head}>${t(/** @type {import('../core/words.js').Key} */ (head))}</th>`)}</tr></thead>
      <tbody>${[...door.days].reverse().map(({ day, calls }) => html`<tr key=${day}><td>${day}</td><td>${number(calls.calls)}</td><td>${number(calls.errors)}</td><td>${number(calls.refused)}</td><td>${number(calls.throttled)}</td></tr>`)}</tbody></table></div>
    ${door.networks.length ? html`<p><b>${t('usage_networks')}</b></p><ul>${door.networks.map((seen) => html`<li key=${seen.network}>${t('usage_network', { network: seen.network, time: moment(seen.last_seen_at) })}</li>`)}</ul>` : null}`;
}
