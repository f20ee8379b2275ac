// One file: who it is, its account, its gaps, and the ways on.
import { html } from "../../lib/ui.js";
import { get } from "../../lib/api.js";
import { useAsk } from "../../lib/ask.js";
import { bytes, grouped } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { LawBar } from "../../widgets/law.js";
import { Path } from "../../widgets/path.js";
import { ErrorState, Loading } from "../../widgets/states.js";
import { copy } from "../../widgets/toast.js";
import { Verify } from "../audit/verify.js";

/**
 * An account of the API with its gaps summed.
 * @param {any} account
 */
export function summed(account) {
  const gaps = account.gaps.reduce((/** @type {number} */ sum, /** @type {[number, number]} */ [start, end]) => sum + end - start, 0);
  return { ...account, gaps };
}

/** @param {{account: any}} props */
export function Ranges({ account }) {
  const gaps = /** @type {[number, number][]} */ (account.gaps);
  const missed = /** @type {{start: number, end: number, reason: string}[]} */ (account.missed_ranges ?? []);
  if (gaps.length === 0 && missed.length === 0) return html`<p class="good">${t("files.no.gaps")}</p>`;
  return html`<ul class="ranges">
    ${gaps.map(([start, end]) => html`<li key=${start} class=${start >= account.read ? "soft" : "bad"}><code>${grouped(start)} – ${grouped(end)}</code> ${bytes(end - start)}: ${t(start >= account.read ? "files.gap.unread" : "files.gap.lost")}</li>`)}
    ${missed.map((range) => html`<li key=${`m${range.start}`} class="warn"><code>${grouped(range.start)} – ${grouped(range.end)}</code> ${bytes(range.end - range.start)}: ${range.reason}</li>`)}
  </ul>`;
}

/** @param {{source: import("../files.js").Source, onClose: () => void}} props */
export function FileDetail({ source, onClose }) {
  const id = `${source.source}.${source.generation}`;
  const { data, error, again } = useAsk((signal) => get("audit", { source: id }, { signal }), [id, source.queued, source.stored]);
  const account = data?.accounts[0];
  const q = `source:${source.source} generation:${source.generation}`;
  const identity = Object.entries(source.identity ?? {});
  return html`<section class="card file-detail" aria-label=${source.path}>
    <div class="row"><h2><${Path} path=${source.path} /></h2><span class="grow"></span><button class="quiet" aria-label=${t("close")} onClick=${onClose}>✕</button></div>
    ${source.reason ? html`<p class="notice bad">${source.reason}</p>` : null}
    <dl class="facts">
      <div><dt>${t("files.source")}</dt><dd><button class="link mono" title=${t("copy")} onClick=${() => copy(source.source)}>${source.source}</button></dd></div>
      <div><dt>${t("files.generation.label")}</dt><dd>${source.generation}</dd></div>
      <div><dt>${t("files.host")}</dt><dd>${source.host}</dd></div><div><dt>${t("files.stream")}</dt><dd>${source.stream}</dd></div>
      <div><dt>${t("files.read")}</dt><dd>${grouped(source.read)}</dd></div><div><dt>${t("files.queued")}</dt><dd>${grouped(source.queued)}</dd></div>
      <div><dt>${t("files.rotations")}</dt><dd>${source.rotations ?? 0}</dd></div>
      ${identity.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd class="mono">${value}</dd></div>`)}
    </dl>
    ${error ? html`<${ErrorState} error=${error} retry=${again} />` : null}
    ${account ? html`<${LawBar} account=${summed(account)} /><h3>${t("files.gaps")}</h3><${Ranges} account=${account} />` : error ? null : html`<${Loading} />`}
    <div class="row"><a class="button" href=${`/explore?since=all&q=${encodeURIComponent(q)}`}>${t("files.explore")}</a>
      <a class="button" href=${`/explore?live=1&q=${encodeURIComponent(q)}`}>${t("files.follow")}</a></div>
    <${Verify} query=${{ source: id }} />
  </section>`;
}
