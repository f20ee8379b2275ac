// Live: what comes in, as it comes in. One to four panes, each with a question of its own; scrolling away pauses a pane,
// and nothing is left out without being counted.
import { html, useEffect, useRef, useSignal } from "../../lib/ui.js";
import { grouped } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { register } from "../../lib/keys.js";
import { query } from "../../lib/router.js";
import { LiveRows } from "../../lib/liverows.js";
import { style } from "../../lib/style.js";
import { ErrorState } from "../../widgets/states.js";
import "../../widgets/log-view.js";
import { highlights, view } from "./list.js";
import { act, ansi, columns, folded, highlighted, openId, openLine, set, setHighlights, wrap } from "./state.js";
import { toggle } from "./terms.js";

style("live");

/**
 * What the bar and the other panes do with a pane.
 * @typedef {object} Handle
 * @property {(paused: boolean) => void} pause
 * @property {() => boolean} isPaused
 * @property {() => void} clear
 * @property {(ms: number) => void} show scrolls to a moment
 * @property {() => number} taken
 */

const PANES = [1, 2, 3, 4];
/** Figures are told so often: oftener nobody reads them. */
const FIGURES_MS = 250;
const SAID_MS = 5000;
/** All panes together hold about so much. */
const BYTES = 64 << 20;
/** Older rows that stay while a pane is paused. */
const KEPT_ABOVE = 5000;

/**
 * @param {string} field
 * @param {string} value
 * @param {"+"|"-"|"exists"|"column"} action
 * @param {number} pane
 */
function onField(field, value, action, pane) {
  const name = `q${pane}`;
  if (pane === 1 || action === "column") act(field, value, action);
  else if (action !== "exists") set({ [name]: toggle(query.peek().get(name) ?? "", field || "line", value, action) });
}

/** What is said while nothing has come. @param {{source: LiveRows|null}} props */
function Waiting({ source }) {
  const empty = useSignal(false);
  useEffect(() => source?.on(() => void (empty.value = source.state === "live" && source.length === 0)), [source]);
  return empty.value ? html`<p class="live-empty">${t("live.empty")}</p>` : null;
}

/** How a pane is, in figures. @param {{source: LiveRows|null, paused: boolean}} props */
function Figures({ source, paused }) {
  const turn = useSignal(0);
  useEffect(() => {
    const timer = setInterval(() => (turn.value += 1), FIGURES_MS);
    return () => clearInterval(timer);
  }, []);
  void turn.value;
  if (!source) return null;
  const state = source.state === "live" && paused ? "paused" : source.state;
  return html`<span class=${`live-state is-${state}`}>${t(`live.${state}`)}</span>
    <span class="live-figure" title=${t("live.rate.note")}><b>${grouped(source.rate)}</b> ${t("live.rate")}</span>
    <span class="live-figure" title=${t("live.shown.note", { n: grouped(source.gone) })}><b>${grouped(source.taken)}</b> ${t("live.shown")}</span>
    <span class=${`live-figure ${source.skipped ? "warn" : ""}`} title=${t("live.skipped.note")}><b>${grouped(source.skipped)}</b> ${t("live.skipped")}</span>`;
}

/** How many came since a pane was paused; a click goes on. @param {{source: LiveRows, from: number, resume: () => void}} props */
function Pill({ source, from, resume }) {
  const count = useSignal(0);
  useEffect(() => {
    const update = () => void (count.value = source.taken - from);
    update();
    const timer = setInterval(update, FIGURES_MS);
    return () => clearInterval(timer);
  }, [source, from]);
  return html`<button class="primary live-pill" onClick=${resume}>↓ ${t("live.new", { n: grouped(count.value) })}</button>`;
}

/**
 * @param {{n: number, q: string, many: boolean, handles: Map<number, Handle>, onMoment: (ms: number, pane: number) => void, onPause: () => void}} props
 */
function Pane({ n, q, many, handles, onMoment, onPause }) {
  const ref = useRef(/** @type {any} */ (null));
  const source = useSignal(/** @type {LiveRows|null} */ (null));
  const error = useSignal(/** @type {unknown} */ (null));
  /** Lines taken when it was paused; null while it follows. */
  const paused = useSignal(/** @type {number|null} */ (null));
  const pausedNow = (/** @type {boolean} */ is) => {
    const rows = source.peek();
    paused.value = is ? rows?.taken ?? 0 : null;
    rows?.pin(is ? Math.max(ref.current.visible()[0] - KEPT_ABOVE, rows.first) : null);
    onPause();
  };
  useEffect(() => {
    const rows = new LiveRows({ q, backlog: many ? 100 : 200, bytes: many ? BYTES / 4 : BYTES });
    rows.onchange = () => rows.error !== error.peek() && (error.value = rows.error);
    source.value = rows;
    paused.value = null;
    error.value = null;
    ref.current.source = rows;
    ref.current.follow = true;
    return () => rows.close();
  }, [q]);
  useEffect(() => {
    handles.set(n, {
      pause: (is) => (is ? ref.current.pause() : (ref.current.follow = true)),
      isPaused: () => paused.peek() !== null,
      clear: () => source.peek()?.clear(),
      taken: () => source.peek()?.taken ?? 0,
      show: (ms) => {
        const rows = source.peek();
        if (!rows?.length) return;
        const index = rows.indexAt(ms);
        ref.current.scrollToIndex(index);
        ref.current.mark(index);
      },
    });
    const keys = () => void (view.current = ref.current);
    if (n === 1) keys();
    ref.current.addEventListener("focusin", keys);
    return () => {
      handles.delete(n);
      if (view.current === ref.current) view.current = null;
    };
  }, []);
  useEffect(() => {
    Object.assign(ref.current, { columns: columns.value, wrap: wrap.value, ansi: ansi.value, folded: folded.value, highlights: highlights(), selectedId: openId.value });
  }, [columns.value, wrap.value, ansi.value, folded.value, highlighted.value, q, openId.value]);
  const selected = (/** @type {CustomEvent} */ event) => {
    onMoment(Date.parse(event.detail.hit.time), n);
    if (openId.peek()) openLine(event.detail.hit.id);
  };
  return html`<section class="live-pane" aria-label=${t("live.pane", { n })}>
    <header class="row live-head">${n > 1 ? html`<${Question} n=${n} q=${q} />` : many ? html`<code class="live-first">${q || t("live.all")}</code>` : null}<${Figures} source=${source.value} paused=${paused.value !== null} /></header>
    <div class="live-list">
      <log-view ref=${ref} label=${t("live.pane", { n })}
        onscrollpaused=${(/** @type {CustomEvent} */ event) => pausedNow(event.detail.paused)} onselect=${selected}
        onopen=${(/** @type {CustomEvent} */ event) => openLine(event.detail.hit.id)}
        onfieldaction=${(/** @type {CustomEvent} */ event) => onField(event.detail.field, event.detail.value, event.detail.action, n)}></log-view>
      ${paused.value !== null && source.value ? html`<${Pill} source=${source.value} from=${paused.value} resume=${() => (ref.current.follow = true)} />` : null}
      <${Waiting} source=${source.value} />
      ${error.value ? html`<div class="live-error"><${ErrorState} error=${error.value} /></div>` : null}
    </div>
  </section>`;
}

/** The question of a further pane. @param {{n: number, q: string}} props */
function Question({ n, q }) {
  const text = useSignal(q);
  useEffect(() => void (text.value = q), [q]);
  const ask = (/** @type {Event} */ event) => {
    event.preventDefault();
    set({ [`q${n}`]: text.value.trim() || "*" });
  };
  return html`<form class="row live-question" onSubmit=${ask}><input class="mono" aria-label=${t("live.question", { n })} placeholder=${t("live.question", { n })} value=${text.value} onInput=${(/** @type {any} */ event) => (text.value = event.target.value)} />
    <button type="button" class="quiet" aria-label=${t("live.close", { n })} onClick=${() => closePane(n)}>✕</button></form>`;
}

/** Those behind it move up. @param {number} n */
function closePane(n) {
  const rest = [2, 3, 4].map((pane) => query.peek().get(`q${pane}`)).filter((q, at) => q && at + 2 !== n);
  set({ q2: rest[0], q3: rest[1], q4: rest[2] });
}

/** Words in colours, each with a button that removes it. */
function Chips() {
  const text = useSignal("");
  const add = (/** @type {Event} */ event) => {
    event.preventDefault();
    const word = text.value.trim();
    if (word) setHighlights([...new Set([...highlighted.value, word])]);
    text.value = "";
  };
  const shown = highlights();
  return html`<form class="row live-chips" onSubmit=${add}>
    ${highlighted.value.map((word) => html`<mark key=${word} class=${`live-chip hl-${shown.find((one) => one.text === word)?.colour}`}>${word}<button type="button" aria-label=${t("explore.highlight.remove", { text: word })} onClick=${() => setHighlights(highlighted.value.filter((other) => other !== word))}>✕</button></mark>`)}
    <input aria-label=${t("explore.highlight.add")} placeholder=${t("live.highlight")} value=${text.value} onInput=${(/** @type {any} */ event) => (text.value = event.target.value)} /></form>`;
}

/** Counts, for those who do not see them; not oftener than every five seconds. @param {{handles: Map<number, Handle>}} props */
function Said({ handles }) {
  const text = useSignal("");
  useEffect(() => {
    let before = 0;
    const timer = setInterval(() => {
      const now = [...handles.values()].reduce((sum, pane) => sum + pane.taken(), 0);
      if (now > before) text.value = t("live.said", { n: grouped(now - before) });
      before = now;
    }, SAID_MS);
    return () => clearInterval(timer);
  }, []);
  return html`<span class="visually-hidden" role="status">${text.value}</span>`;
}

/** Whether the key is for what has the focus. @param {Event} [event] */
function isPressed(event) {
  return event?.target instanceof Element && event.target.closest("button, a, input, select, summary, label") !== null;
}

/** @param {{q: string}} props */
export function Live({ q }) {
  const handles = useRef(/** @type {Map<number, Handle>} */ (new Map())).current;
  const paused = useSignal(false);
  const linked = useSignal(true);
  const questions = [q, ...[2, 3, 4].map((n) => query.value.get(`q${n}`)).filter((one) => one !== null)];
  const update = () => void (paused.value = [...handles.values()].some((pane) => pane.isPaused()));
  const pause = (is = !paused.peek()) => handles.forEach((pane) => pane.pause(is));
  const clear = () => handles.forEach((pane) => pane.clear());
  const count = (/** @type {number} */ wanted) => set(Object.fromEntries([2, 3, 4].map((n) => [`q${n}`, n <= wanted ? questions[n - 1] ?? "*" : null])));
  useEffect(() => register([
    { id: "live.pause", keys: "Space", label: () => t("live.pause"), group: () => t("live.title"), run: (event) => (isPressed(event) ? false : pause()) },
    { id: "live.clear", label: () => t("live.clear"), group: () => t("live.title"), run: clear },
    ...PANES.map((n) => ({ id: `live.panes.${n}`, label: () => t("live.panes.n", { n }), group: () => t("live.title"), run: () => count(n) })),
  ]), [questions.join("\n")]);
  const moment = (/** @type {number} */ ms, /** @type {number} */ from) => {
    if (linked.peek() && !Number.isNaN(ms)) handles.forEach((pane, n) => n !== from && pane.show(ms));
  };
  return html`<section class="live" aria-label=${t("live.title")}>
    <div class="row live-bar" role="toolbar" aria-label=${t("live.title")}>
      <button aria-pressed=${paused.value} title=${`${t("live.pause")} (Space)`} onClick=${() => pause()}>${paused.value ? "▶" : "▮▮"} ${t(paused.value ? "live.resume" : "live.pause")}</button>
      <button onClick=${clear}>${t("live.clear")}</button>
      <${Chips} /><span class="grow"></span>
      <span class="row" role="group" aria-label=${t("live.panes")}><span class="soft">${t("live.panes")}</span>${PANES.map((n) => html`<button key=${n} class="quiet" aria-pressed=${questions.length === n} aria-label=${t("live.panes.n", { n })} onClick=${() => count(n)}>${n}</button>`)}</span>
      ${questions.length > 1 ? html`<label class="row"><input type="checkbox" checked=${linked.value} onChange=${(/** @type {any} */ event) => (linked.value = event.target.checked)} />${t("live.linked")}</label>` : null}
    </div>
    <div class=${`live-panes live-panes-${questions.length}`}>${questions.map((one, at) => html`<${Pane} key=${at + 1} n=${at + 1} q=${one} many=${questions.length > 1} handles=${handles} onMoment=${moment} onPause=${update} />`)}</div>
    <${Said} handles=${handles} />
  </section>`;
}
