// <histogram-brush>: counts over time, stacked, on a canvas. Drag to choose a range, double-click to widen; with the
// keyboard, arrows move over the buckets, Shift extends, Enter chooses. It knows nothing of queries: it tells what was
// chosen by the events `brush` (detail: {from, to} in milliseconds) and `zoomout`.
import { grouped } from "../lib/format.js";

/**
 * @typedef {{name: string, colour: string, counts: number[]}} Stack colour is a custom property: --bar-error
 * @typedef {{start: number, width: number, stacks: Stack[], describe: (from: number, to: number) => string}} Bars times in milliseconds
 */

const AXIS = 14;

/** @param {number} top */
export function niceTop(top) {
  const power = 10 ** Math.floor(Math.log10(Math.max(top, 1)));
  return [1, 2, 5, 10].map((step) => step * power).find((value) => value >= top) ?? top;
}

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 1_209_600, 2_592_000, 7_776_000, 31_536_000];

/**
 * The moments to be named below the axis: so many that their names do not touch.
 * @param {number} from milliseconds
 * @param {number} to
 * @param {number} most
 * @param {number} offset of the zone, in milliseconds
 */
export function ticks(from, to, most, offset) {
  const wanted = (to - from) / 1000 / most;
  const year = STEPS[STEPS.length - 1];
  const step = (STEPS.find((seconds) => seconds >= wanted) ?? Math.ceil(wanted / year) * year) * 1000;
  const found = [];
  for (let at = Math.ceil((from + offset) / step) * step - offset; at < to; at += step) found.push(at);
  return { step, at: found };
}

/** See the head of this file. */
export class HistogramBrush extends HTMLElement {
  constructor() {
    super();
    /** @type {Bars|null} */
    this.data = null;
    /** @type {(ms: number, step: number) => string} */
    this.tickText = (ms) => new Date(ms).toISOString();
    this.offset = 0;
    this.at = -1;
    this.anchor = -1;
    this.dragging = false;
    this.canvas = document.createElement("canvas");
    this.tip = document.createElement("div");
    this.tip.className = "histogram-tip";
    this.tip.hidden = true;
    this.sizes = new ResizeObserver(() => this.draw());
    for (const name of /** @type {const} */ (["pointerdown", "pointermove", "pointerup"])) this.addEventListener(name, (event) => this.pointer(event));
    this.addEventListener("pointerleave", () => this.dragging || this.point(-1));
    this.addEventListener("dblclick", () => this.tell("zoomout"));
    this.addEventListener("keydown", (event) => this.key(event));
    this.addEventListener("blur", () => this.point(-1));
  }

  connectedCallback() {
    this.append(this.canvas, this.tip);
    this.canvas.setAttribute("aria-hidden", "true");
    this.tabIndex = 0;
    this.setAttribute("role", "slider");
    this.setAttribute("aria-valuemin", "0");
    this.sizes.observe(this);
  }

  disconnectedCallback() {
    this.sizes.disconnect();
  }

  /** @param {Bars|null} data */
  set bars(data) {
    this.data = data;
    this.at = -1;
    this.anchor = -1;
    this.dragging = false;
    this.tip.hidden = true;
    this.setAttribute("aria-valuemax", String(Math.max(this.count - 1, 0)));
    this.say(0);
    this.draw();
  }

  get count() {
    return this.data?.stacks[0]?.counts.length ?? 0;
  }

  /** @param {string} name @param {unknown} [detail] */
  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /** The buckets chosen, the first and the one behind the last. */
  get chosen() {
    const other = this.anchor < 0 ? this.at : this.anchor;
    return [Math.min(this.at, other), Math.max(this.at, other) + 1];
  }

  choose() {
    if (!this.data || this.at < 0) return;
    const [from, to] = this.chosen;
    const { start, width } = this.data;
    this.anchor = -1;
    this.tell("brush", { from: start + from * width, to: start + to * width });
  }

  /** @param {PointerEvent} event */
  pointer(event) {
    if (!this.data || this.count === 0) return;
    const box = this.getBoundingClientRect();
    const bucket = Math.floor(((event.clientX - box.left) / box.width) * this.count);
    const at = Math.min(Math.max(bucket, 0), this.count - 1);
    if (event.type === "pointerdown" && event.button === 0) {
      this.setPointerCapture(event.pointerId);
      this.dragging = true;
      this.anchor = at;
    }
    if (event.type === "pointerup" && this.dragging) {
      this.dragging = false;
      this.at = at;
      if (this.anchor !== at) return this.choose();
      this.anchor = -1;
    }
    this.point(at);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const last = this.count - 1;
    const from = this.at < 0 ? (event.key === "ArrowLeft" ? last + 1 : -1) : this.at;
    const to = /** @type {Record<string, number>} */ ({ ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: last, PageUp: from - 10, PageDown: from + 10 })[event.key];
    if (to !== undefined && last >= 0 && !event.ctrlKey && !event.altKey && !event.metaKey) {
      if (event.shiftKey && this.anchor < 0) this.anchor = Math.max(this.at, 0);
      if (!event.shiftKey) this.anchor = -1;
      this.point(Math.min(Math.max(to, 0), last));
    } else if (event.key === "Enter" && this.at >= 0) {
      this.choose();
    } else if (event.key === "Escape" && this.at >= 0) {
      this.anchor = -1;
      this.point(-1);
    } else if (event.key === "-") {
      this.tell("zoomout");
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {number} at the bucket that is pointed at; -1 for none */
  point(at) {
    if (!this.data || (at === this.at && at < 0)) return;
    this.at = at;
    this.tip.hidden = at < 0;
    if (at >= 0) this.say(at);
    this.draw();
  }

  /** @param {number} at */
  say(at) {
    if (!this.data) return;
    const [first, behind] = this.at < 0 ? [at, at + 1] : this.chosen;
    const { start, width, stacks, describe } = this.data;
    const sum = (/** @type {Stack} */ stack) => stack.counts.slice(first, behind).reduce((a, b) => a + b, 0);
    const rows = stacks.map((stack) => /** @type {const} */ ([stack, sum(stack)])).filter(([, n]) => n > 0);
    const head = describe(start + first * width, start + behind * width);
    this.setAttribute("aria-valuenow", String(at));
    this.setAttribute("aria-valuetext", `${head}: ${rows.map(([stack, n]) => `${stack.name} ${n}`).join(", ") || "0"}`);
    const title = document.createElement("b");
    title.textContent = head;
    this.tip.replaceChildren(title, ...rows.map(([stack, n]) => {
      const row = document.createElement("span");
      const dot = document.createElement("i");
      dot.style.background = `var(${stack.colour})`;
      const name = document.createElement("span");
      name.textContent = stack.name;
      const number = document.createElement("span");
      number.textContent = grouped(n);
      row.append(dot, name, number);
      return row;
    }));
    const share = (first + behind) / 2 / Math.max(this.count, 1);
    this.tip.style.left = `${share * 100}%`;
    this.tip.style.transform = `translateX(${-share * 100}%)`;
  }

  draw() {
    const ratio = devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = this;
    if (width === 0) return;
    this.canvas.width = width * ratio;
    this.canvas.height = height * ratio;
    const ctx = this.canvas.getContext("2d");
    if (!ctx) return;
    ctx.scale(ratio, ratio);
    const style = getComputedStyle(this);
    const colour = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
    if (this.data && this.count) this.drawBars(ctx, colour, width, height);
    ctx.fillStyle = colour("--line-strong");
    ctx.fillRect(0, height - AXIS, width, 1);
  }

  /** @param {CanvasRenderingContext2D} ctx @param {(name: string) => string} colour @param {number} width @param {number} height */
  drawBars(ctx, colour, width, height) {
    const { stacks, start, width: step } = /** @type {Bars} */ (this.data);
    const n = this.count;
    const bar = width / n;
    const sums = Array.from({ length: n }, (_, i) => stacks.reduce((sum, stack) => sum + stack.counts[i], 0));
    const top = niceTop(Math.max(...sums));
    const room = height - AXIS - 2;
    const gap = bar > 4 ? 1 : 0;
    if (this.at >= 0) {
      const [from, to] = this.chosen;
      ctx.fillStyle = colour(this.anchor >= 0 ? "--chosen" : "--hover");
      ctx.fillRect(from * bar, 0, (to - from) * bar, height - AXIS);
    }
    for (let i = 0; i < n; i += 1) {
      let y = height - AXIS;
      for (const stack of stacks) {
        if (stack.counts[i] === 0) continue;
        // What is there is seen, however little it is.
        const tall = Math.max((stack.counts[i] / top) * room, 1);
        ctx.fillStyle = colour(stack.colour);
        ctx.fillRect(i * bar, y - tall, Math.max(bar - gap, 1), tall);
        y -= tall;
      }
    }
    ctx.font = `10px ${colour("--ui")}`;
    ctx.fillStyle = colour("--soft");
    ctx.textBaseline = "top";
    ctx.textAlign = "center";
    const marks = ticks(start, start + n * step, Math.max(Math.floor(width / 90), 2), this.offset);
    for (const at of marks.at) {
      const x = ((at - start) / (n * step)) * width;
      ctx.fillRect(x, height - AXIS, 1, 3);
      if (x > 24 && x < width - 24) ctx.fillText(this.tickText(at, marks.step), x, height - AXIS + 4);
    }
    ctx.textAlign = "left";
    ctx.fillText(grouped(top), 2, 1);
  }
}

if (!customElements.get("histogram-brush")) customElements.define("histogram-brush", HistogramBrush);
