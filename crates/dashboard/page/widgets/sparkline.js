// A line of numbers in a few pixels. It has its newest value in words beside it; the picture itself is decoration.
import { html } from "../lib/ui.js";

/** @param {{values: number[], width?: number, height?: number, max?: number}} props */
export function Sparkline({ values, width = 120, height = 24, max }) {
  if (values.length < 2) return html`<svg class="spark" width=${width} height=${height} aria-hidden="true"></svg>`;
  const top = Math.max(max ?? 0, ...values) || 1;
  const x = (/** @type {number} */ n) => ((n / (values.length - 1)) * width).toFixed(1);
  const y = (/** @type {number} */ value) => (height - 1 - (value / top) * (height - 3)).toFixed(1);
  const line = values.map((value, n) => `${n ? "L" : "M"}${x(n)} ${y(value)}`).join("");
  return html`<svg class="spark" viewBox=${`0 0 ${width} ${height}`} width=${width} height=${height} preserveAspectRatio="none" aria-hidden="true"><path class="spark-fill" d=${`${line}L${width} ${height}L0 ${height}Z`} /><path class="spark-line" d=${line} /></svg>`;
}
