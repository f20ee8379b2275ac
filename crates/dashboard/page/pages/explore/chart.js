// The histogram of the question, and by what it is split.
import { html, useSignal } from "../../lib/ui.js";
import { get } from "../../lib/api.js";
import { useAsk } from "../../lib/ask.js";
import { grouped, short } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { Histogram, HistogramTable, stacksOf } from "../../widgets/histogram.js";
import { Menu } from "../../widgets/menu.js";
import { FIXED, knownFields } from "./known.js";
import { act, afterRows, by, chartAsTable, chartHidden, question, set, setRange, wrongOrder, zoomOut } from "./state.js";

/** By which field the bars are split. @param {{close: () => void}} props */
function By({ close }) {
  const match = useSignal("");
  const { data } = useAsk(knownFields, [question.value]);
  const names = [...new Set([...FIXED.slice(1), ...(data?.fields ?? []).map((one) => one.name)])];
  const choose = (/** @type {string|null} */ name) => {
    close();
    set({ by: name });
  };
  return html`<input type="search" class="wide" aria-label=${t("explore.fields.search")} placeholder=${t("explore.fields.search")} value=${match.value} onInput=${(/** @type {any} */ event) => (match.value = event.target.value)} />
    <button class="item" aria-pressed=${by.value === "-"} onClick=${() => choose("-")}>${t("explore.by.nothing")}</button>
    ${names.filter((name) => name.toLowerCase().includes(match.value.toLowerCase())).slice(0, 60).map((name) => html`<button key=${name} class="item" aria-pressed=${by.value === name} onClick=${() => choose(name === "level" ? null : name)}>${name}</button>`)}`;
}

/** @param {import("../../widgets/histogram.js").Counts} counts */
function legend(counts) {
  if (!counts.by) return null;
  return html`<ul class="legend">${stacksOf(counts).slice(0, 12).map((stack) => html`<li key=${stack.name}><button class="legend-name" disabled=${stack.value === null} title=${stack.value === null ? null : t("explore.filter.for", { field: counts.by ?? "", value: stack.name })} onClick=${() => stack.value !== null && act(counts.by ?? "", stack.value, "+")}><i style=${{ background: `var(${stack.colour})` }} aria-hidden="true"></i>${stack.name} <span>${short(stack.counts.reduce((a, b) => a + b, 0))}</span></button></li>`)}</ul>`;
}

/** @param {{children?: any}} props */
export function Chart({ children }) {
  const asked = question.value;
  const buckets = innerWidth < 600 ? 40 : 90;
  const { data, error, loading } = useAsk(async (signal) => {
    if (chartHidden.value || wrongOrder.value) return null;
    await afterRows(asked, signal);
    return get("histogram", { q: asked.q, since: asked.since, until: asked.until, by: by.value === "-" ? "" : by.value, buckets }, { signal });
  }, [asked, by.value, chartHidden.value]);
  const brush = (/** @type {number} */ from, /** @type {number} */ to) => setRange(new Date(from).toISOString(), new Date(to).toISOString());
  const view = chartHidden.value ? "off" : chartAsTable.value ? "table" : "";
  const choose = (/** @type {string} */ wanted) => set({ chart: view === wanted ? null : wanted }, { replace: true });
  return html`<section class="chart" aria-label=${t("explore.histogram")}>
    <div class="chart-head">${children}<${Menu} label=${html`${t("explore.by")} <b>${by.value === "-" ? t("explore.by.nothing") : by.value}</b> ▾`}>${(/** @type {() => void} */ close) => html`<${By} close=${close} />`}<//>
      ${data && !chartHidden.value ? legend(data) : null}<span class="grow"></span>
      ${data && !data.complete ? html`<span class="warn" title=${t("explore.chart.partial.note")}>${t("explore.partial")}</span>` : null}
      <button class="quiet" title=${`${t("explore.zoom.out")} (z)`} onClick=${() => zoomOut()}>${t("explore.zoom.out")}</button>
      <button class="quiet" aria-pressed=${view === "table"} onClick=${() => choose("table")}>${t("explore.as.table")}</button>
      <button class="quiet" aria-pressed=${view === "off"} aria-label=${t("explore.chart.hide")} title=${t("explore.chart.hide")} onClick=${() => choose("off")}>${view === "off" ? "▸" : "▾"}</button></div>
    ${view === "off" ? null : error && !data ? html`<div class="chart-none"></div>` : !data ? html`<div class="chart-none" aria-hidden="true"></div>`
      : html`<div class=${loading || error ? "old" : ""}>${view === "table" ? html`<${HistogramTable} counts=${data} onBrush=${brush} />` : html`<${Histogram} counts=${data} onBrush=${brush} onZoomOut=${() => zoomOut()} />`}</div>`}
  </section>`;
}

/** @param {number} n */
export const countText = (n) => t("explore.hits", { n: grouped(n) });
