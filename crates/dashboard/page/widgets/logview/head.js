// The head of the list: names of the columns, whose widths are changed by dragging or with the arrow keys.
import { t } from "../../lib/i18n.js";
import { setting } from "../../lib/settings.js";
import { element } from "./row.js";

/** Widths that were chosen, in pixels, by column. */
const widths = setting("view.widths", /** @type {Record<string, number>} */ ({}));

const STANDARD = /** @type {Record<string, number>} */ ({ time: 104, level: 40, host: 90, stream: 90, path: 180 });
const LEAST = 30;
const MOST = 1200;

/**
 * @param {string} column
 * @param {boolean} dates
 */
function widthOf(column, dates) {
  return widths.value[column] ?? (column === "time" && dates ? 190 : STANDARD[column] ?? 110);
}

/** @param {string} column */
function titleOf(column) {
  switch (column) {
    case "time": case "level": case "host": case "stream": case "path": case "line": return t(`view.column.${column}`);
    default: return column;
  }
}

export class Head {
  /** @param {() => void} onChange widths are others now */
  constructor(onChange) {
    this.node = element("lv-head", "row");
    this.node.setAttribute("aria-rowindex", "1");
    this.onChange = onChange;
    this.dates = false;
  }

  /**
   * @param {string[]} columns
   * @param {boolean} dates
   */
  show(columns, dates) {
    this.dates = dates;
    this.node.replaceChildren(...columns.map((column) => {
      const cell = element("lv-cell", "columnheader");
      const name = document.createElement("span");
      name.textContent = titleOf(column);
      cell.append(name);
      if (column !== "line" || column !== columns.at(-1)) cell.append(this.#grip(column));
      return cell;
    }));
  }

  /**
   * The widths as CSS knows them, and what they are together but for what is left.
   * @param {string[]} columns
   */
  template(columns) {
    let sum = 0;
    const parts = columns.map((column, n) => {
      if (column === "line" && n === columns.length - 1) return "minmax(12rem, 1fr)";
      const width = column === "line" ? widths.value.line ?? 480 : widthOf(column, this.dates);
      sum += width;
      return `${width}px`;
    });
    if (columns.at(-1) !== "line") parts.push("minmax(0, 1fr)");
    return { template: parts.join(" "), sum };
  }

  /**
   * @param {string} column
   * @param {number|null} width null: as it was made
   */
  #set(column, width) {
    const { [column]: _, ...rest } = widths.value;
    widths.value = width === null ? rest : { ...rest, [column]: Math.round(Math.min(Math.max(width, LEAST), MOST)) };
    this.onChange();
  }

  /** @param {string} column */
  #grip(column) {
    const grip = element("lv-grip", "separator");
    grip.tabIndex = 0;
    const say = () => grip.setAttribute("aria-valuenow", String(widthOf(column, this.dates)));
    grip.setAttribute("aria-orientation", "vertical");
    grip.setAttribute("aria-label", t("view.resize", { column: titleOf(column) }));
    grip.setAttribute("aria-valuemin", String(LEAST));
    grip.setAttribute("aria-valuemax", String(MOST));
    say();
    grip.addEventListener("pointerdown", (down) => {
      down.preventDefault();
      grip.setPointerCapture(down.pointerId);
      const from = down.clientX;
      const was = grip.parentElement?.offsetWidth ?? widthOf(column, this.dates);
      const move = (/** @type {PointerEvent} */ event) => this.#set(column, was + event.clientX - from);
      grip.addEventListener("pointermove", move);
      grip.addEventListener("lostpointercapture", () => grip.removeEventListener("pointermove", move), { once: true });
    });
    grip.addEventListener("dblclick", () => this.#set(column, null));
    grip.addEventListener("keydown", (event) => {
      const step = event.key === "ArrowLeft" ? -8 : event.key === "ArrowRight" ? 8 : 0;
      if (!step) return;
      event.preventDefault();
      event.stopPropagation();
      this.#set(column, widthOf(column, this.dates) + step);
      say();
    });
    return grip;
  }
}
