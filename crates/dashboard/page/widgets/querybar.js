// The line for a query: completion of what may stand at the caret, earlier queries, and an error with a caret under its
// place. It owns no text: what is typed belongs to whoever shows it.
import { html, useEffect, useRef, useSignal } from "../lib/ui.js";
import { Problem, get, isAbort } from "../lib/api.js";
import { short } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { Sign } from "./icons.js";
import { errorText } from "./states.js";

/** @typedef {{text: string, kind: "field"|"value"|"keyword"|"history", count?: number}} Suggestion */
/** @typedef {{from: number, to: number, list: Suggestion[], chosen: number}} Offer */

const NOTHING = /** @type {Offer} */ ({ from: 0, to: 0, list: [], chosen: -1 });
const WAIT_MS = 60;

/**
 * Places in the API count characters, places in the page UTF-16.
 * @param {string} text
 * @param {number} at
 */
export const charsBefore = (text, at) => [...text.slice(0, at)].length;
/** @param {string} text @param {number} chars */
export const unitsOf = (text, chars) => [...text].slice(0, chars).join("").length;

/**
 * Earlier queries that fit what is typed.
 * @param {string[]} history
 * @param {string} text
 * @returns {Suggestion[]}
 */
function earlier(history, text) {
  const wanted = text.trim().toLowerCase();
  return history.filter((one) => one.toLowerCase().includes(wanted) && one !== text.trim()).slice(0, wanted ? 4 : 12).map((one) => ({ text: one, kind: "history" }));
}

/** @param {{error: unknown, text: string}} props */
function QueryError({ error, text }) {
  if (!(error instanceof Problem) || error.kind !== "query") return null;
  const at = error.at === undefined || error.at === null ? -1 : unitsOf(text, error.at);
  const words = errorText(error).replace(/^cannot understand the query at character \d+: /, "");
  if (at < 0) return html`<p class="query-error bad" role="alert" id="query-error">${words}</p>`;
  const from = Math.max(at > 80 || text.includes("\n") ? at - 40 : 0, 0);
  const before = text.slice(from, at).replace(/\n/g, " ");
  return html`<div class="query-error bad" role="alert" id="query-error">
    ${from > 0 || text.includes("\n") ? html`<pre aria-hidden="true">${before}${text.slice(at, at + 40)}</pre>` : null}
    <pre aria-hidden="true"><span class="hidden-text">${before}</span>^</pre><p>${words}</p></div>`;
}

/**
 * @param {{list: Suggestion[], chosen: number, take: (n: number) => void}} props
 */
function Offers({ list, chosen, take }) {
  const ref = useRef(/** @type {HTMLUListElement|null} */ (null));
  useEffect(() => ref.current?.children[chosen]?.scrollIntoView({ block: "nearest" }), [chosen]);
  return html`<ul class="offers" role="listbox" id="query-offers" ref=${ref} aria-label=${t("explore.suggestions")} onMouseDown=${(/** @type {Event} */ event) => event.preventDefault()}>
    ${list.map((one, n) => html`<li key=${one.kind + one.text} id=${`offer-${n}`} role="option" aria-selected=${n === chosen} onClick=${() => take(n)}>
      <span class="offer-kind" data-kind=${one.kind}>${t(`explore.kind.${one.kind}`)}</span><code>${one.text}</code>${one.count ? html`<small>${short(one.count)}</small>` : null}</li>`)}
  </ul>`;
}

/**
 * @typedef {object} Props
 * @property {string} value
 * @property {(text: string) => void} onText
 * @property {() => void} onRun
 * @property {string[]} history
 * @property {{since: string, until: string}} range
 * @property {unknown} error
 * @property {string} errorOf the text that the error is about
 * @property {any} [children]
 */

/**
 * What may stand at the caret, and taking one of it.
 * @param {Props} props
 * @param {{current: HTMLTextAreaElement|null}} field
 */
function useOffers({ value, onText, history, range }, field) {
  const offer = useSignal(NOTHING);
  const asking = useRef(/** @type {AbortController|null} */ (null));
  const caret = useRef(-1);
  const close = () => {
    asking.current?.abort();
    offer.value = NOTHING;
  };
  useEffect(() => close, []);
  useEffect(() => {
    if (caret.current >= 0) field.current?.setSelectionRange(caret.current, caret.current);
    caret.current = -1;
  }, [value]);
  /** @param {string} text @param {number} at */
  const complete = async (text, at) => {
    asking.current?.abort();
    const stop = (asking.current = new AbortController());
    const old = earlier(history, text);
    await new Promise((done) => setTimeout(done, WAIT_MS));
    if (stop.signal.aborted) return;
    try {
      const found = await get("complete", { q: text, at: charsBefore(text, at), ...range }, { signal: stop.signal });
      const list = /** @type {Suggestion[]} */ ([...found.suggestions.slice(0, 12), ...old]);
      offer.value = { from: unitsOf(text, found.from), to: unitsOf(text, found.to), list, chosen: -1 };
    } catch (problem) {
      if (!isAbort(problem)) offer.value = { ...NOTHING, list: old };
    }
  };
  /** @param {number} n */
  const take = (n) => {
    const { from, to, list } = offer.value;
    const one = list[n];
    if (!one) return;
    const whole = one.kind === "history";
    const text = whole ? one.text : value.slice(0, from) + one.text + value.slice(to);
    caret.current = whole ? text.length : from + one.text.length;
    onText(text);
    close();
    field.current?.focus();
    if (!whole && one.text.endsWith(":")) void complete(text, from + one.text.length);
  };
  return { offer, close, complete, take };
}

/**
 * The keys of the field: over what is offered, and to ask.
 * @param {KeyboardEvent} event
 * @param {ReturnType<typeof useOffers>} offers
 * @param {() => void} onRun
 */
function fieldKey(event, { offer, close, complete, take }, onRun) {
  const { list, chosen } = offer.value;
  const area = /** @type {HTMLTextAreaElement} */ (event.currentTarget);
  if (event.isComposing) return;
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    if (chosen >= 0 && !event.ctrlKey && !event.metaKey) return take(chosen);
    close();
    return onRun();
  }
  if (event.key === "Escape") {
    event.stopPropagation();
    event.preventDefault();
    if (list.length > 0) close();
    else area.blur();
  } else if (event.key === "Tab" && chosen >= 0) {
    event.preventDefault();
    take(chosen);
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    if (list.length === 0) {
      if (area.value === "" || event.altKey) void complete(area.value, area.selectionStart);
      return;
    }
    event.preventDefault();
    const step = event.key === "ArrowDown" ? 1 : -1;
    offer.value = { ...offer.value, chosen: ((chosen + 1 + step + list.length + 1) % (list.length + 1)) - 1 };
  } else if (event.key === " " && event.ctrlKey) {
    event.preventDefault();
    void complete(area.value, area.selectionStart);
  }
}

/** @param {Props} props */
export function QueryBar(props) {
  const { value, onText, onRun, error, errorOf, children } = props;
  const field = useRef(/** @type {HTMLTextAreaElement|null} */ (null));
  const offers = useOffers(props, field);
  const { list, chosen } = offers.offer.value;
  const wrong = error instanceof Problem && error.kind === "query";
  /** @param {Event} event */
  const input = (event) => {
    const area = /** @type {HTMLTextAreaElement} */ (event.currentTarget);
    onText(area.value);
    void offers.complete(area.value, area.selectionStart);
  };
  const clear = () => {
    onText("");
    field.current?.focus();
  };
  return html`<div class="querybar" role="search">
    <div class="query-row"><div class=${`query-field ${wrong ? "wrong" : ""}`}>
      <textarea id="query" ref=${field} rows="1" spellcheck=${false} autocomplete="off" autocapitalize="off" wrap="soft" role="combobox" aria-label=${t("explore.query")} aria-expanded=${list.length > 0} aria-controls="query-offers" aria-autocomplete="list"
        aria-activedescendant=${chosen >= 0 ? `offer-${chosen}` : null} aria-invalid=${wrong} aria-describedby=${wrong ? "query-error" : null} aria-keyshortcuts="/" placeholder=${t("explore.placeholder")} value=${value}
        onInput=${input} onKeyDown=${(/** @type {KeyboardEvent} */ event) => fieldKey(event, offers, onRun)} onBlur=${offers.close}></textarea>
      ${value ? html`<button type="button" class="quiet clear" aria-label=${t("explore.clear")} onClick=${clear}><${Sign} name="close" /></button>` : null}
      ${list.length > 0 ? html`<${Offers} list=${list} chosen=${chosen} take=${offers.take} />` : null}
    </div>${children}<button class="primary" title=${`${t("explore.run")} (Enter)`} onClick=${() => { offers.close(); onRun(); }}>${t("explore.run")}</button></div>
    <${QueryError} error=${error} text=${errorOf} />
  </div>`;
}
