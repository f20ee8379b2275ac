// <log-view>: a list of millions of records of which only what is seen exists. Rows are made once and filled again; what
// they show comes from a source (lib/rows.js) that says how many there are and gives the one at an index, or not yet.
//
// Properties: source, columns, wrap, ansi, folded, highlights, selectedId, follow. Events: select, open ({hit, index}),
// fieldaction ({field, value, action, hit}), scrollpaused ({paused}). Methods: focus, move, current, scrollToIndex.
import { effect } from "../lib/ui.js";
import { pattern } from "../lib/highlight.js";
import { t } from "../lib/i18n.js";
import { language, theme } from "../lib/settings.js";
import { style } from "../lib/style.js";
import { zoneName, dateAndTime } from "../lib/time.js";
import { Scroll } from "../lib/scroll.js";
import { Head } from "./logview/head.js";
import { Row, element, forgetZone, shownPart, valueOf } from "./logview/row.js";
import { Tools, fieldOf, targetAt } from "./logview/tools.js";

style("log-view");

/**
 * @typedef {import("../lib/types.js").Hit} Hit
 * @typedef {import("../lib/source.js").RowSource} RowSource
 * @typedef {import("./logview/row.js").Look} Look
 */

const ROW = 20;
/** Rows beyond the view on each side, so that a fast wheel finds them there. */
const OVER = 8;
const SETTLE_MS = 140;
const HOVER_MS = 90;

let views = 0;

export class LogView extends HTMLElement {
  #id = `lv${(views += 1)}`;
  #scroller = element("lv-scroll", "grid");
  #space = element("lv-space", "presentation");
  #layer = element("lv-rows", "rowgroup");
  #head = new Head(() => this.#widths());
  #tools = new Tools(({ field, value }, action) => this.#emit("fieldaction", { field, value, action }));
  #scroll = new Scroll(ROW);
  #rows = /** @type {Row[]} */ ([]);
  /** Index of the first of them. */
  #from = 0;
  #source = /** @type {RowSource|null} */ (null);
  #off = () => {};
  #cleanups = /** @type {(() => void)[]} */ ([]);
  #look = /** @type {Look} */ ({ columns: ["time", "level", "line"], wrap: false, ansi: true, folded: true, dates: false, words: null, turned: new Set(), ground: [255, 255, 255], contrast: 4.5 });
  #lookIsOld = true;
  #highlights = /** @type {import("../lib/highlight.js").Highlight[]} */ ([]);
  #active = -1;
  #cell = -1;
  #selectedId = "";
  #following = false;
  #follow = false;
  #frame = 0;
  #settle = 0;
  #hover = 0;
  #announce = false;
  #chars = 0;
  #top = "";

  connectedCallback() {
    if (!this.#scroller.isConnected) {
      this.#space.append(this.#layer);
      this.#scroller.append(this.#head.node, this.#space);
      this.#scroller.tabIndex = 0;
      this.replaceChildren(this.#scroller, this.#tools.node);
      this.#listen();
    }
    const size = new ResizeObserver(() => this.#resized());
    size.observe(this.#scroller);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const again = () => this.#relook({});
    dark.addEventListener("change", again);
    const stop = effect(() => {
      void [theme.value, language.value, zoneName.value];
      forgetZone();
      this.#scroller.setAttribute("aria-label", this.getAttribute("label") ?? t("view.label"));
      this.#head.show(this.#look.columns, this.#look.dates);
      this.#relook({});
    });
    this.#cleanups.push(stop, () => size.disconnect(), () => dark.removeEventListener("change", again));
    this.#attach();
  }

  disconnectedCallback() {
    for (const run of this.#cleanups.splice(0)) run();
    this.#off();
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
  }

  get source() {
    return this.#source;
  }

  set source(source) {
    if (source === this.#source) return;
    this.#off();
    this.#source = source;
    this.#active = -1;
    this.#follow = this.#following;
    this.#scroll.reset(this.#varies());
    Object.assign(this.#scroll, { index: source?.first ?? 0, offset: 0, at: 0 });
    this.#scroller.scrollTop = 0;
    this.#chars = 0;
    if (this.isConnected) this.#attach();
  }

  #attach() {
    this.#off();
    this.#off = this.#source?.on(() => this.#schedule()) ?? (() => {});
    this.#schedule();
  }

  get columns() {
    return this.#look.columns;
  }

  set columns(columns) {
    if (columns.join() === this.#look.columns.join()) return;
    this.#head.show(columns, this.#look.dates);
    this.#relook({ columns: [...columns] });
    this.#widths();
  }

  get wrap() {
    return this.#look.wrap;
  }

  set wrap(wrap) {
    if (wrap !== this.#look.wrap) this.#relook({ wrap }, true);
  }

  get ansi() {
    return this.#look.ansi;
  }

  set ansi(ansi) {
    if (ansi !== this.#look.ansi) this.#relook({ ansi });
  }

  get folded() {
    return this.#look.folded;
  }

  set folded(folded) {
    if (folded !== this.#look.folded) this.#relook({ folded, turned: new Set() }, true);
  }

  get highlights() {
    return this.#highlights;
  }

  set highlights(highlights) {
    if (JSON.stringify(highlights) === JSON.stringify(this.#highlights)) return;
    this.#highlights = highlights;
    this.#relook({ words: pattern(highlights) });
  }

  get selectedId() {
    return this.#selectedId;
  }

  set selectedId(id) {
    if (id === this.#selectedId) return;
    this.#selectedId = id ?? "";
    this.#schedule();
  }

  /** Whether the newest row is kept in view as rows come in. Scrolling away pauses it. */
  get follow() {
    return this.#follow;
  }

  set follow(follow) {
    this.#following = follow;
    this.#pause(!follow);
    this.#schedule();
  }

  /** Stays where it is until `follow` is set again. */
  pause() {
    this.#pause(true);
  }

  /** @param {FocusOptions} [options] */
  focus(options) {
    this.#scroller.focus({ preventScroll: true, ...options });
  }

  /** The row that the keyboard is at. */
  current() {
    const hit = this.#active < 0 ? undefined : this.#source?.get(this.#active);
    return hit && hit.note === undefined ? { hit, index: this.#active } : null;
  }

  /** The indexes of what is seen: from, and behind the last. */
  visible() {
    return [this.#scroll.index, Math.min(this.#scroll.index + Math.ceil((this.#scroll.view + this.#scroll.offset) / ROW), this.#scroll.end)];
  }

  /**
   * Goes so many rows down, or up.
   * @param {number} rows
   */
  move(rows) {
    if (!this.#scroll.count) return;
    const [from, to] = this.visible();
    const start = this.#active >= 0 ? this.#active + rows : rows > 0 ? from + rows - 1 : to + rows;
    this.#activate(Math.min(Math.max(start, this.#scroll.first), this.#scroll.end - 1), "nearest");
  }

  /**
   * @param {number} index
   * @param {"nearest"|"centre"|"top"} [align]
   */
  scrollToIndex(index, align = "centre") {
    this.#pause(true);
    this.#update();
    this.#scroll.show(index, align);
    this.#place();
    this.#schedule();
  }

  /**
   * Makes a row the current one without telling, as when panes are linked.
   * @param {number} index
   */
  mark(index) {
    this.#active = index;
    this.#schedule();
  }

  /**
   * @param {number} index
   * @param {"nearest"|"centre"} align
   */
  #activate(index, align) {
    this.#active = index;
    this.#announce = true;
    this.scrollToIndex(index, align);
  }

  /** @param {boolean} paused */
  #pause(paused) {
    const follow = this.#following && !paused;
    if (this.#follow === follow) return;
    this.#follow = follow;
    if (follow) this.#active = -1;
    this.#emit("scrollpaused", { paused });
  }

  /**
   * @param {string} name
   * @param {unknown} detail
   */
  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /**
   * @param {Partial<Look>} changes
   * @param {boolean} [reflow] heights are others
   */
  #relook(changes, reflow = false) {
    this.#look = { ...this.#look, ...changes };
    this.#lookIsOld = true;
    if (reflow) this.#scroll.reset(this.#varies());
    this.#schedule();
  }

  #varies() {
    return this.#look.wrap || !this.#look.folded || this.#look.turned.size > 0;
  }

  /** The ground is what the theme says, when its styles are there. */
  #freshLook() {
    this.#lookIsOld = false;
    const [r, g, b] = (getComputedStyle(this).backgroundColor.match(/[\d.]+/g) ?? [255, 255, 255]).map(Number);
    this.#look = { ...this.#look, ground: [r, g, b], contrast: theme.value === "contrast" ? 7 : 4.5 };
    this.classList.toggle("lv-vary", this.#varies());
    this.classList.toggle("lv-wrap", this.#look.wrap);
    this.#widths();
  }

  #widths() {
    const { template, sum } = this.#head.template(this.#look.columns);
    this.style.setProperty("--lv-columns", template);
    const line = this.#look.columns.at(-1) === "line" && !this.#look.wrap ? Math.ceil(this.#chars * 7.6) + 24 : 100;
    this.style.setProperty("--lv-width", `${sum + Math.max(line, 100)}px`);
    if (this.#look.wrap) this.#resized();
  }

  #resized() {
    if (this.#scroll.heights) this.#scroll.reset(true);
    this.#scroll.view = Math.max(this.#scroller.clientHeight - this.#head.node.offsetHeight, 0);
    this.#schedule();
  }

  #schedule() {
    if (!this.#frame && this.isConnected) this.#frame = requestAnimationFrame(() => this.#render());
  }

  /** Takes over what the source has become. */
  #update() {
    const scroll = this.#scroll;
    const first = this.#source?.first ?? 0;
    const count = this.#source?.length ?? 0;
    if (first === scroll.first && count === scroll.count) return false;
    if (scroll.heights && first > scroll.first) for (let i = scroll.first; i < Math.min(first, scroll.first + 5000); i += 1) scroll.forget(i);
    scroll.first = first;
    scroll.count = count;
    this.#space.style.height = `${scroll.height}px`;
    this.#scroller.setAttribute("aria-rowcount", String(count + 1));
    return true;
  }

  /** The bar to where it belongs. */
  #place() {
    this.#space.style.height = `${this.#scroll.height}px`;
    const ideal = this.#scroll.ideal;
    this.#scroll.at = ideal;
    if (Math.abs(this.#scroller.scrollTop - ideal) >= 1) this.#scroller.scrollTop = ideal;
  }

  #render() {
    this.#frame = 0;
    const scroll = this.#scroll;
    if (this.#lookIsOld) this.#freshLook();
    const changed = this.#update();
    if (this.#follow) scroll.toEnd();
    else if (changed) scroll.clamp();
    if (this.#follow || changed) this.#place();
    const over = this.#follow ? 0 : OVER;
    const from = Math.max(scroll.index - over, scroll.first);
    const to = Math.min(scroll.index + Math.ceil((scroll.view + scroll.offset) / ROW) + over, scroll.end);
    this.#source?.ensure(from, to);
    this.#keep(from, Math.max(to - from, 0));
    this.#fill();
    if (scroll.heights) this.#measure();
    let y = scroll.at - scroll.offset;
    for (let i = from; i < scroll.index; i += 1) y -= scroll.heightOf(i);
    const top = `translateY(${y}px)`;
    if (top !== this.#top) this.#layer.style.transform = this.#top = top;
    if (this.#announce) this.#tell();
  }

  /**
   * Rows for a window of the list, in its order, keeping those that stay.
   * @param {number} from
   * @param {number} count
   */
  #keep(from, count) {
    const shift = from - this.#from;
    if (shift > 0 && shift < this.#rows.length) {
      const moved = this.#rows.splice(0, shift);
      this.#rows.push(...moved);
      this.#layer.append(...moved.map((row) => row.node));
    } else if (shift < 0 && -shift < this.#rows.length) {
      const moved = this.#rows.splice(shift);
      this.#rows.unshift(...moved);
      this.#layer.prepend(...moved.map((row) => row.node));
    }
    this.#from = from;
    while (this.#rows.length > count) this.#rows.pop()?.node.remove();
    while (this.#rows.length < count) {
      const row = new Row();
      this.#rows.push(row);
      this.#layer.append(row.node);
    }
  }

  #fill() {
    const source = this.#source;
    if (!source) return;
    const chars = this.#chars;
    this.#rows.forEach((row, n) => {
      const index = this.#from + n;
      const hit = source.get(index);
      row.fill(index, hit, this.#look, index - source.first + 2);
      const current = index === this.#active;
      const selected = hit?.id !== undefined && hit.id === this.#selectedId;
      row.mark(`${current ? "lv-current " : ""}${selected ? "lv-selected" : ""}`.trim());
      this.#atCell(row, current);
      this.#chars = Math.max(this.#chars, Math.min(row.length, 2100));
    });
    if (!this.#look.dates && this.#otherDay()) {
      this.#look = { ...this.#look, dates: true };
      this.#head.show(this.#look.columns, true);
      this.#widths();
      this.#schedule();
    } else if (this.#chars > chars) this.#widths();
  }

  /** Whether a row that is seen is not of today. */
  #otherDay() {
    const hit = /** @type {any} */ (this.#rows.find((row) => /** @type {any} */ (row.hit)?.time)?.hit);
    return hit !== undefined && dateAndTime(Date.parse(hit.time) || 0)[0] !== dateAndTime(Date.now())[0];
  }

  /**
   * @param {Row} row
   * @param {boolean} current
   */
  #atCell(row, current) {
    const wanted = current && this.#cell >= 0 ? row.cells[this.#cell] : undefined;
    const had = row.node.querySelector(".lv-chosen");
    if (had !== (wanted ?? null)) {
      had?.classList.remove("lv-chosen");
      wanted?.classList.add("lv-chosen");
    }
    if (current) {
      const focused = wanted ?? row.node;
      focused.id = `${this.#id}-now`;
      if (wanted) row.node.removeAttribute("id");
      this.#scroller.setAttribute("aria-activedescendant", focused.id);
    } else if (row.node.id) row.node.removeAttribute("id");
    for (const cell of row.cells) if (cell.id && cell !== wanted) cell.removeAttribute("id");
  }

  #measure() {
    const scroll = this.#scroll;
    const before = scroll.heightOf(scroll.index);
    const isNew = !scroll.heights?.has(scroll.index);
    const heights = this.#rows.map((row) => row.node.offsetHeight);
    heights.forEach((height, n) => scroll.measured(this.#from + n, height));
    // A row that was scrolled into from below keeps its lower edge.
    if (isNew && scroll.offset > 0) scroll.offset = Math.max(scroll.offset + scroll.heightOf(scroll.index) - before, 0);
    const height = `${scroll.height}px`;
    if (this.#space.style.height !== height) this.#space.style.height = height;
    const { index, offset } = scroll;
    if (this.#follow) scroll.toEnd();
    else scroll.clamp();
    if (index !== scroll.index || Math.abs(offset - scroll.offset) > 1) {
      this.#place();
      this.#schedule();
    }
  }

  /** The current row is told once it is there. */
  #tell() {
    const current = this.current();
    if (!current) return;
    this.#announce = false;
    this.#emit("select", current);
  }

  #scrolled() {
    const scroll = this.#scroll;
    const at = this.#scroller.scrollTop;
    this.#tools.hide();
    if (Math.abs(at - scroll.at) < 1) return;
    const up = at < scroll.at;
    scroll.moved(at);
    if (this.#follow && up) this.#pause(true);
    else if (this.#following && !this.#follow && !up && scroll.isAtEnd) this.#pause(false);
    if (scroll.isStuck) this.#place();
    clearTimeout(this.#settle);
    this.#settle = window.setTimeout(() => this.#place2(), SETTLE_MS);
    this.#schedule();
  }

  /** When the scrolling has stopped, the bar shows exactly where the list is. */
  #place2() {
    if (Math.abs(this.#scroll.ideal - this.#scroll.at) < 2) return;
    this.#place();
    this.#schedule();
  }

  #listen() {
    const scroller = this.#scroller;
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    scroller.addEventListener("wheel", (event) => event.deltaY < 0 && this.#pause(true), { passive: true });
    scroller.addEventListener("keydown", (event) => this.#key(event));
    this.#layer.addEventListener("click", (event) => this.#clicked(event));
    this.#layer.addEventListener("dblclick", (event) => this.#at(event) && this.current() && this.#emit("open", this.current()));
    this.#layer.addEventListener("pointermove", (event) => this.#hovered(event));
    this.addEventListener("pointerleave", () => {
      clearTimeout(this.#hover);
      this.#tools.hide();
    });
    document.addEventListener("selectionchange", () => {
      const selection = document.getSelection();
      if (this.#follow && selection && !selection.isCollapsed && this.#layer.contains(selection.anchorNode)) this.#pause(true);
    });
    this.addEventListener("copy", (event) => this.#copied(event));
  }

  /**
   * The row and the column under the pointer.
   * @param {Event} event
   */
  #at(event) {
    const target = event.target instanceof Element ? event.target : null;
    const cell = /** @type {HTMLElement|null} */ (target?.closest(".lv-cell") ?? null);
    const row = this.#rows.find(({ node }) => target && node.contains(target));
    const hit = /** @type {any} */ (row?.hit);
    if (!row || !hit || hit.note !== undefined) return null;
    const n = cell ? row.cells.indexOf(cell) : -1;
    return { row, hit: /** @type {Hit} */ (hit), cell, n, column: this.#look.columns[n] ?? "" };
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const at = this.#at(event);
    if (!at || event.button !== 0) return;
    const target = /** @type {Element} */ (event.target);
    this.#pause(true);
    if (target.closest(".lv-fold")) return this.#turn(at.hit.id);
    if (!document.getSelection()?.isCollapsed) return;
    this.#active = at.row.index;
    this.#cell = -1;
    this.#schedule();
    const detail = { hit: at.hit, index: at.row.index };
    this.#emit("select", detail);
    if (target.closest(".lv-open")) this.#emit("open", detail);
  }

  /** @param {string} id of a record to fold or to unfold */
  #turn(id) {
    const turned = new Set(this.#look.turned);
    if (!turned.delete(id)) turned.add(id);
    this.#relook({ turned }, this.#varies() !== (turned.size > 0));
    this.#scroll.heights ??= new Map();
  }

  /** @param {PointerEvent} event */
  #hovered(event) {
    if (event.pointerType === "touch" || this.#follow) return;
    clearTimeout(this.#hover);
    this.#hover = window.setTimeout(() => {
      const at = this.#at(event);
      const target = at?.cell && at.column ? targetAt(event, at.hit, at.cell, at.column) : null;
      if (target && document.getSelection()?.isCollapsed !== false) this.#tools.show(target, this.getBoundingClientRect());
      else this.#tools.hide();
    }, HOVER_MS);
  }

  /**
   * What is copied of several rows is their lines.
   * @param {ClipboardEvent} event
   */
  #copied(event) {
    const selection = document.getSelection();
    const rows = this.#rows.filter(({ node }) => selection?.containsNode(node, true));
    if (rows.length < 2 || !event.clipboardData) return;
    event.preventDefault();
    event.clipboardData.setData("text/plain", rows.map(({ hit }) => /** @type {any} */ (hit)?.line ?? "").join("\n"));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== this.#scroller) return;
    const page = Math.max(Math.floor(this.#scroll.view / ROW) - 1, 1);
    /** @type {Record<string, () => unknown>} */
    const keys = {
      j: () => this.move(1), ArrowDown: () => this.move(1), k: () => this.move(-1), ArrowUp: () => this.move(-1),
      PageDown: () => this.move(page), PageUp: () => this.move(-page),
      Home: () => this.#activate(this.#scroll.first, "nearest"), End: () => this.#activate(this.#scroll.end - 1, "nearest"),
      ArrowRight: () => this.#toCell(1), ArrowLeft: () => this.#toCell(-1),
      Enter: () => this.#open(), o: () => this.#open(),
      "+": () => this.#onCell("+"), "-": () => this.#onCell("-"), c: () => this.#onCell("column"),
      f: () => this.current() && !shownPart(/** @type {any} */ (this.current()).hit, this.#look).single && (this.#turn(/** @type {any} */ (this.current()).hit.id), true),
    };
    const run = keys[event.key];
    if (!run || run() === false) return;
    event.preventDefault();
  }

  #open() {
    const current = this.current();
    if (!current) return false;
    this.#emit("open", current);
    return true;
  }

  /** @param {number} step */
  #toCell(step) {
    if (this.#active < 0) return false;
    this.#cell = Math.min(Math.max(this.#cell + step, -1), this.#look.columns.length - 1);
    this.#schedule();
    return true;
  }

  /** @param {"+"|"-"|"column"} action */
  #onCell(action) {
    const current = this.current();
    const column = this.#look.columns[this.#cell];
    if (!current || !column) return false;
    const selected = String(document.getSelection() ?? "").trim();
    const target = column === "line" ? fieldOf(current.hit, selected || current.hit.line) : { field: column, value: valueOf(current.hit, column) };
    this.#emit("fieldaction", { ...target, action });
    return true;
  }
}

customElements.define("log-view", LogView);
