// One row of the list, made once and filled again and again. Everything that comes from a log becomes text, never markup.
import { parse, readable } from "../../lib/ansi.js";
import { find, segments } from "../../lib/highlight.js";
import { bytes, grouped } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { dateAndTime } from "../../lib/time.js";

/**
 * @typedef {import("../../lib/types.js").Hit} Hit
 * @typedef {import("../../lib/ansi.js").Rgb} Rgb
 * @typedef {object} Look how rows look now; another object whenever any of it changes
 * @property {string[]} columns
 * @property {boolean} wrap
 * @property {boolean} ansi
 * @property {boolean} folded
 * @property {boolean} dates
 * @property {ReturnType<typeof import("../../lib/highlight.js").pattern>} words
 * @property {Set<string>} turned ids of records that are folded otherwise than the rest
 * @property {Rgb} ground
 * @property {number} contrast
 */

/** More of a line than this is behind "open". */
const CUT = 2000;
const CUT_UNFOLDED = 20_000;
const LINES_UNFOLDED = 200;

/** @type {Record<string, string>} */
const LEVELS = { fatal: "FTL", error: "ERR", warn: "WRN", info: "INF", debug: "DBG", trace: "TRC" };

/**
 * @param {string} kind
 * @param {string} role
 */
export function element(kind, role) {
  const node = document.createElement("div");
  node.className = kind;
  node.setAttribute("role", role);
  return node;
}

let cachedSecond = NaN;
let cachedParts = /** @type {[string, string]} */ (["", ""]);

/** What was remembered of the zone is forgotten. */
export function forgetZone() {
  cachedSecond = NaN;
}

/**
 * A moment in the zone chosen; the date and the time of day.
 * @param {string} time
 * @returns {[string, string]}
 */
export function shownTime(time) {
  const ms = Date.parse(time);
  if (Number.isNaN(ms)) return ["", time];
  const second = Math.floor(ms / 1000);
  if (second !== cachedSecond) {
    cachedSecond = second;
    cachedParts = dateAndTime(second * 1000);
  }
  return [cachedParts[0], `${cachedParts[1]}.${String(ms - second * 1000).padStart(3, "0")}`];
}

/**
 * The text of a column. A record has its own time, level, host, stream, path and line; every other name is a field.
 * @param {Hit} hit
 * @param {string} column
 */
export function valueOf(hit, column) {
  switch (column) {
    case "time": case "level": case "host": case "stream": case "path": case "line": return hit[column];
    default: {
      const value = hit.fields[column];
      return value === undefined ? "" : String(value);
    }
  }
}

/**
 * Whether only the first line of a record is shown.
 * @param {Hit} hit
 * @param {Look} look
 */
function isFolded(hit, look) {
  return look.folded !== look.turned.has(hit.id);
}

/**
 * The part of a line that the list shows, and what the rest is.
 * @param {Hit} hit
 * @param {Look} look
 */
export function shownPart(hit, look) {
  const { line } = hit;
  const end = line.indexOf("\n");
  const single = end < 0;
  const folded = !single && isFolded(hit, look);
  let part = folded ? line.slice(0, end) : line;
  if (!single && !folded) {
    let at = -1;
    for (let n = 0; n < LINES_UNFOLDED; n += 1) {
      at = line.indexOf("\n", at + 1);
      if (at < 0) break;
    }
    if (at >= 0) part = line.slice(0, at);
  }
  const cut = single || folded ? CUT : CUT_UNFOLDED;
  const isCut = part.length > cut || (!folded && part.length < line.length);
  if (part.length > cut) part = part.slice(0, cut);
  return { part, folded, single, isCut };
}

/** @param {string} text */
function newlines(text) {
  let count = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) count += 1;
  return count;
}

/** @param {number} count */
function moreLines(count) {
  return count === 1 ? t("view.line") : t("view.lines", { n: grouped(count) });
}

/**
 * @param {string} kind
 * @param {string} text
 */
function button(kind, text) {
  const node = document.createElement("button");
  node.className = kind;
  node.tabIndex = -1;
  node.textContent = text;
  return node;
}

const readables = /** @type {Map<string, string>} */ (new Map());

/**
 * @param {Rgb} rgb
 * @param {Rgb} ground
 * @param {number} wanted
 */
function colourOn(rgb, ground, wanted) {
  const key = `${rgb}/${ground}/${wanted}`;
  let found = readables.get(key);
  if (!found) {
    found = `rgb(${readable(rgb, ground, wanted).join(" ")})`;
    if (readables.size > 5000) readables.clear();
    readables.set(key, found);
  }
  return found;
}

/**
 * @param {import("../../lib/highlight.js").Segment} segment
 * @param {Look} look
 */
function piece({ text, span, colour }, look) {
  if (!span && !colour) return document.createTextNode(text);
  const node = document.createElement(colour ? "mark" : "span");
  node.textContent = text;
  const kinds = colour ? [`hl-${colour}`] : [];
  if (span?.control) kinds.push("lv-control");
  const style = span?.style;
  if (style) {
    for (const name of /** @type {const} */ (["bold", "dim", "italic", "underline", "strike"])) if (style[name]) kinds.push(`lv-${name}`);
    const ground = (style.inverse ? style.fg : style.bg) ?? (style.inverse ? /** @type {Rgb} */ (look.ground.map((v) => 255 - v)) : null);
    const ink = (style.inverse ? style.bg ?? look.ground : style.fg) ?? (ground ? look.ground : null);
    if (!colour && ground) node.style.backgroundColor = `rgb(${ground.join(" ")})`;
    if (!colour && ink) node.style.color = colourOn(ink, ground ?? look.ground, look.contrast);
  }
  node.className = kinds.join(" ");
  return node;
}

/**
 * Sets a cell to plain text, with as little work as can be.
 * @param {HTMLElement} cell
 * @param {string} text
 */
function setText(cell, text) {
  const only = cell.firstChild;
  if (only instanceof Text && !only.nextSibling) {
    if (only.data !== text) only.data = text;
  } else cell.replaceChildren(document.createTextNode(text));
}

/**
 * @param {HTMLElement} cell
 * @param {Hit} hit
 * @param {Look} look
 */
function setLine(cell, hit, look) {
  const { part, folded, single, isCut } = shownPart(hit, look);
  const { text, spans } = parse(part, look.ansi);
  const marks = look.words ? find(text, look.words) : [];
  if (spans.length === 0 && marks.length === 0 && single && !isCut) {
    setText(cell, text);
    return text.length;
  }
  const nodes = /** @type {Node[]} */ (segments(text, spans, marks).map((segment) => piece(segment, look)));
  if (isCut) nodes.push(button("lv-more lv-open", t("view.cut", { size: bytes(hit.line.length) })));
  if (!single) nodes.push(button("lv-more lv-fold", folded ? moreLines(newlines(hit.line)) : t("view.fold")));
  cell.replaceChildren(...nodes);
  return text.length + nodes.length * 12;
}

/** A row and what is in it. */
export class Row {
  constructor() {
    this.node = element("lv-row", "row");
    this.cells = /** @type {HTMLElement[]} */ ([]);
    this.index = -1;
    this.hit = /** @type {unknown} */ (null);
    this.look = /** @type {Look|null} */ (null);
    this.kind = "";
    this.columns = /** @type {string[]|null} */ (null);
    this.length = 0;
    this.isCurrent = false;
  }

  /** @param {string[]} columns */
  #shape(columns) {
    this.columns = columns;
    this.cells = columns.map((column) => element(column === "line" ? "lv-cell lv-line" : `lv-cell lv-${/^(time|level|host|stream|path)$/.test(column) ? column : "field"}`, "gridcell"));
    this.node.replaceChildren(...this.cells);
  }

  /**
   * @param {number} index
   * @param {any} hit a hit, a note (`{note}`), or undefined while it is loading
   * @param {Look} look
   * @param {number} number of the row, from 2 on; the head is row 1
   */
  fill(index, hit, look, number) {
    if (this.index !== index) {
      this.index = index;
      this.node.setAttribute("aria-rowindex", String(number));
    }
    if (this.hit === hit && this.look === look && hit !== undefined) return false;
    this.hit = hit;
    this.look = look;
    if (hit?.note !== undefined) return this.#note(hit.note);
    if (this.columns !== look.columns) this.#shape(look.columns);
    if (hit === undefined) {
      for (const cell of this.cells) setText(cell, "");
      return true;
    }
    look.columns.forEach((column, n) => {
      const cell = this.cells[n];
      if (column === "line") this.length = setLine(cell, hit, look);
      else if (column === "time") {
        const [date, time] = shownTime(hit.time);
        setText(cell, look.dates ? `${date} ${time}` : time);
      } else if (column === "level") setText(cell, LEVELS[hit.level] ?? "–");
      else setText(cell, parse(valueOf(hit, column).slice(0, CUT), false).text);
    });
    return true;
  }

  /** @param {string} text */
  #note(text) {
    this.columns = null;
    this.cells = [element("lv-cell lv-note-text", "gridcell")];
    this.cells[0].textContent = text;
    this.node.replaceChildren(...this.cells);
    return true;
  }

  /** @param {string} state further classes */
  mark(state) {
    const hit = /** @type {any} */ (this.hit);
    const kind = hit === undefined ? "lv-row lv-pending" : hit.note !== undefined ? "lv-row lv-note" : `lv-row level-${hit.level}`;
    const whole = state ? `${kind} ${state}` : kind;
    if (whole === this.kind) return;
    this.kind = whole;
    this.node.className = whole;
    this.node.setAttribute("aria-selected", String(state.includes("lv-selected")));
  }
}
