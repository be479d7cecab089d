// The words of the page in the reader's language, and numbers and times the way they write them. English is the source of the keys.
import { en } from '../i18n/en.js';
import { de } from '../i18n/de.js';
import { serverNow } from './clock.js';
import { computed, signal } from './html.js';

/** @typedef {import('../i18n/en.js').Words} Words */
/** @typedef {keyof Words} Key */

/** @type {Record<string, Words>} */
const LANGUAGES = { en, de };
export const languages = Object.keys(LANGUAGES);

/** @returns {string} */
function preferred() {
  let kept = null;
  try { kept = localStorage.getItem('language'); } catch { /* storage may be forbidden */ }
  const wanted = [new URLSearchParams(location.search).get('lang'), kept, ...navigator.languages];
  return wanted.map((tag) => tag?.slice(0, 2) ?? '').find((tag) => tag in LANGUAGES) ?? 'en';
}

export const language = signal(preferred());
document.documentElement.lang = language.peek();

/** @param {string} wanted */
export function speak(wanted) {
  language.value = wanted;
  document.documentElement.lang = wanted;
  try { localStorage.setItem('language', wanted); } catch { /* not kept, then */ }
}

/** @param {string} template @param {Record<string, string | number>} values */
const fill = (template, values) => template.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));

/** @param {Key} key @param {Record<string, string | number>} [values] */
export const t = (key, values = {}) => fill((LANGUAGES[language.value] ?? en)[key], values);

/** A word that the server may know before the page does: shown as it is, if there is none. @param {string} family @param {string} word */
export function word(family, word) {
  const known = /** @type {Record<string, string>} */ (LANGUAGES[language.value] ?? en)[`${family}_${word}`];
  return known ?? word.replace(/_/g, ' ');
}

/** What a code of a refusal means to people at the page, if it is one of those that they meet. @param {string} code */
export const inPlainWords = (code) => /** @type {Record<string, string>} */ (LANGUAGES[language.value] ?? en)[`problem_${code}`] ?? '';

/** A server's sentence: in its own words for English readers, by its code for others. @param {string} code @param {string} text */
export function reason(code, text) {
  return language.value === 'en' ? text : /** @type {Record<string, string>} */ (LANGUAGES[language.value])[`reason_${code}`] ?? text;
}

/** What a person can do about a reason. @param {Api.WhyCode} why */
export function remedy({ code, fix }) {
  return language.value === 'en' ? fix : /** @type {Record<string, string>} */ (LANGUAGES[language.value])[`fix_${code}`] ?? fix;
}

/** @param {Api.Waiting} waiting */
export function whyWaiting(waiting) {
  if (language.value === 'en') return waiting.summary;
  const nowhere = waiting.job.map((code) => reason(code, code));
  const counted = Object.entries(waiting.printers).sort((a, b) => b[1] - a[1]).slice(0, 2).map(([code, count]) => `${count} × ${reason(code, code)}`);
  const parts = nowhere.length ? nowhere : counted;
  return parts.length ? parts.join(' · ') : waiting.summary;
}

const formats = computed(() => {
  const tag = navigator.languages.find((one) => one.startsWith(language.value)) ?? language.value;
  return {
    percent: new Intl.NumberFormat(tag, { style: 'percent', maximumFractionDigits: 0 }),
    number: new Intl.NumberFormat(tag, { maximumFractionDigits: 1 }),
    fine: new Intl.NumberFormat(tag, { maximumFractionDigits: 2 }),
    clock: new Intl.DateTimeFormat(tag, { hour: '2-digit', minute: '2-digit' }),
    day: new Intl.DateTimeFormat(tag, { weekday: 'short', day: 'numeric', month: 'short' }),
  };
});

/** @param {number} share */
export const percent = (share) => formats.value.percent.format(share);
/** @param {number} value @param {boolean} [fine] */
export const number = (value, fine) => (fine ? formats.value.fine : formats.value.number).format(value);
/** @param {number} celsius */
export const degrees = (celsius) => `${Math.round(celsius)} °C`;

/** Clock time, with the days in between: `14:05`, `02:10 +1d`. @param {number} at */
export function clockTime(at) {
  const midnight = new Date(serverNow());
  midnight.setHours(0, 0, 0, 0);
  const days = Math.floor((at - midnight.getTime()) / 86_400_000);
  return formats.value.clock.format(at) + (days > 0 ? ` +${days}${t('unit_day')}` : '');
}

/** @param {string | undefined} time */
export function moment(time) {
  if (!time) return '';
  const at = Date.parse(time);
  const today = new Date(serverNow()).toDateString() === new Date(at).toDateString();
  return today ? formats.value.clock.format(at) : `${formats.value.day.format(at)}, ${formats.value.clock.format(at)}`;
}

/** `45 s`, `12 min`, `3 h 5 min`, `2 d 4 h`. @param {number} seconds */
export function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return `${Math.floor(hours / 24)} ${t('unit_day')} ${hours % 24} h`;
}

/** @param {number} bytes */
export const size = (bytes) => (bytes < 1_048_576 ? `${number(bytes / 1024)} kB` : `${number(bytes / 1_048_576)} MB`);
