// The list of records: <log-view> with what the address says of it, and what can be chosen about it.
import { html, useEffect, useRef, useSignal } from "../../lib/ui.js";
import { useAsk } from "../../lib/ask.js";
import { t } from "../../lib/i18n.js";
import { Menu } from "../../widgets/menu.js";
import "../../widgets/log-view.js";
import { FIXED, knownFields } from "./known.js";
import { COLUMNS, act, ansi, columns, common, folded, highlighted, openId, openLine, q, question, set, setColumns, setHighlights, tab, toggleColumn, wrap } from "./state.js";
import { words } from "./terms.js";

/** The list that is shown, for the keys. */
export const view = { current: /** @type {any} */ (null) };

const COLOURS = [2, 3, 4, 5, 6, 1];

/** Words of the query and those chosen, each in its colour. */
export function highlights() {
  const chosen = highlighted.value.map((text, n) => ({ text, colour: COLOURS[n % 6] }));
  const seen = new Set(highlighted.value);
  return [...chosen, ...words(q.value).filter((text) => !seen.has(text)).map((text) => ({ text, colour: 1 }))];
}

/** @param {{rows: import("./rows.js").RowsState}} props */
export function List({ rows }) {
  const ref = useRef(/** @type {any} */ (null));
  const table = tab.value === "table";
  useEffect(() => {
    if (table) knownFields().then(({ fields }) => (common.value = fields.filter((one) => one.column && !/^(ts|time|level|stream|host|path|stack|exception)$/.test(one.name)).slice(0, 7).map((one) => one.name)), () => {});
  }, [table, question.value]);
  useEffect(() => {
    view.current = ref.current;
    return () => void (view.current = null);
  }, []);
  useEffect(() => {
    const list = ref.current;
    list.columns = columns.value;
    list.wrap = wrap.value;
    list.ansi = ansi.value;
    list.folded = folded.value;
    list.highlights = highlights();
    list.selectedId = openId.value;
    if (rows.source) list.source = rows.source;
  }, [rows.source, columns.value, wrap.value, ansi.value, folded.value, highlighted.value, q.value, openId.value]);
  return html`<log-view ref=${ref} class=${`${rows.old ? "old" : ""} ${table ? "lv-grid" : ""}`}
    onselect=${(/** @type {CustomEvent} */ event) => openId.peek() && event.detail?.hit && openLine(event.detail.hit.id)}
    onopen=${(/** @type {CustomEvent} */ event) => openLine(event.detail.hit.id)}
    onfieldaction=${(/** @type {CustomEvent} */ event) => act(event.detail.field, event.detail.value, event.detail.action)}></log-view>`;
}

/** Which columns, in which order. */
function Columns() {
  const match = useSignal("");
  const { data } = useAsk(knownFields, [question.value]);
  const now = columns.value;
    const all = [...new Set([...now, ...FIXED, "line", ...(data?.fields ?? []).map((one) => one.name)])];
  const move = (/** @type {string} */ name, /** @type {number} */ step) => {
    const next = now.filter((one) => one !== name);
    next.splice(Math.min(Math.max(now.indexOf(name) + step, 0), next.length), 0, name);
    setColumns(next);
  };
  return html`<input type="search" class="wide" aria-label=${t("explore.fields.search")} placeholder=${t("explore.fields.search")} value=${match.value} onInput=${(/** @type {any} */ event) => (match.value = event.target.value)} />
    <ul class="columns">${all.filter((name) => name.toLowerCase().includes(match.value.toLowerCase())).slice(0, 100).map((name) => html`<li key=${name}><label><input type="checkbox" checked=${now.includes(name)} onChange=${() => toggleColumn(name)} />${name}</label>
      ${now.includes(name) ? html`<span><button class="quiet tiny" aria-label=${t("explore.column.left", { field: name })} disabled=${now[0] === name} onClick=${() => move(name, -1)}>↑</button><button class="quiet tiny" aria-label=${t("explore.column.right", { field: name })} disabled=${now[now.length - 1] === name} onClick=${() => move(name, 1)}>↓</button></span>` : null}</li>`)}</ul>
    <button class="quiet" onClick=${() => setColumns(tab.value === "table" ? ["time", "level", "stream", ...common.value] : COLUMNS)}>${t("explore.columns.reset")}</button>`;
}

/** Words in colours. */
function Highlights() {
  const text = useSignal("");
  const add = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (text.value.trim()) setHighlights([...new Set([...highlighted.value, text.value.trim()])]);
    text.value = "";
  };
  return html`<form class="row" onSubmit=${add}><input class="grow" aria-label=${t("explore.highlight.add")} placeholder=${t("explore.highlight.add")} value=${text.value} onInput=${(/** @type {any} */ event) => (text.value = event.target.value)} /><button type="submit">${t("explore.add")}</button></form>
    <ul class="columns">${highlighted.value.map((one, n) => html`<li key=${one}><mark class=${`hl-${COLOURS[n % 6]}`}>${one}</mark><button class="quiet tiny" aria-label=${t("explore.highlight.remove", { text: one })} onClick=${() => setHighlights(highlighted.value.filter((other) => other !== one))}>✕</button></li>`)}</ul>
    <p class="soft small">${t("explore.highlight.note")}</p>`;
}

/** @param {{label: string, on: boolean, keys?: string, change: () => void}} props */
function Toggle({ label, on, keys, change }) {
  return html`<button class="quiet" aria-pressed=${on} title=${keys ? `${label} (${keys})` : label} onClick=${change}>${label}</button>`;
}

/** What can be chosen about the list. */
export function ListTools() {
  return html`<div class="row list-tools" role="toolbar" aria-label=${t("explore.view")}>
    <${Menu} class="right" label=${t("explore.columns")}><${Columns} /><//>
    <${Menu} class="right" label=${html`${t("explore.highlights")}${highlighted.value.length ? html` <b>${highlighted.value.length}</b>` : null}`}><${Highlights} /><//>
    <${Toggle} label=${t("explore.wrap")} keys="w" on=${wrap.value} change=${() => set({ wrap: !wrap.value }, { replace: true })} />
    <${Toggle} label=${t("explore.fold")} on=${folded.value} change=${() => set({ fold: folded.value ? "0" : null }, { replace: true })} />
    <${Toggle} label="ANSI" on=${ansi.value} change=${() => set({ ansi: ansi.value ? "0" : null }, { replace: true })} />
  </div>`;
}
