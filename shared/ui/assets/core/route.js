// Where in the page one is, as a signal, and how to get elsewhere. The list of paths is also in src/lib.rs, which answers each
// with index.html.
import { signal } from './html.js';

const read = () => ({ parts: location.pathname.split('/').filter(Boolean).map(decodeURIComponent), query: new URLSearchParams(location.search) });

export const route = signal(read());

addEventListener('popstate', () => { route.value = read(); });

/** @param {string} path Keeps the query (filters, kiosk) unless it has its own. */
export function go(path) {
  const target = path.includes('?') ? path : path + location.search;
  if (target === location.pathname + location.search) return;
  history.pushState({ from: location.pathname }, '', target);
  route.value = read();
}

/** Closes what stands over `path`, as the browser's way back would. @param {string} path */
export function leave(path) {
  if (history.state?.from === path) {
    history.back();
    return;
  }
  history.replaceState(null, '', path + location.search);
  route.value = read();
}

/** Changes one word of the query without a step in the history. @param {string} name @param {string | null} value */
export function setQuery(name, value) {
  const query = new URLSearchParams(location.search);
  if (value) query.set(name, value);
  else query.delete(name);
  history.replaceState(history.state, '', `${location.pathname}${query.size === 0 || `${query}` === '' ? '' : `?${query}`}`);
  route.value = read();
}

/** Lets plain clicks on links of the page change the route instead of loading it anew. @param {MouseEvent} event */
export function followLink(event) {
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.defaultPrevented;
  if (!link || !plain || link.origin !== location.origin || link.target || link.hasAttribute('download') || link.pathname.startsWith('/v1/')) return;
  event.preventDefault();
  go(link.pathname + (link.search || location.search));
}
