// Where the page is: the path names the page, the query holds the state of every control.
import { batch, computed, effect, signal } from "./ui.js";

/** The path. */
export const path = signal(location.pathname);
/** The query. A new object whenever it changes. */
export const query = signal(new URLSearchParams(location.search));
/** The fragment without `#`. */
export const fragment = signal(location.hash.slice(1));

function read() {
  batch(() => {
    path.value = location.pathname;
    query.value = new URLSearchParams(location.search);
    fragment.value = location.hash.slice(1);
  });
}
addEventListener("popstate", read);
addEventListener("hashchange", read);

/**
 * Goes somewhere within the page.
 * @param {string} href path, query and fragment
 * @param {{replace?: boolean}} [options] without a step in the history
 */
export function go(href, options = {}) {
  if (href === location.pathname + location.search + location.hash) return;
  history[options.replace ? "replaceState" : "pushState"](null, "", href);
  read();
}

/**
 * The address with some parameters changed; null, undefined or "" removes one.
 * @param {Record<string, string|number|boolean|null|undefined>} changes
 * @param {string} [to] another path than now
 */
export function href(changes, to = path.value) {
  const params = new URLSearchParams(to === path.value ? query.value : undefined);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === undefined || value === "" || value === false) params.delete(name);
    else params.set(name, value === true ? "1" : String(value));
  }
  const text = params.toString();
  return `${to}${text ? `?${text}` : ""}`;
}

/**
 * Changes parameters of the page that is shown. Typing replaces; choosing makes a step that "back" undoes.
 * @param {Record<string, string|number|boolean|null|undefined>} changes
 * @param {{replace?: boolean}} [options]
 */
export function setQuery(changes, options) {
  go(href(changes), options);
}

/**
 * One parameter as a signal to read.
 * @param {string} name
 * @param {string} [fallback]
 */
export function param(name, fallback = "") {
  return computed(() => query.value.get(name) ?? fallback);
}

/** Links within the page need no loading. */
export function followLinks() {
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
    if (!(link instanceof HTMLAnchorElement) || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
    if (/^\/(api|assets|metrics|health|ready|openapi|problems|es)\b/.test(link.pathname)) return;
    event.preventDefault();
    go(link.pathname + link.search + link.hash);
  });
}

/**
 * Runs when the path, and only when the path, changes.
 * @param {(path: string) => void} run
 */
export function onPath(run) {
  return effect(() => run(path.value));
}
