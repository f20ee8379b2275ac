// The workers of this process: how each is, when it was started last, and why it failed.
import { html } from "../../lib/ui.js";
import { get } from "../../lib/api.js";
import { useAsk } from "../../lib/ask.js";
import { named, t } from "../../lib/i18n.js";
import { moment } from "../../lib/time.js";
import { ErrorState } from "../../widgets/states.js";

/** @typedef {{name: string, state: string, restarts: number, last_error: string|null, started_at: string}} Worker */

export function Workers() {
  const { data, error, again } = useAsk((signal) => get("workers", {}, { signal }), [], { everyMs: 5000 });
  const workers = /** @type {Worker[]} */ (data?.workers ?? []);
  return html`<section class="card"><h2>${t("workers.title")}</h2>
    ${error ? html`<${ErrorState} error=${error} retry=${again} />` : null}
    <div class="scroll" tabindex="0" role="region" aria-label=${t("workers.title")}><table><thead><tr><th scope="col">${t("workers.name")}</th><th scope="col">${t("workers.state")}</th><th scope="col" class="number">${t("workers.restarts")}</th><th scope="col">${t("workers.started")}</th><th scope="col">${t("workers.error")}</th></tr></thead>
    <tbody>${workers.map((worker) => html`<tr key=${worker.name}><th scope="row"><code>${worker.name}</code></th><td class=${worker.state === "waiting" ? "bad" : worker.state === "running" ? "good" : "soft"}>${named(`workers.state.${worker.state}`)}</td><td class="number">${worker.restarts}</td><td>${moment(worker.started_at, true).slice(0, 19)}</td><td>${worker.last_error ?? ""}</td></tr>`)}</tbody></table></div>
  </section>`;
}
