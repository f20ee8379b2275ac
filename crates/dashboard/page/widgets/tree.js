// A value as a tree that opens and closes, with what can be done with each leaf. Of data, nothing but text is made.
import { html, useSignal } from "../lib/ui.js";
import { t } from "../lib/i18n.js";
import { Sign } from "./icons.js";
import { copy } from "./toast.js";

/** @typedef {(field: string, value: string|null, action: "+"|"-"|"exists"|"column"|"facet") => void} Act */

const SHOWN = 100;
const LONG = 400;

/** @param {unknown} value */
const isBranch = (value) => value !== null && typeof value === "object";

/** @param {unknown} value */
export const textOf = (value) => (typeof value === "string" ? value : JSON.stringify(value));

/**
 * @param {{name: string, value: unknown, field: string, act: Act, depth?: number, columns?: string[]}} props field is "" where no search can name it
 */
export function Node({ name, value, field, act, depth = 0, columns = [] }) {
  const open = useSignal(depth < 2);
  const whole = useSignal(false);
  if (isBranch(value)) {
    const entries = Object.entries(/** @type {any} */ (value));
    return html`<li class="branch"><button class="link" aria-expanded=${open.value} onClick=${() => (open.value = !open.value)}><span aria-hidden="true">${open.value ? "▾" : "▸"}</span> <b>${name}</b></button> <small>${Array.isArray(value) ? `[${entries.length}]` : `{${entries.length}}`}</small>
      ${open.value ? html`<ul class="tree">${entries.slice(0, whole.value ? entries.length : SHOWN).map(([key, one]) => html`<${Node} key=${key} name=${key} value=${one} field=${field && !Array.isArray(value) ? `${field}.${key}` : ""} act=${act} depth=${depth + 1} columns=${columns} />`)}
        ${entries.length > SHOWN && !whole.value ? html`<li><button onClick=${() => (whole.value = true)}>${t("more")}</button></li>` : null}</ul>` : null}</li>`;
  }
  const text = textOf(value);
  const cut = text.length > LONG && !whole.value;
  /** @param {KeyboardEvent} event */
  const key = (event) => {
    const action = /** @type {Record<string, any>} */ ({ "+": "+", "-": "-", c: "column" })[event.key];
    if (!action || !field || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act(field, text, action);
  };
  return html`<li class="leaf" data-field=${field} onKeyDown=${key}><span class="leaf-name">${name}</span>
    <span class=${`leaf-value ${typeof value}`} data-level=${field === "level" ? text : null}>${cut ? `${text.slice(0, LONG)}…` : text}${cut ? html` <button class="link" onClick=${() => (whole.value = true)}>${t("explore.all.of", { n: text.length })}</button>` : null}</span>
    <${Acts} field=${field} text=${text} act=${act} columns=${columns} /></li>`;
}

/** @param {{field: string, text: string, act: Act, columns: string[]}} props */
function Acts({ field, text, act, columns }) {
  const words = { field, value: text.slice(0, 80) };
  const isColumn = columns.includes(field);
  return html`<span class="acts">${field ? html`
    <button title=${`${t("explore.filter.for", words)} (+)`} aria-label=${t("explore.filter.for", words)} onClick=${() => act(field, text, "+")}><${Sign} name="plus" /></button>
    <button title=${`${t("explore.filter.out", words)} (-)`} aria-label=${t("explore.filter.out", words)} onClick=${() => act(field, text, "-")}><${Sign} name="minus" /></button>
    <button title=${t("explore.filter.exists", words)} aria-label=${t("explore.filter.exists", words)} onClick=${() => act(field, text, "exists")}><${Sign} name="exists" /></button>
    <button title=${`${t(isColumn ? "explore.column.remove" : "explore.column.add", words)} (c)`} aria-label=${t(isColumn ? "explore.column.remove" : "explore.column.add", words)} aria-pressed=${isColumn} onClick=${() => act(field, text, "column")}><${Sign} name="column" /></button>` : null}
    <button title=${t("copy")} aria-label=${t("explore.copy.value", words)} onClick=${() => copy(text)}><${Sign} name="copy" /></button></span>`;
}
