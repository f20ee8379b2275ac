// One record: its fields as a tree, its bytes, its surroundings in its file, and the way it has come.
import { html, useEffect, useRef, useSignal } from "../lib/ui.js";
import { get, request } from "../lib/api.js";
import { useAsk } from "../lib/ask.js";
import { bytes, grouped } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { moment } from "../lib/time.js";
import { Sign } from "./icons.js";
import { Node } from "./tree.js";
import { ErrorState, Loading } from "./states.js";
import { copy } from "./toast.js";

/** @typedef {import("../lib/types.js").Hit} Hit */

export const DETAIL_TABS = /** @type {const} */ (["fields", "raw", "context", "where"]);
const RECORD = /** @type {const} */ (["time", "level", "stream", "host", "path"]);
/** Names that mean the record, though a line has a field of that name: a query cannot ask for the latter. */
const TAKEN = new Set(["time", "stream", "host", "file", "source", "generation", "offset", "id", "format", "mark"]);
/** @param {string} name of a field of the line */
const asked = (name) => (TAKEN.has(name) ? "" : name);
const HEX_MAX = 64 * 1024;
/** A browser takes seconds to lay out a line of a MiB. */
const TEXT_MAX = 32 * 1024;

/**
 * The line as what it holds, where it is JSON.
 * @param {string} line
 */
export function jsonOf(line) {
  const from = line.indexOf("{");
  if (from < 0 || line.length > 1 << 20) return null;
  try {
    return JSON.parse(line.slice(from, line.lastIndexOf("}") + 1));
  } catch {
    return null;
  }
}

/**
 * Sixteen bytes a row: where, in hexadecimal, as text.
 * @param {Uint8Array} data
 */
export function hexRows(data) {
  const rows = [];
  for (let at = 0; at < data.length; at += 16) {
    const part = [...data.subarray(at, at + 16)];
    const hex = part.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    rows.push(`${at.toString(16).padStart(6, "0")}  ${hex.padEnd(47)}  ${part.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : "·")).join("")}`);
  }
  return rows;
}

/** @param {{hit: Hit, act: import("./tree.js").Act, columns: string[]}} props */
export function Fields({ hit, act, columns }) {
  const json = jsonOf(hit.line);
  const own = /** @type {Record<string, any>} */ (hit);
  const [source, generation, offset] = hit.id.split(".");
  return html`<section><h3>${t("detail.record")}</h3><ul class="tree">
      ${RECORD.map((name) => html`<${Node} key=${name} name=${name} value=${own[name]} field=${name === "path" ? "file" : name} act=${act} columns=${columns} />`)}
      ${[["source", source], ["generation", generation], ["offset", offset]].map(([name, value]) => html`<${Node} key=${name} name=${name} value=${value} field=${name} act=${act} columns=${columns} />`)}
      ${hit.marks?.length ? html`<${Node} name="mark" value=${hit.marks.join(", ")} field="" act=${act} />` : null}</ul></section>
    <section><h3>${t("detail.fields")} <small>${Object.keys(hit.fields).length}</small></h3>
      <ul class="tree">${Object.entries(hit.fields).map(([name, value]) => html`<${Node} key=${name} name=${name} value=${value} field=${asked(name)} act=${act} columns=${columns} />`)}</ul>
      ${Object.keys(hit.fields).length === 0 ? html`<p class="soft">${t("detail.no.fields")}</p>` : null}</section>
    <section><h3>${t("detail.line")}</h3><pre class="line-text">${hit.line.slice(0, TEXT_MAX)}</pre>${hit.line.length > TEXT_MAX ? html`<p class="soft">${t("detail.hex.cut", { size: bytes(TEXT_MAX) })}</p>` : null}</section>
    ${json && typeof json === "object" ? html`<section><h3>JSON</h3><ul class="tree">${Object.entries(json).map(([name, value]) => html`<${Node} key=${name} name=${name} value=${value} field=${asked(name)} act=${act} columns=${columns} />`)}</ul></section>` : null}`;
}

/** @param {{hit: Hit}} props */
export function Raw({ hit }) {
  const hex = useSignal(hit.line_base64 !== undefined && hit.line_base64 !== null);
  const { data, error, again } = useAsk(async (signal) => new Uint8Array(await (await request(`line/${hit.id}`, {}, { signal, accept: "application/octet-stream" })).arrayBuffer()), [hit.id]);
  if (error) return html`<${ErrorState} error=${error} retry=${again} />`;
  if (!data) return html`<${Loading} />`;
  const text = new TextDecoder("utf-8").decode(data);
  const most = hex.value ? HEX_MAX : TEXT_MAX;
  return html`<section><div class="row"><span class="soft">${t("detail.bytes", { n: grouped(data.length) })}${hit.line_base64 ? html` · <span class="warn">${t("detail.not.utf8")}</span>` : null}</span><span class="grow"></span>
      <button aria-pressed=${!hex.value} onClick=${() => (hex.value = false)}>${t("detail.text")}</button><button aria-pressed=${hex.value} onClick=${() => (hex.value = true)}>${t("detail.hex")}</button>
      <a class="button" href=${`/api/v1/line/${hit.id}`} download=${`${hit.id}.log`}>${t("detail.save")}</a></div>
    <pre class=${hex.value ? "hex" : "line-text"} tabindex="0">${hex.value ? hexRows(data.subarray(0, HEX_MAX)).join("\n") : text.slice(0, TEXT_MAX)}</pre>
    ${data.length > most ? html`<p class="soft">${t("detail.hex.cut", { size: bytes(most) })}</p>` : null}</section>`;
}

/**
 * The record with an id, though it is in no list.
 * @param {string} id
 * @param {Hit|undefined} known
 */
function useRecord(id, known) {
  return useAsk(async (signal) => {
    if (known?.id === id) return known;
    const { hits, anchor } = await get("context", { id, before: 0, after: 0 }, { signal });
    return anchor === null || anchor === undefined ? null : /** @type {Hit} */ (hits[anchor]);
  }, [id]);
}

/**
 * @param {{id: string, known?: Hit, tab: string, setTab: (tab: string) => void, act: import("./tree.js").Act, columns: string[], older: () => void, newer: () => void, onClose: () => void, link: (hit: Hit|null) => string, tabs: Record<string, any>}} props tabs are components of {hit}
 */
export function Detail({ id, known, tab, setTab, act, columns, older, newer, onClose, link, tabs }) {
  const ref = useRef(/** @type {HTMLElement|null} */ (null));
  const { data, error, loading, again } = useRecord(id, known);
  const hit = known?.id === id ? known : data?.id === id ? data : null;
  useEffect(() => {
    ref.current?.querySelector(".detail-body")?.scrollTo(0, 0);
  }, [id]);
  const shown = DETAIL_TABS.find((name) => name === tab) ?? "fields";
  const Body = shown === "fields" ? null : shown === "raw" ? Raw : tabs[shown];
  /** @param {KeyboardEvent} event */
  const tabKey = (event) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!step) return;
    event.preventDefault();
    const next = DETAIL_TABS[(DETAIL_TABS.indexOf(shown) + step + DETAIL_TABS.length) % DETAIL_TABS.length];
    setTab(next);
    ref.current?.querySelector(/** @type {any} */ (`#detail-tab-${next}`))?.focus();
  };
  return html`<aside class="detail" ref=${ref} aria-label=${t("detail.label")}>
    <div class="detail-head"><div class="row"><strong class="detail-title">${hit ? html`<span class="level-mark" data-level=${hit.level}>${hit.level}</span> ${moment(hit.time, true)}` : t("detail.label")}</strong><span class="grow"></span>
      <button class="quiet" title=${`${t("detail.newer")} (])`} aria-label=${t("detail.newer")} onClick=${newer}><${Sign} name="up" /></button><button class="quiet" title=${`${t("detail.older")} ([)`} aria-label=${t("detail.older")} onClick=${older}><${Sign} name="down" /></button>
      <button class="quiet" title=${`${t("detail.link")} (y)`} aria-label=${t("detail.link")} onClick=${() => copy(link(hit))}><${Sign} name="link" /></button>
      <button class="quiet" aria-label=${t("close")} title=${`${t("close")} (Esc)`} onClick=${onClose}><${Sign} name="close" /></button></div>
      <div class="tabs" role="tablist" aria-label=${t("detail.label")} onKeyDown=${tabKey}>${DETAIL_TABS.map((name) => html`<button key=${name} id=${`detail-tab-${name}`} role="tab" aria-controls="detail-body" tabindex=${name === shown ? 0 : -1} aria-selected=${name === shown} onClick=${() => setTab(name)}>${t(`detail.tab.${name}`)}</button>`)}</div></div>
    <div class="detail-body" id="detail-body" role="tabpanel" tabindex="0" aria-labelledby=${`detail-tab-${shown}`}>
      ${error && !hit ? html`<${ErrorState} error=${error} retry=${again} />` : null}
      ${!hit && loading && !error ? html`<${Loading} />` : null}
      ${!hit && !loading && !error ? html`<div class="state"><p class="state-title">${t("detail.gone")}</p><p class="soft">${t("detail.gone.note")}</p></div>` : null}
      ${hit ? (Body ? html`<${Body} key=${id} hit=${hit} />` : html`<${Fields} key=${id} hit=${hit} act=${act} columns=${columns} />`) : null}
    </div></aside>`;
}
