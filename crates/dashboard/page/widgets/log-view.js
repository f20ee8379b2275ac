// <log-view>: a list of millions of records of which only what is seen exists. Rows are made once and filled again; what
// they show comes from a source (lib/rows.js) that says how many there are and gives the one at an index, or not yet.
//
// Properties: source, columns, wrap, ansi, folded, highlights, selectedId, follow. Events: select, open ({hit, index}),
// fieldaction ({field, value, action, hit}), scrollpaused ({paused}). Methods: focus, move, current, scrollToIndex.
import { effect, untracked } from "../lib/ui.js";
import { pattern } from "../lib/highlight.js";
import { t } from "../lib/i18n.js";
import { language, look } from "../lib/settings.js";
import { style } from "../lib/style.js";
import { zoneName } from "../lib/time.js";
import { List } from "./logview/list.js";
import { forgetZone, shownPart, valueOf } from "./logview/row.js";
import { Tools, fieldOf, targetAt } from "./logview/tools.js";

style("log-view");

/** @typedef {import("../lib/types.js").Hit} Hit */

const HOVER_MS = 90;
const HELD_MS = 5000;

export class LogView extends HTMLElement {
  #list = new List(this, (name, detail) => this.#emit(name, detail));
  #tools = new Tools((target, action) => this.#emit("fieldaction", { field: target.field, value: target.value, action }));
  #cleanups = /** @type {(() => void)[]} */ ([]);
  #highlights = /** @type {import("../lib/highlight.js").Highlight[]} */ ([]);
  #hover = 0;

  connectedCallback() {
    const list = this.#list;
    if (!list.scroller.isConnected) {
      this.replaceChildren(list.scroller, this.#tools.node);
      this.#listen();
    }
    const size = new ResizeObserver(() => list.resized());
    size.observe(list.scroller);
    const stop = effect(() => {
      void [look.value, language.value, zoneName.value];
      untracked(() => {
        forgetZone();
        list.scroller.setAttribute("aria-label", this.getAttribute("label") ?? t("view.label"));
        list.showHead();
        this.#tools.name();
        list.relook({});
      });
    });
    const selection = () => this.#selection();
    document.addEventListener("selectionchange", selection);
    this.#cleanups.push(stop, () => size.disconnect(), () => document.removeEventListener("selectionchange", selection));
    list.attach();
  }

  disconnectedCallback() {
    for (const run of this.#cleanups.splice(0)) run();
    window.clearTimeout(this.#hover);
    this.#list.detach();
  }

  get source() {
    return this.#list.source;
  }

  set source(source) {
    if (source !== this.#list.source) this.#list.show(source);
  }

  get columns() {
    return this.#list.look.columns;
  }

  set columns(columns) {
    if (columns.join() === this.#list.look.columns.join()) return;
    this.#list.relook({ columns: [...columns] }, true);
    this.#list.showHead();
  }

  get wrap() {
    return this.#list.look.wrap;
  }

  set wrap(wrap) {
    if (wrap !== this.#list.look.wrap) this.#list.relook({ wrap }, true);
  }

  get ansi() {
    return this.#list.look.ansi;
  }

  set ansi(ansi) {
    if (ansi !== this.#list.look.ansi) this.#list.relook({ ansi });
  }

  get folded() {
    return this.#list.look.folded;
  }

  set folded(folded) {
    if (folded !== this.#list.look.folded) this.#list.relook({ folded, turned: new Set() }, true);
  }

  get highlights() {
    return this.#highlights;
  }

  set highlights(highlights) {
    if (JSON.stringify(highlights) === JSON.stringify(this.#highlights)) return;
    this.#highlights = highlights;
    this.#list.relook({ words: pattern(highlights) });
  }

  get selectedId() {
    return this.#list.selectedId;
  }

  set selectedId(id) {
    if (id === this.#list.selectedId) return;
    this.#list.selectedId = id ?? "";
    this.#list.schedule();
  }

  /** Whether the newest row is kept in view as rows come in. Scrolling away pauses it. */
  get follow() {
    return this.#list.follow;
  }

  set follow(follow) {
    this.#list.following = follow;
    this.#list.pause(!follow);
    this.#list.schedule();
  }

  /** Stays where it is until `follow` is set again. */
  pause() {
    this.#list.pause(true);
  }

  /** @param {FocusOptions} [options] */
  focus(options) {
    this.#list.scroller.focus({ preventScroll: true, ...options });
  }

  /** The row that the keyboard is at. */
  current() {
    return this.#list.current();
  }

  /** The indexes of what is seen: from, and behind the last. */
  visible() {
    return this.#list.visible();
  }

  /**
   * Goes so many rows down, or up.
   * @param {number} rows
   */
  move(rows) {
    if (!this.#list.scroll.count) return;
    const [from, to] = this.#list.visible();
    const start = this.#list.active >= 0 ? this.#list.active + rows : rows > 0 ? from + rows - 1 : to + rows;
    this.#activate(Math.min(Math.max(start, this.#list.scroll.first), this.#list.scroll.end - 1), "nearest");
  }

  /**
   * @param {number} index
   * @param {"nearest"|"centre"|"top"} [align]
   */
  scrollToIndex(index, align = "centre") {
    this.#list.reveal(index, align);
  }

  /**
   * Makes a row the current one without telling, as when panes are linked.
   * @param {number} index
   */
  mark(index) {
    this.#list.active = index;
    this.#list.schedule();
  }

  /**
   * @param {number} index
   * @param {"nearest"|"centre"} align
   */
  #activate(index, align) {
    this.#list.active = index;
    this.#list.announce = true;
    this.#list.reveal(index, align);
  }

  /**
   * @param {string} name
   * @param {unknown} detail
   */
  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  #listen() {
    const list = this.#list;
    const { scroller } = list;
    scroller.addEventListener("scroll", () => {
      this.#tools.hide();
      list.scrolled();
    }, { passive: true });
    const touched = () => void (list.touchedAt = performance.now());
    for (const name of ["wheel", "touchmove", "keydown"]) scroller.addEventListener(name, touched, { passive: true });
    // Of a bar that is dragged only the begin is told.
    scroller.addEventListener("pointerdown", () => void (list.touchedAt = performance.now() + HELD_MS), { passive: true });
    scroller.addEventListener("pointermove", (event) => event.buttons && touched(), { passive: true });
    scroller.addEventListener("wheel", (event) => event.deltaY < 0 && list.pause(true), { passive: true });
    scroller.addEventListener("keydown", (event) => this.#key(event));
    list.layer.addEventListener("click", (event) => this.#clicked(event));
    list.layer.addEventListener("dblclick", (event) => this.#at(event) && this.current() && this.#emit("open", this.current()));
    list.layer.addEventListener("pointermove", (event) => this.#hovered(event));
    this.addEventListener("pointerleave", () => {
      clearTimeout(this.#hover);
      this.#tools.hide();
    });
    this.addEventListener("copy", (event) => this.#copied(event));
  }

  /** Whoever marks text wants it to stay. */
  #selection() {
    const selection = document.getSelection();
    if (this.#list.follow && selection && !selection.isCollapsed && this.#list.layer.contains(selection.anchorNode)) this.#list.pause(true);
  }

  /**
   * The row and the column under the pointer.
   * @param {Event} event
   */
  #at(event) {
    const target = event.target instanceof Element ? event.target : null;
    const cell = /** @type {HTMLElement|null} */ (target?.closest(".lv-cell") ?? null);
    const row = this.#list.rows.find(({ node }) => target && node.contains(target));
    const hit = /** @type {any} */ (row?.hit);
    if (!row || !hit || hit.note !== undefined) return null;
    const n = cell ? row.cells.indexOf(cell) : -1;
    return { row, hit: /** @type {Hit} */ (hit), cell, n, column: this.#list.look.columns[n] ?? "" };
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const at = this.#at(event);
    if (!at || event.button !== 0) return;
    const target = /** @type {Element} */ (event.target);
    this.#list.pause(true);
    if (target.closest(".lv-fold")) return this.#list.turn(at.hit.id);
    if (!document.getSelection()?.isCollapsed) return;
    this.#list.active = at.row.index;
    this.#list.cell = -1;
    this.#list.schedule();
    const detail = { hit: at.hit, index: at.row.index };
    this.#emit("select", detail);
    if (target.closest(".lv-open")) this.#emit("open", detail);
  }

  /** @param {PointerEvent} event */
  #hovered(event) {
    if (event.pointerType === "touch" || this.#list.follow) return;
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
    const rows = this.#list.rows.filter(({ node }) => selection?.containsNode(node, true));
    if (rows.length < 2 || !event.clipboardData) return;
    event.preventDefault();
    event.clipboardData.setData("text/plain", rows.map(({ hit }) => /** @type {any} */ (hit)?.line ?? "").join("\n"));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== this.#list.scroller) return;
    const page = Math.max(Math.floor(this.#list.scroll.view / this.#list.scroll.row) - 1, 1);
    /** @type {Record<string, () => unknown>} */
    const keys = {
      j: () => this.move(1), ArrowDown: () => this.move(1), k: () => this.move(-1), ArrowUp: () => this.move(-1),
      PageDown: () => this.move(page), PageUp: () => this.move(-page),
      Home: () => this.#activate(this.#list.scroll.first, "nearest"), End: () => this.#activate(this.#list.scroll.end - 1, "nearest"),
      ArrowRight: () => this.#toCell(1), ArrowLeft: () => this.#toCell(-1),
      Enter: () => this.#open(), o: () => this.#open(),
      "+": () => this.#onCell("+"), "-": () => this.#onCell("-"), c: () => this.#onCell("column"),
      f: () => this.#fold(),
    };
    const run = keys[event.key];
    if (!run || run() === false) return;
    event.preventDefault();
  }

  #fold() {
    const hit = this.current()?.hit;
    if (!hit || shownPart(hit, this.#list.look).single) return false;
    this.#list.turn(hit.id);
    return true;
  }

  #open() {
    const current = this.current();
    if (!current) return false;
    this.#emit("open", current);
    return true;
  }

  /** @param {number} step */
  #toCell(step) {
    if (this.#list.active < 0) return false;
    this.#list.cell = Math.min(Math.max(this.#list.cell + step, -1), this.#list.look.columns.length - 1);
    this.#list.schedule();
    return true;
  }

  /** @param {"+"|"-"|"column"} action */
  #onCell(action) {
    const current = this.current();
    const column = this.#list.look.columns[this.#list.cell];
    if (!current || !column) return false;
    const selected = String(document.getSelection() ?? "").trim();
    const target = column === "line" ? fieldOf(current.hit, selected || current.hit.line) : { field: column, value: valueOf(current.hit, column) };
    this.#emit("fieldaction", { ...target, action });
    return true;
  }
}

customElements.define("log-view", LogView);
