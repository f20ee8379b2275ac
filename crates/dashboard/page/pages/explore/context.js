// The lines before and after one in its file: exact, by offset, as many as wanted; those that fit the query can be had
// alone.
import { html, useEffect, useRef, useSignal } from "../../lib/ui.js";
import { get, isAbort } from "../../lib/api.js";
import { t } from "../../lib/i18n.js";
import { ArrayRows } from "../../lib/rows.js";
import { ErrorState, Loading } from "../../widgets/states.js";
import { highlights } from "./list.js";
import { act, ansi, openLine, q, runText } from "./state.js";
import { exactly } from "./terms.js";

/** @typedef {import("../../lib/types.js").Hit} Hit */

const STEP = 50;
/** Names that the id of a request goes by, the first that a line has. */
const TRACES = ["trace_id", "traceId", "trace.id", "traceID", "request_id", "requestId", "request.id", "correlation_id"];

/** @param {string} id */
const offsetOf = (id) => Number(id.slice(id.lastIndexOf(".") + 1));

/**
 * Which of these records fit the query.
 * @param {Hit[]} hits
 * @param {AbortSignal} signal
 */
async function fitting(hits, signal) {
  if (!q.peek() || hits.length === 0) return null;
  const [source, generation] = hits[0].id.split(".");
  const scope = `source:=${source} generation:=${generation} offset:[${offsetOf(hits[0].id)} TO ${offsetOf(hits[hits.length - 1].id)}]`;
  const found = await get("search", { q: `(${q.peek()}) ${scope}`, limit: hits.length }, { signal });
  return new Set(/** @type {Hit[]} */ (found.hits).map((hit) => hit.id));
}

/**
 * Lines around a record, and more of them.
 * @param {Hit} hit
 */
function useLines(hit) {
  const state = useSignal({ lines: /** @type {Hit[]} */ ([]), start: false, end: false, fits: /** @type {Set<string>|null} */ (null), error: /** @type {unknown} */ (null) });
  const stop = useRef(new AbortController());
  /** @param {string} id @param {number} before @param {number} after */
  const load = async (id, before, after) => {
    const { signal } = stop.current;
    try {
      const answer = await get("context", { id, before, after }, { signal });
      const at = Math.max(answer.anchor ?? 0, 0);
      const { lines: old, start, end } = state.peek();
      const lines = before && after ? answer.hits : before ? [...answer.hits.slice(0, at), ...old] : [...old, ...answer.hits.slice(at + 1)];
      state.value = { lines, start: before ? at < before : start, end: after ? answer.hits.length - 1 - at < after : end, fits: state.peek().fits, error: null };
      const fits = await fitting(lines, signal).catch(() => null);
      if (state.peek().lines === lines) state.value = { ...state.peek(), fits };
    } catch (error) {
      if (!isAbort(error)) state.value = { ...state.peek(), error };
    }
  };
  useEffect(() => {
    void load(hit.id, STEP, STEP);
    return () => stop.current.abort();
  }, []);
  return { ...state.value, load };
}

/** Lines of the same request, wherever they are. @param {{hit: Hit}} props */
function SameTrace({ hit }) {
  const field = TRACES.find((name) => hit.fields[name] !== undefined);
  return field ? html`<button onClick=${() => { openLine(""); runText(exactly(field, String(hit.fields[field]))); }}>${t("context.same", { field })}</button>` : null;
}

/** @param {{hit: Hit}} props */
export function Context({ hit }) {
  const { lines, start, end, fits, error, load } = useLines(hit);
  const only = useSignal(false);
  const list = useRef(/** @type {any} */ (null));
  const first = useRef("");
  const shown = only.value && fits ? lines.filter((one) => fits.has(one.id) || one.id === hit.id) : lines;
  const key = `${shown.length} ${shown[0]?.id}`;
  useEffect(() => {
    if (!list.current || shown.length === 0) return;
    Object.assign(list.current, { columns: ["time", "level", "line"], wrap: true, ansi: ansi.value, highlights: highlights(), selectedId: hit.id });
    list.current.source = new ArrayRows(shown);
    // What was seen stays where it was: the line itself at first, else what was the first before more came.
    const before = shown.findIndex((one) => one.id === first.current);
    const grown = before > 0;
    list.current.scrollToIndex(grown ? before : shown.findIndex((one) => one.id === hit.id), grown ? "top" : "centre");
    first.current = shown[0].id;
  }, [key]);
  if (lines.length === 0) return error ? html`<${ErrorState} error=${error} retry=${() => load(hit.id, STEP, STEP)} />` : html`<${Loading} />`;
  return html`<section class="context"><div class="row"><span class="soft path" title=${hit.path}><bdi>${hit.path}</bdi></span><span class="grow"></span><${SameTrace} hit=${hit} />
      ${fits ? html`<button aria-pressed=${only.value} onClick=${() => (only.value = !only.value)}>${t("context.only", { n: fits.size })}</button>` : null}</div>
    <button class="context-more" disabled=${start} onClick=${() => load(lines[0].id, STEP, 0)}>${start ? t("context.start") : t("context.older", { n: STEP })}</button>
    <log-view ref=${list} label=${t("detail.tab.context")} onopen=${(/** @type {CustomEvent} */ event) => openLine(event.detail.hit.id)}
      onfieldaction=${(/** @type {CustomEvent} */ event) => act(event.detail.field, event.detail.value, event.detail.action)}></log-view>
    <button class="context-more" disabled=${end} onClick=${() => load(lines[lines.length - 1].id, 0, STEP)}>${end ? t("context.end") : t("context.newer", { n: STEP })}</button>
    ${error ? html`<${ErrorState} error=${error} />` : null}</section>`;
}
