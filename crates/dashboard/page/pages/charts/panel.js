// One chart with its data, its legend and, for those who do not see it, its table.
import { html, useMemo, useSignal } from "../../lib/ui.js";
import { get } from "../../lib/api.js";
import { useAsk } from "../../lib/ask.js";
import { named, t } from "../../lib/i18n.js";
import { href, setQuery } from "../../lib/router.js";
import { moment } from "../../lib/time.js";
import { Chart } from "../../widgets/chart.js";
import { errorText } from "../../widgets/states.js";
import { aligned } from "./panels.js";

const DAY = 86_400;
const LINES = 8;
/** Figures come every ten seconds; so many without one are a gap. */
const SILENCE = 35;

/**
 * @param {import("./panels.js").Panel} panel
 * @param {{since: number, until: number, step: number, host: string}} range seconds
 * @param {number} shift
 * @param {AbortSignal} signal
 */
async function ask(panel, range, shift, signal) {
  const iso = (/** @type {number} */ at) => new Date((at - shift) * 1e3).toISOString();
  const tags = Object.fromEntries(Object.entries({ ...panel.tags, ...(range.host ? { host: range.host } : {}) }).map(([name, value]) => [`tag.${name}`, value]));
  const common = { measurement: panel.measurement, aggregate: panel.aggregate ?? "mean", by: panel.by, since: iso(range.since), until: iso(range.until), step: `${range.step}s`, limit: 50, ...tags };
  return Promise.all(panel.fields.map((field) => get("metrics/series", { ...common, field }, { signal })));
}

/**
 * Answers as lines of the chart: the largest first, as many as have a colour.
 * @param {import("./panels.js").Panel} panel
 * @param {any[]} answers
 * @param {number[]} times
 * @param {number} shift
 * @param {number} silence
 */
function linesOf(panel, answers, times, shift, silence) {
  const all = answers.flatMap((answer, n) => aligned(answer.series, times, shift, silence).map((line) => ({ ...line, label: [panel.fields.length > 1 ? panel.fields[n] : "", line.label].filter(Boolean).join(" · ") || panel.fields[n] })));
  const peak = (/** @type {{values: (number|null|undefined)[]}} */ line) => Math.max(...line.values.map((value) => value ?? 0));
  return panel.by ? all.sort((a, b) => peak(b) - peak(a)) : all;
}

/** @param {{lines: import("../../widgets/chart.js").Line[], at: number|null, format: (value: number) => string, hidden: number}} props */
function Legend({ lines, at, format, hidden }) {
  const last = (/** @type {(number|null|undefined)[]} */ values) => values.findLast((value) => value !== null && value !== undefined) ?? null;
  return html`<ul class="legend">${lines.map((line) => {
    const value = at === null ? last(line.values) : line.values[at];
    return html`<li key=${line.label + line.dashed}><i class=${`series-${line.colour}${line.dashed ? " dashed" : ""}`} aria-hidden="true"></i><span>${line.label}</span><b>${value === null || value === undefined ? "–" : format(value)}</b></li>`;
  })}${hidden > 0 ? html`<li class="soft">${t("charts.more", { n: hidden })}</li>` : null}</ul>`;
}

/** @param {{panel: import("./panels.js").Panel, range: {since: number, until: number, step: number, host: string}, yesterday: boolean}} props */
export function PanelView({ panel, range, yesterday }) {
  const cursor = useSignal(/** @type {number|null} */ (null));
  const { data, error } = useAsk((signal) => Promise.all([ask(panel, range, 0, signal), yesterday ? ask(panel, range, DAY, signal) : Promise.resolve([])]), [panel.id, panel.by, range.since, range.until, range.host, yesterday]);
  const drawn = useMemo(() => {
    const times = [];
    for (let at = range.since; at < range.until; at += range.step) times.push(at);
    const silence = Math.max(2, Math.ceil(SILENCE / range.step));
    const now = data ? linesOf(panel, data[0], times, 0, silence) : [];
    const before = data ? linesOf(panel, data[1], times, DAY, silence) : [];
    const shown = now.slice(0, LINES).map((line, n) => ({ ...line, colour: n + 1 }));
    const dashed = before.flatMap((line) => {
      const same = shown.find((one) => one.label === line.label);
      return same ? [{ ...line, label: t("charts.yesterday.of", { name: line.label }), colour: same.colour, dashed: true }] : [];
    });
    return { times, lines: [...shown, ...dashed], hidden: now.length - shown.length, since: range.since, until: range.until };
  }, [data]);
  const zoom = (/** @type {number} */ since, /** @type {number} */ until) => setQuery({ since: new Date(since * 1e3).toISOString(), until: new Date(until * 1e3).toISOString() });
  const title = panel.title ?? named(`charts.panel.${panel.id}`);
  const window = { since: new Date(range.since * 1e3).toISOString(), until: new Date(range.until * 1e3).toISOString(), q: range.host ? `host:${range.host}` : "" };
  return html`<section class="card panel" aria-label=${title}><div class="row"><h2 title=${title}>${title}</h2><span class="grow"></span><a class="quiet-link" href=${href(window, "/explore")} title=${t("charts.explore")}>${t("charts.lines")}</a></div>
    ${error ? html`<p class="notice bad" role="alert">${errorText(error)}</p>` : null}
    ${data && drawn.lines.length === 0 ? html`<p class="soft panel-empty">${t("charts.empty")}</p>` : html`<${Chart} label=${title} times=${drawn.times} lines=${drawn.lines} since=${drawn.since} until=${drawn.until} format=${panel.format} onSelect=${zoom} onCursor=${(/** @type {number|null} */ index) => (cursor.value = index)} />`}
    <${Legend} lines=${drawn.lines} at=${cursor.value} format=${panel.format} hidden=${drawn.hidden} />
    <details class="twin"><summary>${t("charts.table")}</summary><${Twin} drawn=${drawn} format=${panel.format} /></details>
  </section>`;
}

/** @param {{drawn: {times: number[], lines: import("../../widgets/chart.js").Line[]}, format: (value: number) => string}} props */
function Twin({ drawn, format }) {
  const rows = drawn.times.map((time, n) => ({ time, n })).filter(({ n }) => drawn.lines.some((line) => (line.values[n] ?? null) !== null)).slice(-20).reverse();
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${t("charts.table")}><table><thead><tr><th scope="col">${t("charts.time")}</th>${drawn.lines.map((line) => html`<th key=${line.label} scope="col" class="number">${line.label}</th>`)}</tr></thead>
    <tbody>${rows.map(({ time, n }) => html`<tr key=${time}><th scope="row">${moment(new Date(time * 1e3).toISOString(), true).slice(0, 19)}</th>${drawn.lines.map((line) => html`<td key=${line.label} class="number">${(line.values[n] ?? null) === null ? "–" : format(/** @type {number} */ (line.values[n]))}</td>`)}</tr>`)}</tbody></table></div>`;
}
