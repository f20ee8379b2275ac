// Figures over time: of hosts, of lines, of logdrive itself, from whichever store holds them.
import { html, useEffect, useMemo, useSignal } from "../lib/ui.js";
import { get } from "../lib/api.js";
import { useAsk } from "../lib/ask.js";
import { named, t } from "../lib/i18n.js";
import { register } from "../lib/keys.js";
import { href, param, query, setQuery } from "../lib/router.js";
import { style } from "../lib/style.js";
import { RANGES as ALL_RANGES, momentMs } from "../lib/time.js";
import { Empty, ErrorState, Loading } from "../widgets/states.js";
import { TimePicker } from "../widgets/timepicker.js";
import { PanelView } from "./charts/panel.js";
import { panelsOf } from "./charts/panels.js";
import { Workers } from "./charts/workers.js";

style("charts");

const VIEWS = ["host", "lines", "health", "any"];
/** The same keys as everywhere; figures of all time are none. */
const RANGES = ALL_RANGES.filter((name) => name !== "all");
const STEPS = [10, 15, 30, 60, 120, 300, 600, 1800, 3600, 21_600, 86_400];
const PANELS = 24;

const view = param("view", "host");
const host = param("host");
const by = param("by");
const measurement = param("measurement");
const field = param("field");

/**
 * The range of the address in whole steps, in seconds: what was asked for at `now`.
 * @param {URLSearchParams} params
 * @param {number} now milliseconds
 */
export function rangeOf(params, now) {
  const until = momentMs(params.get("until") ?? "", now) ?? now;
  const since = momentMs(params.get("since") ?? "1h", now) ?? until - 3600e3;
  const seconds = Math.max((until - since) / 1000, 60);
  const step = STEPS.find((one) => one >= seconds / 240) ?? Math.ceil(seconds / 240 / 86_400) * 86_400;
  return { since: Math.floor(since / 1000 / step) * step, until: Math.ceil(until / 1000 / step) * step, step };
}

/** @param {{label: string, value: string, options: string[], any: string, onChange: (value: string) => void}} props */
function Select({ label, value, options, any, onChange }) {
  const all = value && !options.includes(value) ? [value, ...options] : options;
  return html`<label class="row tight"><span class="soft">${label}</span><select value=${value} onChange=${(/** @type {any} */ event) => onChange(event.target.value)}><option value="">${any}</option>${all.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}</select></label>`;
}

/** @param {{measured: import("./charts/panels.js").Measurement[], hosts: string[]}} props */
function Controls({ measured, hosts }) {
  const params = query.value;
  const since = params.get("since") ?? "1h";
  const chosen = measured.find((one) => one.name === measurement.value);
  const tags = [...new Set((view.value === "any" ? chosen?.tags : measured.flatMap((one) => one.tags)) ?? [])].sort();
  return html`<div class="row controls">
    <div class="tabs" role="tablist" aria-label=${t("charts.view")}>${VIEWS.map((name) => html`<button key=${name} role="tab" aria-selected=${view.value === name} onClick=${() => setQuery({ view: name })}>${named(`charts.view.${name}`)}</button>`)}</div>
    ${view.value !== "health" ? html`<${Select} label=${t("charts.host")} value=${host.value} options=${hosts} any=${t("charts.all")} onChange=${(/** @type {string} */ value) => setQuery({ host: value })} />` : null}
    ${view.value === "any" ? html`<${Select} label=${t("charts.measurement")} value=${measurement.value} options=${measured.map((one) => one.name)} any="–" onChange=${(/** @type {string} */ value) => setQuery({ measurement: value, field: null, by: null })} />
      <${Select} label=${t("charts.field")} value=${field.value} options=${chosen?.fields ?? []} any=${t("charts.all")} onChange=${(/** @type {string} */ value) => setQuery({ field: value })} />` : null}
    ${view.value === "lines" || view.value === "any" ? html`<${Select} label=${t("charts.by")} value=${by.value} options=${tags} any=${t("charts.together")} onChange=${(/** @type {string} */ value) => setQuery({ by: value })} />` : null}
    <span class="grow"></span>
    <label class="row tight"><input type="checkbox" checked=${params.get("yesterday") === "1"} onChange=${(/** @type {any} */ event) => setQuery({ yesterday: event.target.checked })} /> ${t("charts.yesterday")}</label>
    <${TimePicker} range=${{ since, until: params.get("until") ?? "" }} ranges=${RANGES} onChange=${(/** @type {string} */ from, /** @type {string} */ to) => setQuery({ since: from, until: to })} />
    <button onClick=${zoomOut} title="z">${t("charts.zoom.out")}</button>
  </div>`;
}

function zoomOut() {
  const { since, until } = rangeOf(query.value, Date.now());
  const width = until - since;
  const iso = (/** @type {number} */ at) => new Date(at * 1e3).toISOString();
  setQuery(query.value.get("until") ? { since: iso(since - width / 2), until: iso(Math.min(until + width / 2, Date.now() / 1e3)) } : { since: `${Math.round(width * 2)}s` });
}

/** @returns {import("../lib/keys.js").Command[]} */
function chartKeys() {
  const group = () => t("nav.charts");
  const ranges = RANGES.map((range, n) => ({ id: `charts.${range}`, keys: `t ${n + 1}`, label: () => t("charts.last", { range }), group, run: () => setQuery({ since: range, until: null }) }));
  return [...ranges, { id: "charts.zoom", keys: "z", label: () => t("charts.zoom.out"), group, run: zoomOut }];
}

export function Page() {
  const tick = useSignal(0);
  useEffect(() => register(chartKeys()), []);
  const live = !query.value.get("until");
  useEffect(() => {
    if (!live) return undefined;
    const timer = setInterval(() => document.hidden || (tick.value += 1), 10_000);
    return () => clearInterval(timer);
  }, [live]);
  const { data, error, again } = useAsk((signal) => get("metrics/measurements", {}, { signal }), []);
  const hosts = useAsk((signal) => get("metrics/tags", { measurement: "system", tag: "host" }, { signal }), []);
  const range = useMemo(() => ({ ...rangeOf(query.value, Date.now()), host: view.value === "health" ? "" : host.value }), [query.value, tick.value]);
  const measured = data?.measurements ?? [];
  const panels = panelsOf(view.value, measured, { measurement: measurement.value, field: field.value, by: by.value });
  return html`<div class="page">
    <${Controls} measured=${measured} hosts=${hosts.data?.values ?? []} />
    ${error ? html`<${ErrorState} error=${error} retry=${again} />` : null}
    ${!data && !error ? html`<${Loading} />` : null}
    ${data && panels.length === 0 ? html`<${Empty} title=${named(`charts.none.${view.value}`)}><p>${named(`charts.none.${view.value}.next`)}</p>${view.value === "host" ? html`<a class="button" href=${href({ view: "health" })}>${t("charts.view.health")}</a>` : null}<//>` : null}
    <div class="panels">${panels.slice(0, PANELS).map((panel) => html`<${PanelView} key=${panel.id + panel.by} panel=${panel} range=${range} yesterday=${query.value.get("yesterday") === "1"} />`)}</div>
    ${panels.length > PANELS ? html`<p class="soft">${t("charts.cut", { n: PANELS, count: panels.length })}</p>` : null}
    ${view.value === "health" ? html`<${Workers} />` : null}
  </div>`;
}
