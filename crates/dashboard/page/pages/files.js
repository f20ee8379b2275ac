// Every file that is followed: how far it is read, queued and stored, and where something is missing.
import { html, useSignal } from "../lib/ui.js";
import { get } from "../lib/api.js";
import { useAsk } from "../lib/ask.js";
import { bytes, grouped } from "../lib/format.js";
import { named, t } from "../lib/i18n.js";
import { param, setQuery } from "../lib/router.js";
import { style } from "../lib/style.js";
import { moment } from "../lib/time.js";
import { LawStrip } from "../widgets/law.js";
import { Path } from "../widgets/path.js";
import { Sparkline } from "../widgets/sparkline.js";
import { Empty, ErrorState, Loading } from "../widgets/states.js";
import { FileDetail } from "./files/detail.js";
import { Problems } from "./files/problems.js";
import { Streams } from "./files/streams.js";

style("files");

/**
 * @typedef {object} Source
 * @property {string} source
 * @property {number} generation
 * @property {string} path
 * @property {string} host
 * @property {string} stream
 * @property {number} size
 * @property {number} read
 * @property {number} queued
 * @property {number|null} [stored]
 * @property {string} state
 * @property {string} [reason]
 * @property {string} changed_at
 * @property {number} [rotations]
 * @property {[number, number][]} [gaps]
 * @property {number} [gap_bytes]
 * @property {number} [lag_bytes]
 * @property {number[]} [lag_history]
 * @property {Record<string, string|number>} [identity]
 */

const match = param("match");
const chosen = param("source");
const streams = param("streams");
const PAGE = 500;

/**
 * What a row needs of the law, as far as the agent and the store say it.
 * @param {Source} source
 */
function sums(source) {
  const stored = source.stored ?? source.queued;
  const lost = source.gap_bytes ?? 0;
  const unread = Math.max(source.size - source.read, 0);
  return { size: source.size, stored, in_flight: Math.max(source.read - stored - lost, 0), unread, dead_letter: 0, dropped: 0, missed: 0, expired: 0, gaps: lost + unread };
}

/** @param {{source: Source, open: boolean}} props */
function Row({ source, open }) {
  const id = `${source.source}.${source.generation}`;
  const bad = source.state === "unreadable" || source.state === "quarantined";
  return html`<tr aria-selected=${open}>
    <th scope="row"><button class="link" aria-expanded=${open} onClick=${() => setQuery({ source: open ? null : id })}><${Path} path=${source.path} /></button>${source.generation ? html` <small>${t("files.generation", { n: source.generation })}</small>` : null}</th>
    <td>${source.host}</td><td>${source.stream}</td>
    <td class=${bad ? "bad" : ""} title=${source.reason ?? null}>${named(`files.state.${source.state}`)}</td>
    <td class="number">${bytes(source.size)}</td>
    <td class="strip"><${LawStrip} account=${sums(source)} /><span class="visually-hidden">${t("files.stored.of", { stored: bytes(sums(source).stored), size: bytes(source.size) })}</span></td>
    <td class=${`number ${source.gap_bytes ? "bad" : ""}`}>${source.gap_bytes ? bytes(source.gap_bytes) : "0"}</td>
    <td class="number">${source.rotations ?? 0}</td>
    <td><span class="lag"><span>${bytes(source.lag_bytes ?? source.size - source.queued)}</span><${Sparkline} values=${source.lag_history ?? []} width=${64} height=${16} /></span></td>
    <td><time datetime=${source.changed_at}>${moment(source.changed_at, true).slice(0, 19)}</time></td>
  </tr>`;
}

/** @param {{sources: Source[], count: number, more: () => void}} props */
function Table({ sources, count, more }) {
  const open = sources.find((source) => `${source.source}.${source.generation}` === chosen.value);
  return html`<div class="card scroll" tabindex="0" role="region" aria-label=${t("nav.files")}><table class="files">
    <thead><tr>${["path", "host", "stream", "state"].map((name) => html`<th key=${name} scope="col">${named(`files.${name}`)}</th>`)}
      <th scope="col" class="number">${t("files.size")}</th><th scope="col">${t("files.where")}</th><th scope="col" class="number">${t("files.gaps")}</th><th scope="col" class="number">${t("files.rotations")}</th><th scope="col">${t("files.lag")}</th><th scope="col">${t("files.changed")}</th></tr></thead>
    <tbody>${sources.map((source) => html`<${Row} key=${source.source + source.generation} source=${source} open=${source === open} />`)}</tbody>
  </table></div>
  ${count > sources.length ? html`<p class="row"><span class="soft">${t("files.shown", { n: grouped(sources.length), count: grouped(count) })}</span><button onClick=${more}>${t("more")}</button></p>` : null}
  ${open ? html`<${FileDetail} source=${open} onClose=${() => setQuery({ source: null })} />` : null}`;
}

export function Page() {
  const limit = useSignal(PAGE);
  const { data, error, again } = useAsk((signal) => get("sources", { match: match.value, limit: limit.value }, { signal }), [match.value, limit.value], { everyMs: 5000 });
  const sources = /** @type {Source[]} */ (data?.sources ?? []);
  return html`<div class="page">
    <div class="row"><input type="search" class="grow" aria-label=${t("files.filter")} placeholder=${t("files.filter")} value=${match.value} onInput=${(/** @type {any} */ event) => setQuery({ match: event.target.value }, { replace: true })} />
      <button aria-pressed=${streams.value === "1"} onClick=${() => setQuery({ streams: streams.value !== "1" })}>${t("streams.open")}</button>
      <span class="soft">${data ? t("files.count", { n: grouped(data.count) }) : ""}</span></div>
    ${streams.value === "1" ? html`<${Streams} />` : null}
    <${Problems} />
    ${error ? html`<${ErrorState} error=${error} retry=${again} />` : null}
    ${!data && !error ? html`<${Loading} />` : null}
    ${data && sources.length === 0 ? html`<${Empty} title=${t(match.value ? "files.none.match" : "files.none")}><p>${t("files.none.next")}</p><a class="button" href="/overview">${t("nav.overview")}</a><//>` : null}
    ${sources.length ? html`<${Table} sources=${sources} count=${data.count} more=${() => (limit.value += PAGE)} />` : null}
  </div>`;
}
