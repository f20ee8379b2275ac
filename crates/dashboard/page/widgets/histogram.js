// Counts over time with their words: how many, split by what, how long it took, and the same as a table.
import { html, useEffect, useRef } from "../lib/ui.js";
import { grouped } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { look } from "../lib/settings.js";
import { dateAndTime, zoneName } from "../lib/time.js";
import "./histogram-brush.js";

/**
 * @typedef {{value: string, absent?: boolean, other?: boolean, total: number, counts: number[]}} Series
 * @typedef {{start: string, interval_seconds: number, buckets: number, by: string|null, series: Series[], total: number, complete: boolean}} Counts
 */

const LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "unknown"];

/** What a query would ask for; null where it cannot. @param {Series} one */
const valueOf = (one) => (one.other || one.absent ? null : one.value);

/**
 * Levels have their own colours and order, the worst at the bottom, where it is seen best.
 * @param {Counts} counts
 * @returns {(import("./histogram-brush.js").Stack & {value: string|null})[]}
 */
export function stacksOf(counts) {
  const name = (/** @type {Series} */ one) => (one.other ? t("explore.other") : one.absent ? t("explore.absent") : one.value || (counts.by ? t("explore.empty.value") : t("explore.lines")));
  if (counts.by !== "level") {
    let n = 0;
    const last = (/** @type {Series} */ one) => Number(one.absent ?? false) + 2 * Number(one.other ?? false);
    return [...counts.series].sort((a, b) => last(a) - last(b)).map((one) => ({ name: name(one), value: valueOf(one), counts: one.counts, colour: !counts.by ? "--bar-info" : one.absent || one.other ? "--bar-unknown" : `--series-${(n++ % 8) + 1}` }));
  }
  const rank = (/** @type {Series} */ one) => (LEVELS.indexOf(one.value) + LEVELS.length + 1) % (LEVELS.length + 1);
  return [...counts.series].sort((a, b) => rank(a) - rank(b)).map((one) => ({ name: name(one), value: valueOf(one), counts: one.counts, colour: `--bar-${LEVELS.includes(one.value) ? one.value : "unknown"}` }));
}

/** @param {number} ms @param {number} step */
function tickText(ms, step) {
  const [date, time] = dateAndTime(ms);
  if (step >= 86_400_000) return step > 2_000_000_000 ? date : date.slice(5);
  return step < 60_000 ? time : time.slice(0, 5);
}

/** @param {number} from @param {number} to */
function describe(from, to) {
  const [a, b] = [dateAndTime(from), dateAndTime(to)];
  return `${a.join(" ")} – ${a[0] === b[0] ? b[1] : b.join(" ")}`;
}

/** How far clocks of the zone are ahead of UTC at a moment. @param {number} ms */
function offsetAt(ms) {
  return Date.parse(`${dateAndTime(ms).join("T")}Z`) - Math.floor(ms / 1000) * 1000;
}

/** @param {{counts: Counts, onBrush: (from: number, to: number) => void, onZoomOut: () => void}} props */
export function Histogram({ counts, onBrush, onZoomOut }) {
  const ref = useRef(/** @type {any} */ (null));
  useEffect(() => {
    const start = Date.parse(counts.start);
    ref.current.offset = offsetAt(start);
    ref.current.tickText = tickText;
    ref.current.bars = { start, width: counts.interval_seconds * 1000, stacks: stacksOf(counts), describe };
  }, [counts, zoneName.value]);
  useEffect(() => {
    const frame = requestAnimationFrame(() => ref.current?.draw());
    return () => cancelAnimationFrame(frame);
  }, [look.value]);
  return html`<histogram-brush ref=${ref} aria-label=${t("explore.histogram.help")} title="" onbrush=${(/** @type {CustomEvent} */ event) => onBrush(event.detail.from, event.detail.to)} onzoomout=${onZoomOut}></histogram-brush>`;
}

/** The same in numbers. @param {{counts: Counts, onBrush: (from: number, to: number) => void}} props */
export function HistogramTable({ counts, onBrush }) {
  const [start, width] = [Date.parse(counts.start), counts.interval_seconds * 1000];
  const stacks = stacksOf(counts);
  const rows = Array.from({ length: counts.buckets }, (_, n) => n).filter((n) => stacks.some((stack) => stack.counts[n] > 0));
  return html`<div class="histogram-table scroll" tabindex="0" role="region" aria-label=${t("explore.histogram.table")}><table>
    <thead><tr><th scope="col">${t("explore.time")}</th>${stacks.map((stack) => html`<th scope="col" class="number" key=${stack.name}>${stack.name}</th>`)}</tr></thead>
    <tbody>${rows.map((n) => html`<tr key=${n}><th scope="row"><button class="link" onClick=${() => onBrush(start + n * width, start + (n + 1) * width)}>${describe(start + n * width, start + (n + 1) * width)}</button></th>${stacks.map((stack) => html`<td class="number" key=${stack.name}>${grouped(stack.counts[n])}</td>`)}</tr>`)}</tbody></table></div>`;
}
