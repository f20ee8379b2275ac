// What is followed, where that was said, and the ways to follow more, or less, from now on.
import { html } from "../../lib/ui.js";
import { get, send } from "../../lib/api.js";
import { useAsk } from "../../lib/ask.js";
import { grouped } from "../../lib/format.js";
import { named, t } from "../../lib/i18n.js";
import { moment } from "../../lib/time.js";
import { ErrorState, Loading, errorText } from "../../widgets/states.js";
import { toast } from "../../widgets/toast.js";
import { FirstRun } from "../overview/firstrun.js";

/** @typedef {{name: string, records: number, files: number, newest: string|null, origin: string|null, paths: string[]}} Stream */

/** Origins that have words; any other is a place in a file. */
const ORIGINS = ["page", "demo", "command line", "default"];

/** @param {{stream: Stream, onRemove: () => void}} props */
function Row({ stream, onRemove }) {
  const quoted = /^[\w.-]+$/.test(stream.name) ? stream.name : `"${stream.name}"`;
  const origin = stream.origin && ORIGINS.includes(stream.origin) ? named(`streams.origin.${stream.origin.replace(" ", "_")}`) : stream.origin;
  return html`<tr><th scope="row"><a href=${`/explore?since=all&q=${encodeURIComponent(`stream:${quoted}`)}`}>${stream.name}</a></th>
    <td class="number">${grouped(stream.records)}</td><td class="number">${grouped(stream.files)}</td><td>${stream.newest ? moment(stream.newest, true).slice(0, 19) : "–"}</td>
    <td><code>${stream.paths.join("  ")}</code></td><td class="soft">${origin ?? "–"}</td>
    <td>${stream.origin === "page" ? html`<button onClick=${onRemove}>${t("streams.remove")}</button>` : null}</td></tr>`;
}

export function Streams() {
  const { data, error, again } = useAsk((signal) => get("streams", {}, { signal }), []);
  /** @param {string} name */
  const remove = (name) => send("DELETE", `streams/${encodeURIComponent(name)}`).then(() => toast(t("streams.removed", { name })), (failed) => toast(errorText(failed), "bad")).finally(again);
  const streams = /** @type {Stream[]} */ (data?.streams ?? []);
  return html`<${FirstRun} title=${t("streams.add")} />
    <section class="card"><h2>${t("streams.title")}</h2>
    ${error ? html`<${ErrorState} error=${error} retry=${again} />` : null}
    ${!data && !error ? html`<${Loading} />` : null}
    <div class="scroll" tabindex="0" role="region" aria-label=${t("streams.title")}><table class="files"><thead><tr><th scope="col">${t("files.stream")}</th><th scope="col" class="number">${t("overview.records")}</th><th scope="col" class="number">${t("overview.files")}</th><th scope="col">${t("streams.newest")}</th><th scope="col">${t("files.path")}</th><th scope="col">${t("settings.origin")}</th><th scope="col"><span class="visually-hidden">${t("streams.remove")}</span></th></tr></thead>
    <tbody>${streams.map((stream) => html`<${Row} key=${stream.name} stream=${stream} onRemove=${() => remove(stream.name)} />`)}</tbody></table></div>
    <p class="soft">${t("streams.note")}</p></section>`;
}
