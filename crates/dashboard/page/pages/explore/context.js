// The lines before and after one in its file: exact, by offset, as many as wanted; those that fit the query stand out.
import { html, useEffect, useRef, useSignal } from "../../lib/ui.js";
import { get, isAbort } from "../../lib/api.js";
import { find, pattern, segments } from "../../lib/highlight.js";
import { t } from "../../lib/i18n.js";
import { moment } from "../../lib/time.js";
import { ErrorState, Loading } from "../../widgets/states.js";
import { highlights } from "./list.js";
import { openLine, q } from "./state.js";

/** @typedef {import("../../lib/types.js").Hit} Hit */

const STEP = 50;

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

/** @param {{hit: Hit, anchor: boolean, fits: boolean|null, words: ReturnType<typeof pattern>}} props */
function Line({ hit, anchor, fits, words }) {
  const shown = hit.line.length > 2000 ? `${hit.line.slice(0, 2000)}…` : hit.line;
  const parts = words ? segments(shown, [], find(shown, words)) : null;
  return html`<li class=${`context-line ${anchor ? "anchor" : ""} ${fits ? "fits" : ""}`} data-level=${hit.level} aria-current=${anchor ? "true" : null}>
    <button class="link" title=${moment(hit.time, true)} onClick=${() => openLine(hit.id)}>${moment(hit.time)}</button>
    <span class="context-text">${parts ? parts.map(({ text, colour }) => (colour ? html`<mark class=${`hl-${colour}`}>${text}</mark>` : text)) : shown}</span></li>`;
}

/** @param {{hit: Hit}} props */
export function Context({ hit }) {
  const lines = useSignal(/** @type {Hit[]} */ ([]));
  const ends = useSignal({ before: false, after: false });
  const fits = useSignal(/** @type {Set<string>|null} */ (null));
  const only = useSignal(false);
  const error = useSignal(/** @type {unknown} */ (null));
  const stop = useRef(new AbortController());
  const list = useRef(/** @type {HTMLElement|null} */ (null));

  /** @param {string} id @param {number} before @param {number} after */
  const load = async (id, before, after) => {
    try {
      const { signal } = stop.current;
      const answer = await get("context", { id, before, after }, { signal });
      const at = answer.anchor ?? -1;
      const old = lines.peek();
      const merged = before && after ? answer.hits : before ? [...answer.hits.slice(0, Math.max(at, 0)), ...old] : [...old, ...answer.hits.slice(at + 1)];
      ends.value = { before: before ? at < before : ends.peek().before, after: after ? answer.hits.length - 1 - at < after : ends.peek().after };
      lines.value = merged;
      error.value = null;
      fits.value = await fitting(merged, signal).catch(() => null);
    } catch (problem) {
      if (!isAbort(problem)) error.value = problem;
    }
  };
  useEffect(() => {
    void load(hit.id, STEP, STEP);
    return () => stop.current.abort();
  }, []);
  useEffect(() => {
    list.current?.querySelector(".anchor")?.scrollIntoView({ block: "center" });
  }, [lines.value.length > 0]);
  if (lines.value.length === 0) return error.value ? html`<${ErrorState} error=${error.value} retry=${() => load(hit.id, STEP, STEP)} />` : html`<${Loading} />`;
  const all = lines.value;
  const shown = only.value && fits.value ? all.filter((one) => fits.value?.has(one.id) || one.id === hit.id) : all;
  const words = pattern(highlights());
  return html`<section class="context"><div class="row"><span class="soft path" title=${hit.path}>${hit.path}</span><span class="grow"></span>
      ${fits.value ? html`<button aria-pressed=${only.value} onClick=${() => (only.value = !only.value)}>${t("context.only", { n: fits.value.size })}</button>` : null}</div>
    <button class="context-more" disabled=${ends.value.before} onClick=${() => load(all[0].id, STEP, 0)}>${ends.value.before ? t("context.start") : t("context.older", { n: STEP })}</button>
    <ol class="context-lines" ref=${list}>${shown.map((one) => html`<${Line} key=${one.id} hit=${one} anchor=${one.id === hit.id} fits=${fits.value?.has(one.id) ?? null} words=${words} />`)}</ol>
    <button class="context-more" disabled=${ends.value.after} onClick=${() => load(all[all.length - 1].id, 0, STEP)}>${ends.value.after ? t("context.end") : t("context.newer", { n: STEP })}</button>
    ${error.value ? html`<${ErrorState} error=${error.value} />` : null}</section>`;
}
