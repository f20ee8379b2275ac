// What cannot be read, followed or taken now, and why.
import { html } from "../../lib/ui.js";
import { get } from "../../lib/api.js";
import { useAsk } from "../../lib/ask.js";
import { grouped } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { Path } from "../../widgets/path.js";

/** @typedef {{host?: string, path: string, reason: string}} PathProblem */

const SHOWN = 20;

export function Problems() {
  const { data } = useAsk((signal) => get("problems", {}, { signal }), [], { everyMs: 5000 });
  const problems = /** @type {PathProblem[]} */ (data?.problems ?? []);
  if (problems.length === 0) return null;
  return html`<section class="card" id="problems"><h2>${t("files.problems")}</h2>
    <ul class="ranges">${problems.slice(0, SHOWN).map((problem) => html`<li key=${`${problem.host} ${problem.path} ${problem.reason}`}><b><${Path} path=${problem.path} /></b>${problem.host ? ` (${problem.host})` : ""}: ${problem.reason}</li>`)}</ul>
    ${data.count > SHOWN ? html`<p class="soft">${t("files.problems.more", { n: grouped(data.count - SHOWN) })}</p>` : null}
  </section>`;
}
