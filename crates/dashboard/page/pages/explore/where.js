// Where a line is: its way from the file into the store, each step with its time, and what is not known said so.
import { html } from "../../lib/ui.js";
import { get } from "../../lib/api.js";
import { useAsk } from "../../lib/ask.js";
import { grouped } from "../../lib/format.js";
import { named, t } from "../../lib/i18n.js";
import { moment } from "../../lib/time.js";
import { ErrorState, Loading } from "../../widgets/states.js";

/** @typedef {{step: string, at?: string|null, note?: string|null, [key: string]: any}} Step */

const QUIET = new Set(["step", "at", "note"]);

/** @param {string} _key @param {any} value */
function shown(_key, value) {
  if (typeof value === "boolean") return t(value ? "yes" : "no");
  if (typeof value === "number") return grouped(value);
  return /^\d{4}-\d\d-\d\dT/.test(String(value)) ? moment(String(value), true) : String(value);
}

/** How long after the step before. @param {Step[]} steps @param {number} n */
function after(steps, n) {
  const before = steps.slice(0, n).reverse().find((step) => step.at)?.at;
  const at = steps[n].at;
  if (!before || !at) return null;
  const ms = Date.parse(at) - Date.parse(before);
  return ms < 0 ? null : `+${ms < 10_000 ? `${ms} ms` : `${Math.round(ms / 1000)} s`}`;
}

/** @param {{hit: import("../../lib/types.js").Hit}} props */
export function Where({ hit }) {
  const { data, error, again } = useAsk((signal) => get(`where/${hit.id}`, {}, { signal }), [hit.id]);
  if (error) return html`<${ErrorState} error=${error} retry=${again} />`;
  if (!data) return html`<${Loading} />`;
  const steps = /** @type {Step[]} */ (data.steps);
  return html`<section><p class=${data.found ? "good" : "warn"}>${t(data.found ? "where.found" : "where.not.found")}</p>
    <ol class="where">${steps.map((step, n) => html`<li key=${step.step} class=${step.at || (step.step === "store" && step.name) ? "known" : "unknown"}>
      <div class="where-head"><b>${named(`where.${step.step}`)}</b>${step.at ? html`<span>${moment(step.at, true)}</span>` : null}${after(steps, n) ? html`<small>${after(steps, n)}</small>` : null}</div>
      <dl>${Object.entries(step).filter(([key, value]) => !QUIET.has(key) && value !== null && value !== undefined).map(([key, value]) => html`<div key=${key} class=${String(value).length > 24 && !/^\d{4}-/.test(String(value)) ? "whole" : ""}><dt>${named(`where.key.${key}`).replace("where.key.", "")}</dt><dd>${shown(key, value)}</dd></div>`)}</dl>
      ${step.note ? html`<p class="soft">${step.note}</p>` : null}</li>`)}</ol>
    <div class="row"><a class="button" href=${`/audit?path=${encodeURIComponent(hit.path)}`}>${t("where.audit")}</a><a class="button" href=${`/files?source=${hit.id.split(".").slice(0, 2).join(".")}`}>${t("where.file")}</a></div></section>`;
}
