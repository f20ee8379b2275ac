// Verify: what is stored is compared, byte by byte, with the files on the disk, while one watches.
import { html, useEffect, useRef, useSignal } from "../../lib/ui.js";
import { isAbort, lines } from "../../lib/api.js";
import { bytes, grouped } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { errorText } from "../../widgets/states.js";

/**
 * @typedef {object} Checked
 * @property {string} source
 * @property {number} generation
 * @property {string} path
 * @property {number} checked_bytes
 * @property {number} checked_records
 * @property {{start: number, end: number, reason: string}[]} differs
 * @property {string} [unreadable]
 */

/**
 * @typedef {object} State
 * @property {"idle"|"running"|"done"|"stopped"|"failed"} phase
 * @property {number} done
 * @property {number} total
 * @property {Checked[]} checked
 * @property {string} error
 */

/** @type {State} */
const IDLE = { phase: "idle", done: 0, total: 0, checked: [], error: "" };

/**
 * The state after some lines of the answer.
 * @param {State} state
 * @param {any[]} batch
 * @returns {State}
 */
export function after(state, batch) {
  let next = state;
  for (const line of batch) {
    if (line._ === "progress") next = { ...next, done: line.done_bytes, total: line.total_bytes };
    else if (line._ === "end") next = { ...next, phase: "done" };
    else if (line._ === "error") next = { ...next, phase: "failed", error: line.problem.detail };
    else if (!line._) next = { ...next, checked: [...next.checked, line] };
  }
  return next;
}

/** @param {{state: State}} props */
function Result({ state }) {
  const differs = state.checked.filter((one) => one.differs.length > 0);
  const unreadable = state.checked.filter((one) => one.unreadable);
  const records = state.checked.reduce((sum, one) => sum + one.checked_records, 0);
  const size = state.checked.reduce((sum, one) => sum + one.checked_bytes, 0);
  return html`<p class=${`notice ${differs.length ? "bad" : "good"}`} role="status">${t(differs.length ? "verify.differs" : "verify.same", { files: grouped(state.checked.length - unreadable.length), records: grouped(records), size: bytes(size), n: differs.length })}</p>
    ${differs.length || unreadable.length ? html`<ul class="ranges">
      ${differs.flatMap((one) => one.differs.map((range) => html`<li key=${one.source + range.start} class="bad"><b>${one.path}</b> <code>${grouped(range.start)} – ${grouped(range.end)}</code> ${range.reason}</li>`))}
      ${unreadable.map((one) => html`<li key=${one.source + one.generation} class="soft">${one.path}: ${one.unreadable}</li>`)}
    </ul>` : null}`;
}

/** @param {{query: Record<string, string>}} props */
export function Verify({ query }) {
  const state = useSignal(IDLE);
  const stop = useRef(/** @type {AbortController|null} */ (null));
  useEffect(() => () => stop.current?.abort(), []);
  const start = async () => {
    const control = new AbortController();
    stop.current = control;
    state.value = { ...IDLE, phase: "running" };
    try {
      for await (const batch of lines("verify", query, { signal: control.signal })) state.value = after(state.value, batch);
      if (state.value.phase === "running") state.value = { ...state.value, phase: "failed", error: t("verify.cut") };
    } catch (error) {
      state.value = isAbort(error) ? { ...state.value, phase: "stopped" } : { ...state.value, phase: "failed", error: errorText(error) };
    }
  };
  const { phase, done, total, error } = state.value;
  return html`<div class="verify"><div class="row">
      ${phase === "running" ? html`<button onClick=${() => stop.current?.abort()}>${t("verify.stop")}</button>` : html`<button onClick=${start}>${t("verify.start")}</button>`}
      ${phase === "running" ? html`<progress max=${total || 1} value=${done} aria-label=${t("verify.start")}></progress><span>${bytes(done)} / ${bytes(total)}</span>` : html`<span class="soft">${t("verify.note")}</span>`}
    </div>
    ${error ? html`<p class="notice bad" role="alert">${error}</p>` : null}
    ${phase === "done" || (phase !== "idle" && state.value.checked.length) ? html`<${Result} state=${state.value} />` : null}
  </div>`;
}
