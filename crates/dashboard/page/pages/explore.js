// Explore: ask, see, open, follow.
import { html, useEffect, useRef, useSignal } from "../lib/ui.js";
import { duration, grouped } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { register } from "../lib/keys.js";
import { style } from "../lib/style.js";
import { range } from "../lib/time.js";
import { Detail } from "../widgets/detail.js";
import { Facets } from "../widgets/facets.js";
import { Sign } from "../widgets/icons.js";
import { QueryBar } from "../widgets/querybar.js";
import { ErrorState, Loading } from "../widgets/states.js";
import { TimePicker } from "../widgets/timepicker.js";
import { Chart } from "./explore/chart.js";
import { exploreCommands, step } from "./explore/commands.js";
import { Context } from "./explore/context.js";
import { Fields } from "./explore/fields.js";
import { Download, SavedMenu, Share, lineLink } from "./explore/keep.js";
import { knownFields } from "./explore/known.js";
import { List, ListTools, view } from "./explore/list.js";
import { Patterns } from "./explore/patterns.js";
import { Nothing, placeOf, Wrong, WrongOrder, failure, useRows } from "./explore/rows.js";
import { TABS, act, afterRows, asked, columns, detailTab, draft, facets, facetsShown, live, openId, openLine, q, question, run, set, setRange, show, tab, wrongOrder } from "./explore/state.js";
import { chosen } from "./explore/terms.js";
import { Where } from "./explore/where.js";

style("explore");

const ANNOUNCE_MS = 5000;

/**
 * A text that is told at most once in five seconds, the last one for certain.
 * @param {{text: string}} props
 */
function Announce({ text }) {
  const told = useSignal("");
  const at = useRef(0);
  useEffect(() => {
    const wait = Math.max(at.current + ANNOUNCE_MS - performance.now(), 300);
    const timer = setTimeout(() => {
      at.current = performance.now();
      told.value = text;
    }, wait);
    return () => clearTimeout(timer);
  }, [text]);
  return html`<p class="visually-hidden" aria-live="polite">${told.value}</p>`;
}

/** How many, how fast, and whether that is all. @param {{rows: import("./explore/rows.js").RowsState}} props */
function Summary({ rows }) {
  if (wrongOrder.value) return html`<span class="summary"></span>`;
  if (!rows.source) return html`<span class="summary soft">${rows.loading ? t("loading") : ""}</span>`;
  const text = rows.total === null ? t("explore.hits.first", { n: grouped(rows.length) }) : t("explore.hits", { n: grouped(rows.total) });
  return html`<span class="summary"><strong>${text}</strong>${rows.took !== null ? html` <span class="soft" title=${t("explore.took.note")}>${duration(rows.took / 1000)}</span>` : null}
    ${rows.error ? null : rows.loading ? html` <span class="spinner" aria-hidden="true"></span>` : rows.complete ? html` <span class="good">${t("explore.complete")}</span>` : html` <span class="warn" title=${t("partial")}>${t("explore.partial")}</span>`}
    <${Announce} text=${text} /></span>`;
}

function Tabs() {
  /** @param {KeyboardEvent} event */
  const key = (event) => {
    const go = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!go) return;
    event.preventDefault();
    const next = TABS[(TABS.indexOf(tab.value) + go + TABS.length) % TABS.length];
    set({ tab: next === "lines" ? null : next });
    document.getElementById(`tab-${next}`)?.focus();
  };
  return html`<div class="tabs" role="tablist" aria-label=${t("explore.tabs")} onKeyDown=${key}>${TABS.map((name) => html`<button key=${name} id=${`tab-${name}`} role="tab" aria-controls="results" aria-selected=${tab.value === name} tabindex=${tab.value === name ? 0 : -1} onClick=${() => set({ tab: name === "lines" ? null : name })}>${t(`explore.tab.${name}`)}</button>`)}</div>`;
}

/** @param {{rows: import("./explore/rows.js").RowsState}} props */
function Results({ rows }) {
  if (wrongOrder.value) return html`<${WrongOrder} />`;
  if (tab.value === "patterns") return html`<${Patterns} />`;
  if (tab.value === "fields") return html`<${Fields} />`;
  const none = rows.source && !rows.old && rows.total === 0 && !rows.error;
  return html`<${Wrong} rows=${rows} />
    ${!rows.source && rows.loading ? html`<${Loading} />` : none ? html`<${Nothing} />` : rows.source ? html`<${List} rows=${rows} />` : null}`;
}

/** @param {{rows?: import("./explore/rows.js").RowsState}} props */
function Drawer({ rows }) {
  const id = openId.value;
  useEffect(() => {
    const list = view.current;
    if (!id || !list || !rows || rows.old || rows.total === null || list.current()?.hit.id === id) return undefined;
    const stop = new AbortController();
    placeOf(id, question.value, stop.signal).then((index) => index !== null && index < list.source.length && list.scrollToIndex(index, "centre"), () => {});
    return () => stop.abort();
  }, [rows?.total === null, rows?.source]);
  if (!id) return null;
  const current = view.current?.current()?.hit;
  const tabs = { context: Context, where: Where };
  return html`<${Detail} id=${id} known=${current} tab=${detailTab.value} setTab=${(/** @type {string} */ name) => set({ detail: name === "fields" ? null : name }, { replace: true })} act=${act} columns=${columns.value}
    older=${() => step(1)} newer=${() => step(-1)} onClose=${() => { openLine(""); view.current?.focus(); }} link=${(/** @type {import("../lib/types.js").Hit|null} */ hit) => lineLink(id, hit?.time)} tabs=${tabs} />`;
}

/** Live is loaded when it is asked for. */
function LiveMode() {
  const part = useSignal(/** @type {any} */ (null));
  const failed = useSignal(/** @type {unknown} */ (null));
  useEffect(() => {
    import("./explore/live.js").then((module) => (part.value = module.Live), (error) => (failed.value = error));
  }, []);
  if (failed.value) return html`<${ErrorState} error=${failed.value} />`;
  return part.value ? html`<div class=${`work ${openId.value ? "with-detail" : ""}`}><${part.value} q=${q.value} /><${Drawer} /></div>` : html`<${Loading} />`;
}

function Search() {
  const rows = useRows();
  return html`<${Chart}><${Summary} rows=${rows} /><//>
    <div class=${`work ${facetsShown.value ? "with-side" : ""} ${openId.value ? "with-detail" : ""} ${detailTab.value === "context" ? "wide" : ""}`}>
      ${facetsShown.value ? html`<aside class="side" aria-label=${t("explore.facets")}><${Facets} scope=${wrongOrder.value ? null : question.value} known=${knownFields} ready=${(/** @type {AbortSignal} */ signal) => afterRows(question.value, signal)} fields=${facets.value} chosen=${(/** @type {string} */ field) => chosen(q.value, field)} act=${act} /></aside>` : null}
      <section class="middle"><div class="middle-head"><button class="quiet" aria-pressed=${facetsShown.value} aria-label=${t("explore.facets")} title=${t("explore.facets")} onClick=${() => set({ side: facetsShown.value ? "0" : "1" }, { replace: true })}><${Sign} name="side" /></button><${Tabs} /><span class="grow"></span>${tab.value === "lines" || tab.value === "table" ? html`<${ListTools} />` : null}</div>
        <div class="results" id="results" role="tabpanel" aria-labelledby=${`tab-${tab.value}`}><${Results} rows=${rows} /></div></section>
      <${Drawer} rows=${rows} /></div>`;
}

export function Page() {
  useEffect(() => show(), []);
  useEffect(() => register(exploreCommands()), []);
  return html`<div class="explore">
    <div class="ask"><${QueryBar} value=${draft.value} onText=${(/** @type {string} */ text) => (draft.value = text)} onRun=${run} history=${asked.value} range=${{ since: question.value.since, until: question.value.until }} error=${failure.value} errorOf=${q.value}>
        ${live.value ? null : html`<${TimePicker} range=${range.value} onChange=${setRange} />`}<//>
      <div class="row ask-tools"><button aria-pressed=${live.value} class=${live.value ? "live-on" : ""} title=${`${t("explore.live")} (l)`} onClick=${() => set({ live: live.value ? null : "1" })}>● ${t("explore.live")}</button><${SavedMenu} /><${Share} /><${Download} /></div></div>
    ${live.value ? html`<${LiveMode} />` : html`<${Search} />`}
  </div>`;
}
