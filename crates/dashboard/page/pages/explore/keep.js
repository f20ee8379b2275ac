// What is kept or taken along: saved searches, earlier ones, links, commands, downloads.
import { html, useSignal } from "../../lib/ui.js";
import { get, send, url } from "../../lib/api.js";
import { useAsk } from "../../lib/ask.js";
import { t } from "../../lib/i18n.js";
import { range } from "../../lib/time.js";
import { Menu } from "../../widgets/menu.js";
import { ErrorState, Loading, errorText } from "../../widgets/states.js";
import { rangeText } from "../../widgets/timepicker.js";
import { copy, toast } from "../../widgets/toast.js";
import { asked, columns, draft, q, question, runText, set } from "./state.js";

/** @typedef {{name: string, q: string, since: string|null, until: string|null, columns: string[], starred: boolean}} Saved */

/** A word of a shell. @param {string} text */
export function shellWord(text) {
  return /^[\w./:=@%+-]+$/.test(text) ? text : `'${text.replace(/'/g, "'\\''")}'`;
}

/** The range as it was chosen: a command counts back from its own now. */
function rangeOf() {
  const { since, until } = range.peek();
  return { since: since === "all" ? "" : since, until };
}

export function asCurl() {
  return `curl -sS --compressed ${shellWord(location.origin + url("search", { q: q.peek(), ...rangeOf(), format: "ndjson" }))}`;
}

export function asCommand() {
  const { since, until } = rangeOf();
  const flags = [since && `--since ${shellWord(since)}`, until && `--until ${shellWord(until)}`, `--server ${location.origin}`].filter(Boolean).join(" ");
  return `logdrive search ${flags}${q.peek() ? ` -- ${shellWord(q.peek())}` : ""}`;
}

/** @param {"ndjson"|"csv"|"raw"} format @param {boolean} gzip */
function downloadHref(format, gzip) {
  const { since, until } = question.value;
  const names = format === "csv" ? columns.value.join(",") : "";
  return url("search", { q: q.value, since, until, format, columns: names, gzip, download: true });
}

export function Download() {
  const gzip = useSignal(false);
  return html`<${Menu} class="right download" label=${t("explore.download")} title=${`${t("explore.download")} (d)`}>
    ${(/** @type {() => void} */ close) => html`<p class="soft small">${t("explore.download.note")}</p>
      <label class="check"><input type="checkbox" checked=${gzip.value} onChange=${() => (gzip.value = !gzip.value)} />gzip</label>
      ${/** @type {const} */ (["ndjson", "csv", "raw"]).map((format) => html`<a key=${format} class="button item" download href=${downloadHref(format, gzip.value)} onClick=${close}>${t(`explore.download.${format}`)}</a>`)}
      <hr /><button class="item" onClick=${() => { close(); void copy(asCurl()); }}>${t("explore.copy.curl")}</button>
      <button class="item" onClick=${() => { close(); void copy(asCommand()); }}>${t("explore.copy.command")}</button>`}<//>`;
}

/** The address with moments in the place of a range that counts back: it shows the same tomorrow. */
export function permalink() {
  const { since, until, at } = question.peek();
  const params = new URLSearchParams(location.search);
  params.set("since", since || "all");
  params.set("until", until || new Date(at).toISOString());
  params.set("cols", columns.peek().join(","));
  return `${location.origin}/explore?${params}${location.hash}`;
}

/**
 * The record for ever, with what was around it.
 * @param {string} id
 * @param {string} [time]
 */
export function lineLink(id, time) {
  const at = Date.parse(time ?? "");
  const params = new URLSearchParams(Number.isNaN(at) ? { since: "all" } : { since: new Date(at - 300_000).toISOString(), until: new Date(at + 300_000).toISOString() });
  return `${location.origin}/explore?${params}#line=${encodeURIComponent(id)}`;
}

export function Share() {
  return html`<${Menu} class="right" label=${t("explore.share")}>${(/** @type {() => void} */ close) => html`
    <button class="item" onClick=${() => { close(); void copy(permalink()); }}>${t("explore.share.fixed")}</button>
    <button class="item" onClick=${() => { close(); void copy(location.href); }}>${t("explore.share.moving")}</button>`}<//>`;
}

/** @param {Saved} one @param {() => void} close */
function open(one, close) {
  close();
  set({ q: one.q, since: one.since ?? "all", until: one.until, cols: one.columns.join(",") }, { close: true });
}

/** @param {{close: () => void}} props */
function SavedList({ close }) {
  const name = useSignal("");
  const { data, error, again } = useAsk((signal) => get("searches", {}, { signal }), []);
  /** @param {() => Promise<any>} change */
  const then = (change) => change().then(again, (problem) => toast(errorText(problem), "bad"));
  const save = (/** @type {Event} */ event) => {
    event.preventDefault();
    const text = name.value.trim();
    if (!text) return;
    const { since, until } = rangeOf();
    void then(() => send("PUT", `searches/${encodeURIComponent(text)}`, { q: draft.peek().trim(), since: since || null, until: until || null, columns: columns.peek(), starred: false }));
    name.value = "";
  };
  const put = (/** @type {Saved} */ one, /** @type {boolean} */ starred) => send("PUT", `searches/${encodeURIComponent(one.name)}`, { q: one.q, since: one.since, until: one.until, columns: one.columns, starred });
  return html`<form class="row" onSubmit=${save}><input class="grow" aria-label=${t("saved.name")} placeholder=${t("saved.name")} value=${name.value} onInput=${(/** @type {any} */ event) => (name.value = event.target.value)} /><button class="primary" type="submit">${t("saved.save")}</button></form>
    <h3>${t("saved.title")}</h3>${error ? html`<${ErrorState} error=${error} retry=${again} />` : !data ? html`<${Loading} />` : data.searches.length === 0 ? html`<p class="soft small">${t("saved.none")}</p>` : null}
    <ul class="saved">${(data?.searches ?? []).map((/** @type {Saved} */ one) => html`<li key=${one.name}><button class="quiet tiny star" aria-pressed=${one.starred} aria-label=${t("saved.star", { name: one.name })} onClick=${() => then(() => put(one, !one.starred))}>${one.starred ? "★" : "☆"}</button>
      <button class="saved-open" onClick=${() => open(one, close)}><b>${one.name}</b><code>${one.q || "*"}</code><small>${rangeText({ since: one.since ?? "all", until: one.until ?? "" })}</small></button>
      <button class="quiet tiny" aria-label=${t("saved.remove", { name: one.name })} onClick=${() => then(() => send("DELETE", `searches/${encodeURIComponent(one.name)}`))}>✕</button></li>`)}</ul>
    <h3>${t("saved.history")}</h3>
    <ul class="saved">${asked.value.slice(0, 20).map((text) => html`<li key=${text}><button class="saved-open" onClick=${() => { close(); runText(text); }}><code>${text}</code></button></li>`)}</ul>
    ${asked.value.length ? html`<button class="quiet tiny" onClick=${() => (asked.value = [])}>${t("saved.forget")}</button>` : html`<p class="soft small">${t("saved.history.none")}</p>`}`;
}

export function SavedMenu() {
  return html`<${Menu} class="right" panelClass="saved-panel" label=${t("saved.menu")}>${(/** @type {() => void} */ close) => html`<${SavedList} close=${close} />`}<//>`;
}
