// What can be done with the value under the pointer: search for it, leave it out, make it a column. One small bar for the
// whole list. In a line the word under the pointer is taken for the field that has it as its value, where there is one.
import { t } from "../../lib/i18n.js";
import { element, valueOf } from "./row.js";

/**
 * @typedef {import("../../lib/types.js").Hit} Hit
 * @typedef {{field: string, value: string, rect: DOMRect}} Target field "" is the text of the line
 * @typedef {"+"|"-"|"exists"|"column"} Action
 */

const WORD = /[\p{L}\p{N}_.:/@%+-]/u;

/**
 * The word of a text at a place.
 * @param {string} text
 * @param {number} at
 * @returns {[number, number]|null}
 */
export function wordAt(text, at) {
  let [start, end] = [at, at];
  while (start > 0 && end - start < 200 && WORD.test(text[start - 1])) start -= 1;
  while (end < text.length && end - start < 200 && WORD.test(text[end])) end += 1;
  while (end > start && /[.,:;/-]/.test(text[end - 1])) end -= 1;
  while (start < end && /[.,:;-]/.test(text[start])) start += 1;
  return end > start ? [start, end] : null;
}

/**
 * The field whose value a word is, or a part of the word behind `=` or `:`.
 * @param {Hit} hit
 * @param {string} word
 * @returns {{field: string, value: string}}
 */
export function fieldOf(hit, word) {
  const tail = word.slice(Math.max(word.lastIndexOf("="), 0)).replace(/^=/, "");
  for (const [field, value] of Object.entries(hit.fields)) {
    const text = String(value);
    if (text === word || text === tail) return { field, value: text };
  }
  return { field: "", value: word };
}

/**
 * @param {number} x
 * @param {number} y
 * @returns {{node: Node, offset: number}|null}
 */
function caretAt(x, y) {
  const from = /** @type {any} */ (document);
  if (from.caretPositionFromPoint) {
    const at = from.caretPositionFromPoint(x, y);
    return at && { node: at.offsetNode, offset: at.offset };
  }
  const range = from.caretRangeFromPoint?.(x, y);
  return range ? { node: range.startContainer, offset: range.startOffset } : null;
}

/**
 * @param {PointerEvent} event
 * @param {Hit} hit
 * @param {HTMLElement} cell
 * @param {string} column
 * @returns {Target|null}
 */
export function targetAt(event, hit, cell, column) {
  if (column !== "line") {
    const value = valueOf(hit, column);
    return value === "" ? null : { field: column, value, rect: cell.getBoundingClientRect() };
  }
  const caret = caretAt(event.clientX, event.clientY);
  if (!caret || !(caret.node instanceof Text) || !cell.contains(caret.node)) return null;
  const word = wordAt(caret.node.data, caret.offset);
  if (!word) return null;
  const range = document.createRange();
  range.setStart(caret.node, word[0]);
  range.setEnd(caret.node, word[1]);
  const rect = range.getBoundingClientRect();
  if (event.clientX < rect.left - 2 || event.clientX > rect.right + 2) return null;
  return { ...fieldOf(hit, caret.node.data.slice(...word)), rect };
}

export class Tools {
  /** @param {(target: Target, action: Action) => void} run */
  constructor(run) {
    this.node = element("lv-tools", "toolbar");
    this.node.hidden = true;
    this.title = document.createElement("span");
    this.node.append(this.title);
    this.buttons = /** @type {[HTMLButtonElement, import("../../lib/i18n.js").Key][]} */ ([]);
    this.target = /** @type {Target|null} */ (null);
    for (const [action, text, key] of /** @type {const} */ ([["+", "+", "view.with"], ["-", "−", "view.without"], ["column", "▥", "view.column"]])) {
      const button = document.createElement("button");
      button.textContent = text;
      button.tabIndex = -1;
      this.buttons.push([button, key]);
      button.addEventListener("click", () => {
        if (this.target) run(this.target, action);
        this.hide();
      });
      this.node.append(button);
    }
  }

  /** Its words, in the language chosen. */
  name() {
    this.node.setAttribute("aria-label", t("view.tools"));
    for (const [button, key] of this.buttons) {
      button.title = t(key);
      button.setAttribute("aria-label", t(key));
    }
  }

  /**
   * @param {Target} target
   * @param {DOMRect} within the list
   */
  show(target, within) {
    this.target = target;
    const value = target.value.length > 40 ? `${target.value.slice(0, 40)}…` : target.value;
    this.title.textContent = target.field ? `${target.field}: ${value}` : value;
    const column = /** @type {HTMLButtonElement} */ (this.node.lastElementChild);
    column.hidden = target.field === "" || /^(time|level|host|stream|path)$/.test(target.field);
    this.node.hidden = false;
    const left = Math.min(Math.max(target.rect.left - within.left, 4), Math.max(within.width - this.node.offsetWidth - 20, 4));
    const above = target.rect.top - within.top - this.node.offsetHeight + 1;
    this.node.style.left = `${left}px`;
    this.node.style.top = `${above < 24 ? target.rect.bottom - within.top - 1 : above}px`;
  }

  hide() {
    this.node.hidden = true;
    this.target = null;
  }
}
