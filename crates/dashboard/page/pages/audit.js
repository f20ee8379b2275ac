// The proof: where every byte of every file is, checked against the law, and compared with the disk when asked.
import { html, useSignal } from "../lib/ui.js";
import { get } from "../lib/api.js";
import { useAsk } from "../lib/ask.js";
import { bytes, grouped, percent } from "../lib/format.js";
import { named, t } from "../lib/i18n.js";
import { param, setQuery } from "../lib/router.js";
import { style } from "../lib/style.js";
import { LawBar, LawStrip } from "../widgets/law.js";
import { Path } from "../widgets/path.js";
import { Empty, ErrorState, Loading } from "../widgets/states.js";
import { copy } from "../widgets/toast.js";
import { Letters } from "./audit/letters.js";
import { Verify } from "./audit/verify.js";
import { Ranges, summed } from "./files/detail.js";

style("files");

const path = param("path");
const stream = param("stream");
const PAGE = 200;

/** @param {{account: any}} props */
function Row({ account }) {
  const open = useSignal(false);
  const sums = summed(account);
  const lost = sums.gaps - Math.min(sums.gaps, sums.unread);
  const verdict = account.complete ? "complete" : lost > 0 ? "gap" : "on_its_way";
  return html`<tr>
      <th scope="row"><button class="link" aria-expanded=${open.value} onClick=${() => (open.value = !open.value)}><${Path} path=${account.path} /></button>${account.generation ? html` <small>${t("files.generation", { n: account.generation })}</small>` : null}</th>
      <td>${account.host}</td><td>${account.stream}</td><td class="number">${bytes(account.size)}</td>
      <td class="strip"><${LawStrip} account=${sums} /></td>
      <td class=${verdict === "complete" ? "good" : verdict === "gap" ? "bad" : "soft"}>${named(`audit.${verdict}`)}</td>
    </tr>
    ${open.value ? html`<tr class="inner"><td colspan="6"><${LawBar} account=${sums} /><${Ranges} account=${account} /></td></tr>` : null}`;
}

/** @param {{data: any, more: () => void}} props */
function Accounts({ data, more }) {
  const accounts = [...data.accounts].sort((a, b) => Number(a.complete) - Number(b.complete));
  const total = data.total;
  const lost = total.gaps - accounts.reduce((sum, account) => sum + account.unread, 0);
  const share = total.size === 0 ? 100 : ((total.size - Math.max(lost, 0)) / total.size) * 100;
  return html`<section class="card"><div class="row"><h2>${t("audit.law")}</h2><strong class=${lost > 0 ? "bad" : "good"}>${percent(share)}</strong><span class="soft">${t("audit.files", { n: grouped(total.accounts), incomplete: grouped(total.incomplete) })}</span></div>
      <${LawBar} account=${{ ...total, unread: accounts.reduce((sum, account) => sum + account.unread, 0) }} />
      <p class="soft">${t("audit.law.note")}</p>
      <${Verify} query=${{ path: path.value, stream: stream.value }} /></section>
    <section class="card"><h2>${t("audit.accounts")}</h2>
      <div class="scroll" tabindex="0" role="region" aria-label=${t("audit.accounts")}><table class="files"><thead><tr><th scope="col">${t("files.path")}</th><th scope="col">${t("files.host")}</th><th scope="col">${t("files.stream")}</th><th scope="col" class="number">${t("files.size")}</th><th scope="col">${t("files.where")}</th><th scope="col">${t("audit.verdict")}</th></tr></thead>
      <tbody>${accounts.map((account) => html`<${Row} key=${account.source + account.generation} account=${account} />`)}</tbody></table></div>
      ${data.next ? html`<p><button onClick=${more}>${t("more")}</button></p>` : null}
      ${data.problems.length ? html`<ul class="ranges">${data.problems.map((/** @type {any} */ problem) => html`<li key=${problem.path} class="warn"><b>${problem.path}</b> ${problem.reason}</li>`)}</ul>` : null}
    </section>`;
}

/**
 * What is on its way is soon there; an account that is whole changes when lines come.
 * @param {any} data
 */
const againMs = (data) => (data.complete ? 10_000 : 3000);

export function Page() {
  const limit = useSignal(PAGE);
  const query = { path: path.value, stream: stream.value };
  const { data, error, again } = useAsk((signal) => get("audit", { ...query, limit: limit.value }, { signal }), [path.value, stream.value, limit.value], { everyMs: againMs });
  const command = `logdrive audit ${path.value || (stream.value ? stream.value : "")} --server ${location.origin}`.replace("  ", " ");
  return html`<div class="page">
    <div class="row"><input type="search" class="grow" aria-label=${t("audit.path")} placeholder=${t("audit.path")} value=${path.value} onChange=${(/** @type {any} */ event) => setQuery({ path: event.target.value })} />
      <input type="search" aria-label=${t("files.stream")} placeholder=${t("files.stream")} value=${stream.value} onChange=${(/** @type {any} */ event) => setQuery({ stream: event.target.value })} />
      <button onClick=${() => copy(command)}>${t("audit.copy")}</button></div>
    ${error ? html`<${ErrorState} error=${error} retry=${again} />` : null}
    ${!data && !error ? html`<${Loading} />` : null}
    ${data && data.accounts.length === 0 ? html`<${Empty} title=${t("audit.none")}><p>${t("files.none.next")}</p><//>` : null}
    ${data && data.accounts.length ? html`<${Accounts} data=${data} more=${() => (limit.value += PAGE)} />` : null}
    <${Letters} />
  </div>`;
}
