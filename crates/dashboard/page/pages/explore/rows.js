// The rows of a question as state of the page. Older rows stay until there are newer ones, also when the server is lost.
import { html, signal, useEffect, useRef, useSignal } from "../../lib/ui.js";
import { Problem, get } from "../../lib/api.js";
import { useAsk } from "../../lib/ask.js";
import { t } from "../../lib/i18n.js";
import { isoOf, microsOf } from "../../lib/micros.js";
import { SearchRows } from "../../lib/rows.js";
import { onBack } from "../../lib/status.js";
import { moment, range } from "../../lib/time.js";
import { Empty, ErrorState, Partial } from "../../widgets/states.js";
import { askAgain, q, question, rowsAreHere, run, runText, setRange, wrongOrder } from "./state.js";

/**
 * @typedef {object} RowsState
 * @property {SearchRows|null} source what is shown
 * @property {number} length
 * @property {number|null} total
 * @property {number|null} took
 * @property {boolean} loading
 * @property {boolean} complete
 * @property {unknown} error of the newest question
 * @property {boolean} old rows of an earlier question
 */

/** What is wrong with the newest question; the query line shows where. */
export const failure = signal(/** @type {unknown} */ (null));

/** Rows of the newest question. */
export function useRows() {
  const state = useSignal(/** @type {RowsState} */ ({ source: null, length: 0, total: null, took: null, loading: true, complete: true, error: null, old: false }));
  useEffect(() => {
    if (wrongOrder.value) return undefined;
    const asked = question.value;
    const source = new SearchRows(asked);
    const update = () => {
      if (source.length > 0 || !source.loading) rowsAreHere(asked);
      const ready = source.length > 0 || (!source.loading && !source.error);
      const before = state.peek().source;
      const shown = ready ? source : before;
      if (shown !== before) before?.close();
      failure.value = source.error;
      state.value = { source: shown, length: shown?.length ?? 0, total: shown?.total ?? null, took: source.took, loading: source.loading, complete: source.complete, error: source.error, old: shown !== null && shown !== source };
    };
    source.onchange = update;
    update();
    return () => {
      source.onchange = null;
      if (state.peek().source !== source) source.close();
    };
  }, [question.value]);
  useEffect(() => () => state.peek().source?.close(), []);
  useEffect(() => onBack(() => state.peek().error && run()), []);
  return state.value;
}

/**
 * Which row a record is: as many as are newer than it.
 * @param {string} id
 * @param {import("./state.js").Asked} of
 * @param {AbortSignal} signal
 */
export async function placeOf(id, of, signal) {
  const { hits, anchor } = await get("context", { id, before: 0, after: 0 }, { signal });
  const hit = hits[anchor ?? -1];
  if (!hit) return null;
  const since = isoOf(microsOf(hit.time) + 1);
  if (of.until && microsOf(of.until) <= microsOf(hit.time)) return null;
  return /** @type {number} */ ((await get("histogram", { q: of.q, since, until: of.until, buckets: 1 }, { signal })).total);
}

/** So many seconds it is looked whether something comes after all. */
const TRIES = 20;

/** Nothing was found: where there would be something. */
export function Nothing() {
  const { since, until } = question.value;
  const tries = useRef(0);
  const { data, again } = useAsk(async (signal) => {
    const [fits, any] = await Promise.all([
      get("search", { q: q.value, limit: 1, deadline_ms: 3000 }, { signal }),
      get("search", { limit: 1, deadline_ms: 3000 }, { signal }),
    ]);
    return { fits: fits.hits[0]?.time, any: any.hits[0]?.time };
  }, [question.value]);
  // Lines that were just asked for may need a moment until they are stored.
  useEffect(() => {
    if (!data || range.value.until || tries.current >= TRIES) return undefined;
    if (data.fits) {
      // It may have come between the question and this look.
      const isIn = !since || microsOf(data.fits) >= microsOf(since);
      if ((isIn || tries.current > 0) && tries.current < TRIES) {
        tries.current += isIn ? 5 : TRIES;
        askAgain();
      }
      return undefined;
    }
    const timer = setTimeout(again, 1000);
    tries.current += 1;
    return () => clearTimeout(timer);
  }, [data]);
  const around = (/** @type {string} */ time) => {
    const ms = Date.parse(time);
    setRange(new Date(ms - 450_000).toISOString(), new Date(ms + 450_000).toISOString());
  };
  return html`<${Empty} title=${t(since || until ? "explore.nothing" : "explore.nothing.at.all")}>
    ${data?.fits ? html`<p>${t("explore.nothing.newest")} <button class="link" onClick=${() => around(data.fits)}>${moment(data.fits, true)}</button></p>` : null}
    ${data && !data.fits && data.any ? html`<p>${t("explore.nothing.fits")}</p>` : null}
    ${data && !data.any ? html`<p>${t("explore.nothing.stored")} <a href="/overview">${t("explore.nothing.first")}</a></p>` : null}
    <div class="row">${since || until ? html`<button onClick=${() => setRange("all")}>${t("explore.widen.all")}</button>` : null}
      ${q.value ? html`<button onClick=${() => runText("")}>${t("explore.clear.query")}</button>` : null}</div><//>`;
}

/** The range ends before it begins. */
export function WrongOrder() {
  const { since, until } = question.value;
  return html`<div class="state bad" role="alert"><p class="state-title">${t("time.order")}</p><p>${moment(since, true)} – ${moment(until, true)}</p>
    <button onClick=${() => setRange(until, since)}>${t("time.swap")}</button></div>`;
}

/** What is wrong with the newest question, over rows of an older one or in their place. @param {{rows: RowsState}} props */
export function Wrong({ rows }) {
  const { error, source } = rows;
  if (!error) return rows.complete || rows.loading ? null : html`<${Partial}><button onClick=${run}>${t("retry")}</button><//>`;
  if (error instanceof Problem && error.kind === "query") return source ? html`<p class="notice warn" role="status">${t("explore.old.query")}</p>` : html`<${Empty} title=${t("explore.query.wrong")}><p>${t("explore.query.wrong.next")}</p><//>`;
  if (!source) return html`<${ErrorState} error=${error} retry=${run} />`;
  return html`<p class="notice bad" role="alert">${t("explore.old.lost")} ${error instanceof Problem ? error.message : ""} <button onClick=${run}>${t("retry")}</button></p>`;
}
