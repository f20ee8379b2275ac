// Every field that the records found have, with how many have it.
import { html, useSignal } from "../../lib/ui.js";
import { useAsk } from "../../lib/ask.js";
import { grouped } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { ErrorState, Loading } from "../../widgets/states.js";
import { knownFields } from "./known.js";
import { act, by, columns, facets, question, set } from "./state.js";

export function Fields() {
  const match = useSignal("");
  const { data, error, loading, again } = useAsk(knownFields, [question.value]);
  if (error && !data) return html`<${ErrorState} error=${error} retry=${again} />`;
  if (!data) return html`<${Loading} />`;
  const rows = data.fields.filter((one) => one.name.toLowerCase().includes(match.value.toLowerCase()));
  const top = Math.max(1, ...data.fields.map((one) => one.records));
  const [shownColumns, shownFacets] = [columns.value, facets.value];
  return html`<div class=${`tab-body ${loading ? "old" : ""}`}><div class="row pad"><input type="search" aria-label=${t("explore.fields.search")} placeholder=${t("explore.fields.search")} value=${match.value} onInput=${(/** @type {any} */ event) => (match.value = event.target.value)} />
      <span class="soft">${t("fields.count", { n: grouped(data.fields.length) })}</span>${data.truncated ? html`<span class="warn">${t("fields.truncated")}</span>` : null}</div>
    <div class="scroll grow" tabindex="0" role="region" aria-label=${t("explore.tab.fields")}><table class="patterns fields-table"><thead><tr><th scope="col">${t("fields.field")}</th><th scope="col" class="number">${t("fields.records")}</th><th scope="col">${t("fields.use")}</th></tr></thead>
    <tbody>${rows.map((one) => html`<tr key=${one.name}><th scope="row"><code>${one.name}</code></th><td class="number">${grouped(one.records)}<span class="share" aria-hidden="true"><i style=${{ width: `${(one.records / top) * 100}%` }}></i></span></td>
      <td><div class="row"><button class="tiny" aria-pressed=${shownColumns.includes(one.name)} aria-label=${t("explore.column.add", { field: one.name })} onClick=${() => act(one.name, null, "column")}>${t("fields.column")}</button>
        <button class="tiny" aria-pressed=${shownFacets.includes(one.name)} aria-label=${t("explore.facet.add", { field: one.name })} onClick=${() => act(one.name, null, "facet")}>${t("fields.facet")}</button>
        <button class="tiny" aria-pressed=${by.value === one.name} aria-label=${`${t("explore.by")} ${one.name}`} onClick=${() => set({ by: one.name })}>${t("fields.by")}</button>
        <button class="tiny" aria-label=${t("explore.filter.exists", { field: one.name })} onClick=${() => act(one.name, null, "exists")}>${t("fields.exists")}</button></div></td></tr>`)}</tbody></table></div></div>`;
}
