// A chart over time: uPlot, in the colours of the theme, with the cursor shared between all charts of the page.
import { html, useEffect, useRef } from "../lib/ui.js";
import uPlot from "../vendor/uplot.js";
import { style } from "../lib/style.js";
import { zoneName } from "../lib/time.js";
import { look } from "../lib/settings.js";

style("uplot");
style("charts");

/**
 * @typedef {object} Line
 * @property {string} label
 * @property {(number|null|undefined)[]} values null is a gap, undefined is drawn through
 * @property {boolean} [dashed]
 * @property {number} [colour] 1 to 8
 */

/** @param {string} name */
const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/**
 * @param {{lines: Line[], since: number, until: number, height: number, width: number, format: (value: number) => string, onSelect: (since: number, until: number) => void}} props
 * @returns {any}
 */
function options({ lines, since, until, height, width, format, onSelect }) {
  const axis = { stroke: token("--soft"), grid: { stroke: token("--line"), width: 1 }, ticks: { stroke: token("--line"), width: 1 }, font: `11px ${token("--ui")}` };
  return {
    width, height,
    tzDate: (/** @type {number} */ ts) => uPlot.tzDate(new Date(ts * 1e3), zoneName.value),
    padding: [8, 8, 0, 0],
    cursor: { sync: { key: "charts" }, drag: { x: true, y: false, setScale: false }, points: { size: 5 } },
    legend: { show: false },
    scales: { x: { min: since, max: until }, y: { range: (/** @type {any} */ _u, /** @type {number|null} */ low, /** @type {number|null} */ high) => [Math.min(low ?? 0, 0), (high || 1) * 1.08] } },
    axes: [{ ...axis, values: times, size: 26, space: 72 }, { ...axis, size: 72, values: (/** @type {any} */ _u, /** @type {number[]} */ ticks) => ticks.map(format) }],
    series: [{}, ...lines.map((line, n) => ({ label: line.label, stroke: token(`--series-${line.colour ?? (n % 8) + 1}`), width: 1.4, dash: line.dashed ? [4, 4] : undefined, points: { show: false } }))],
    hooks: { setSelect: [(/** @type {any} */ u) => u.select.width > 4 && onSelect(u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x"))] },
  };
}

/**
 * The marks of the time axis: time of day, or the date where days begin.
 * @param {any} _u
 * @param {number[]} ticks
 */
function times(_u, ticks) {
  const day = new Intl.DateTimeFormat("en-CA", { timeZone: zoneName.value, month: "2-digit", day: "2-digit" });
  const time = new Intl.DateTimeFormat("en-CA", { timeZone: zoneName.value, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const fine = ticks.length > 1 && ticks[1] - ticks[0] < 60;
  const seconds = new Intl.DateTimeFormat("en-CA", { timeZone: zoneName.value, hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  return ticks.map((at) => {
    const text = (fine ? seconds : time).format(at * 1e3);
    return text === "00:00" ? day.format(at * 1e3) : text;
  });
}

/**
 * @param {{label: string, times: number[], lines: Line[], since: number, until: number, format: (value: number) => string, height?: number, onSelect: (since: number, until: number) => void, onCursor?: (index: number|null) => void}} props
 */
export function Chart({ label, times: xs, lines, since, until, format, height = 150, onSelect, onCursor }) {
  const ref = useRef(/** @type {HTMLDivElement|null} */ (null));
  const key = lines.map((line) => line.label + line.dashed).join("\n");
  const latest = useRef({ onSelect, onCursor });
  latest.current = { onSelect, onCursor };
  const plot = useRef(/** @type {any} */ (null));
  useEffect(() => {
    const box = ref.current;
    if (!box) return undefined;
    const made = options({ lines, since, until, height, width: box.clientWidth || 300, format, onSelect: (from, to) => latest.current.onSelect(from, to) });
    made.hooks.setCursor = [(/** @type {any} */ u) => latest.current.onCursor?.(u.cursor.idx ?? null)];
    plot.current = new uPlot(made, [xs, ...lines.map((line) => line.values)], box);
    const observer = new ResizeObserver(() => plot.current?.setSize({ width: box.clientWidth, height }));
    observer.observe(box);
    return () => {
      observer.disconnect();
      plot.current?.destroy();
    };
  }, [key, look.value, zoneName.value, height]);
  useEffect(() => {
    plot.current?.setData([xs, ...lines.map((line) => line.values)], false);
    plot.current?.setScale("x", { min: since, max: until });
  }, [xs, lines, since, until]);
  return html`<div class="chart" ref=${ref} role="img" aria-label=${label}></div>`;
}
