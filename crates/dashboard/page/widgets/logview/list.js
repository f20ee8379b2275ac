// The rows of <log-view> and how they are scrolled: a few that exist stand for the millions that do not.
import { look } from "../../lib/settings.js";
import { dateAndTime } from "../../lib/time.js";
import { Scroll } from "../../lib/scroll.js";
import { Head } from "./head.js";
import { Row, element } from "./row.js";

/**
 * @typedef {import("../../lib/types.js").Hit} Hit
 * @typedef {import("../../lib/source.js").RowSource} RowSource
 * @typedef {import("./row.js").Look} Look
 */

const ROW = 20;
/** Rows beyond the view on each side, so that a fast wheel finds them there. */
const OVER = 8;
/** In a narrower list the line has a line of its own. */
const NARROW = 520;
const SETTLE_MS = 140;
const FOLLOW_MS = 90;
const TOUCH_MS = 600;
/** Longer lines are cut anyway. */
const CHARS = 2100;

let lists = 0;
/** Lists that are seen now. */
let attached = 0;

export class List {
  id = `lv${(lists += 1)}`;
  scroller = element("lv-scroll", "grid");
  space = element("lv-space", "presentation");
  layer = element("lv-rows", "rowgroup");
  head = new Head(() => this.widths());
  scroll = new Scroll(ROW);
  rows = /** @type {Row[]} */ ([]);
  /** Index of the first of them. */
  from = 0;
  source = /** @type {RowSource|null} */ (null);
  off = () => {};
  /** A row that is to be seen, also when the heights around it turn out to be others. */
  wanted = /** @type {{index: number, align: "nearest"|"centre"|"top", tries: number}|null} */ (null);
  look = /** @type {Look} */ ({ columns: ["time", "level", "line"], wrap: false, ansi: true, folded: true, dates: false, words: null, turned: new Set(), ground: [255, 255, 255], contrast: 4.5 });
  lookIsOld = true;
  active = -1;
  cell = -1;
  selectedId = "";
  following = false;
  follow = false;
  frame = 0;
  settling = 0;
  /** When somebody last had a hand on it. */
  touchedAt = -Infinity;
  /** When rows were drawn last, and the timer that draws them again. */
  shownAt = 0;
  isAttached = false;
  later = 0;
  announce = false;
  chars = 0;
  top = "";

  /**
   * @param {HTMLElement} node whose styles say how rows look
   * @param {(name: string, detail: unknown) => void} tell
   */
  constructor(node, tell) {
    this.node = node;
    this.tell = tell;
    this.space.append(this.layer);
    this.scroller.append(this.head.node, this.space);
    this.scroller.tabIndex = 0;
  }

  /** @param {RowSource|null} source */
  show(source) {
    this.off();
    this.source = source;
    this.active = -1;
    this.follow = this.following;
    this.scroll.reset(this.varies());
    Object.assign(this.scroll, { index: source?.first ?? 0, offset: 0, at: 0 });
    this.scroller.scrollTop = 0;
    this.chars = 0;
    this.look = { ...this.look, dates: false };
    this.showHead();
    this.lookIsOld = true;
    if (this.node.isConnected) this.attach();
  }

  showHead() {
    this.head.show(this.look.columns, this.look.dates);
  }

  detach() {
    if (this.isAttached) attached -= 1;
    this.isAttached = false;
    this.off();
    cancelAnimationFrame(this.frame);
    window.clearTimeout(this.settling);
    window.clearTimeout(this.later);
    this.frame = this.later = 0;
  }

  /** The row that the keyboard is at. */
  current() {
    const hit = this.active < 0 ? undefined : this.source?.get(this.active);
    return hit && hit.note === undefined ? { hit: /** @type {Hit} */ (hit), index: this.active } : null;
  }

  /**
   * Brings a row into the view.
   * @param {number} index
   * @param {"nearest"|"centre"|"top"} align
   */
  reveal(index, align) {
    this.pause(true);
    this.update();
    this.scroll.show(index, align);
    this.wanted = this.scroll.heights ? { index, align, tries: 3 } : null;
    this.place();
    this.schedule();
  }

  attach() {
    this.off();
    if (!this.isAttached) attached += 1;
    this.isAttached = true;
    this.off = this.source?.on(() => this.grown()) ?? (() => {});
    this.schedule();
  }

  /**
   * While rows run by, nobody reads each: a line after a silence is shown at once, the next ones together. Lists in which
   * all rows are others each time share the time that one would take.
   */
  grown() {
    if (!this.follow) return this.schedule();
    const fresh = (this.source?.first ?? 0) + (this.source?.length ?? 0) - this.scroll.end;
    const all = fresh * this.scroll.row > this.scroll.view;
    const rest = this.shownAt + (all ? FOLLOW_MS * attached : FOLLOW_MS) - performance.now();
    if (rest <= 0) this.schedule();
    else this.later ||= window.setTimeout(() => this.schedule(), rest);
  }

  /** The indexes of what is seen: from, and behind the last. */
  visible() {
    return [this.scroll.index, Math.min(this.scroll.index + Math.ceil((this.scroll.view + this.scroll.offset) / this.scroll.row), this.scroll.end)];
  }

  /** @param {boolean} paused */
  pause(paused) {
    const follow = this.following && !paused;
    if (this.follow === follow) return;
    this.follow = follow;
    if (follow) this.active = -1;
    this.tell("scrollpaused", { paused });
  }

  /**
   * @param {Partial<Look>} changes
   * @param {boolean} [reflow] heights are others
   */
  relook(changes, reflow = false) {
    this.look = { ...this.look, ...changes };
    this.lookIsOld = true;
    if (reflow) this.scroll.reset(this.varies());
    this.schedule();
  }

  varies() {
    return this.look.wrap || !this.look.folded || this.look.turned.size > 0;
  }

  /** The ground is what the theme says, when its styles are there. */
  freshLook() {
    this.lookIsOld = false;
    const [r, g, b] = (getComputedStyle(this.node).backgroundColor.match(/[\d.]+/g) ?? [255, 255, 255]).map(Number);
    this.look = { ...this.look, ground: [r, g, b], contrast: look.value === "contrast" ? 7 : 4.5 };
    this.node.classList.toggle("lv-vary", this.varies());
    this.node.classList.toggle("lv-wrap", this.look.wrap);
    this.widths();
  }

  widths() {
    const { template, sum } = this.head.template(this.look.columns);
    this.node.style.setProperty("--lv-columns", template);
    const rest = this.scroll.row > ROW ? 0 : sum;
    const line = this.look.columns.at(-1) === "line" && !this.look.wrap ? Math.ceil(this.chars * 7.6) + 24 : 100;
    this.node.style.setProperty("--lv-width", `${rest + Math.max(line, 100)}px`);
    if (this.look.wrap && this.scroll.heights?.size) this.resized();
  }

  resized() {
    const row = this.scroller.clientWidth < NARROW ? 2 * ROW : ROW;
    if (this.scroll.heights || row !== this.scroll.row) {
      this.scroll.row = row;
      this.scroll.reset(this.scroll.heights !== null);
      this.node.classList.toggle("lv-narrow", row > ROW);
      this.widths();
    }
    this.scroll.view = Math.max(this.scroller.clientHeight - this.head.node.offsetHeight, 0);
    this.schedule();
  }

  schedule() {
    if (!this.frame && this.node.isConnected) this.frame = requestAnimationFrame(() => this.render());
  }

  /** Takes over what the source has become. */
  update() {
    const scroll = this.scroll;
    const first = this.source?.first ?? 0;
    const count = this.source?.length ?? 0;
    if (first === scroll.first && count === scroll.count) return false;
    if (scroll.heights && first > scroll.first) for (let i = scroll.first; i < Math.min(first, scroll.first + 5000); i += 1) scroll.forget(i);
    scroll.first = first;
    scroll.count = count;
    this.space.style.height = `${scroll.height}px`;
    this.scroller.setAttribute("aria-rowcount", String(count + 1));
    return true;
  }

  /** The bar to where it belongs. */
  place() {
    this.space.style.height = `${this.scroll.height}px`;
    const ideal = this.scroll.ideal;
    this.scroll.at = ideal;
    if (Math.abs(this.scroller.scrollTop - ideal) >= 1) this.scroller.scrollTop = ideal;
  }

  render() {
    this.frame = 0;
    window.clearTimeout(this.later);
    this.later = 0;
    this.shownAt = performance.now();
    const scroll = this.scroll;
    if (this.lookIsOld) this.freshLook();
    const changed = this.update();
    if (this.follow) scroll.toEnd();
    else if (changed) scroll.clamp();
    if (this.follow || changed) this.place();
    const over = this.follow ? 0 : OVER;
    const from = Math.max(scroll.index - over, scroll.first);
    const to = Math.min(scroll.index + Math.ceil((scroll.view + scroll.offset) / scroll.row) + over, scroll.end);
    this.source?.ensure(from, to);
    this.keep(from, Math.max(to - from, 0));
    this.fill();
    if (scroll.heights) this.measure();
    let y = scroll.at - scroll.offset;
    for (let i = from; i < scroll.index; i += 1) y -= scroll.heightOf(i);
    const top = `translateY(${y}px)`;
    if (top !== this.top) this.layer.style.transform = this.top = top;
    if (this.announce) this.told();
  }

  /**
   * Rows for a window of the list, in its order, keeping those that stay.
   * @param {number} from
   * @param {number} count
   */
  keep(from, count) {
    const shift = from - this.from;
    if (shift > 0 && shift < this.rows.length) {
      const moved = this.rows.splice(0, shift);
      this.rows.push(...moved);
      this.layer.append(...moved.map((row) => row.node));
    } else if (shift < 0 && -shift < this.rows.length) {
      const moved = this.rows.splice(shift);
      this.rows.unshift(...moved);
      this.layer.prepend(...moved.map((row) => row.node));
    }
    this.from = from;
    while (this.rows.length > count) this.rows.pop()?.node.remove();
    while (this.rows.length < count) {
      const row = new Row();
      this.rows.push(row);
      this.layer.append(row.node);
    }
  }

  fill() {
    const source = this.source;
    if (!source) return;
    const chars = this.chars;
    this.rows.forEach((row, n) => {
      const index = this.from + n;
      const hit = source.get(index);
      row.fill(index, hit, this.look, index - source.first + 2);
      const current = index === this.active;
      if (current || row.isCurrent) this.atCell(row, current);
      const selected = hit?.id !== undefined && hit.id === this.selectedId;
      row.mark(`${current ? "lv-current " : ""}${selected ? "lv-selected" : ""}`.trim());
      this.chars = Math.max(this.chars, Math.min(row.length, CHARS));
    });
    if (!this.look.dates && this.otherDay()) {
      this.look = { ...this.look, dates: true };
      this.showHead();
      this.widths();
      this.schedule();
    } else if (this.chars > chars) this.widths();
  }

  /** Whether a row that is seen is not of today. */
  otherDay() {
    const hit = /** @type {any} */ (this.rows.find((row) => /** @type {any} */ (row.hit)?.time)?.hit);
    return hit !== undefined && dateAndTime(Date.parse(hit.time) || 0)[0] !== dateAndTime(Date.now())[0];
  }

  /**
   * @param {Row} row
   * @param {boolean} current
   */
  atCell(row, current) {
    const cell = current ? row.cells[this.cell] : undefined;
    row.isCurrent = current;
    row.node.removeAttribute("id");
    for (const one of row.cells) {
      one.removeAttribute("id");
      one.classList.toggle("lv-chosen", one === cell);
    }
    if (!current) return;
    const focused = cell ?? row.node;
    focused.id = `${this.id}-now`;
    this.scroller.setAttribute("aria-activedescendant", focused.id);
  }

  measure() {
    const scroll = this.scroll;
    const before = scroll.heightOf(scroll.index);
    const isNew = !scroll.heights?.has(scroll.index);
    const heights = this.rows.map((row) => row.node.offsetHeight);
    heights.forEach((height, n) => scroll.measured(this.from + n, height));
    // A row that was scrolled into from below keeps its lower edge.
    if (isNew && scroll.offset > 0) scroll.offset = Math.max(scroll.offset + scroll.heightOf(scroll.index) - before, 0);
    const height = `${scroll.height}px`;
    if (this.space.style.height !== height) this.space.style.height = height;
    const { index, offset } = scroll;
    const { wanted } = this;
    if (wanted) {
      scroll.show(wanted.index, wanted.align);
      wanted.tries -= 1;
      if (wanted.tries === 0) this.wanted = null;
    }
    if (this.follow) scroll.toEnd();
    else scroll.clamp();
    if (index !== scroll.index || Math.abs(offset - scroll.offset) > 1) {
      this.place();
      this.schedule();
    }
  }

  /** The current row is told once it is there. */
  told() {
    const current = this.current();
    if (!current) return;
    this.announce = false;
    this.tell("select", current);
  }

  scrolled() {
    const scroll = this.scroll;
    const at = this.scroller.scrollTop;
    if (Math.abs(at - scroll.at) < 1) return;
    this.wanted = null;
    const up = at < scroll.at;
    // While rows come in the browser moves the bar, too: only a hand on it is a wish.
    if (this.follow && performance.now() - this.touchedAt > TOUCH_MS) return this.schedule();
    scroll.moved(at);
    if (this.follow && up) this.pause(true);
    else if (this.following && !this.follow && !up && scroll.isAtEnd) this.pause(false);
    if (scroll.isStuck) this.place();
    clearTimeout(this.settling);
    this.settling = window.setTimeout(() => this.settled(), SETTLE_MS);
    this.schedule();
  }

  /** When the scrolling has stopped, the bar shows exactly where the list is. */
  settled() {
    if (Math.abs(this.scroll.ideal - this.scroll.at) < 2) return;
    this.place();
    this.schedule();
  }

  /** @param {string} id of a record to fold or to unfold */
  turn(id) {
    const turned = new Set(this.look.turned);
    if (!turned.delete(id)) turned.add(id);
    this.relook({ turned }, this.varies() !== (turned.size > 0));
    if (this.varies()) this.scroll.heights ??= new Map();
  }
}
