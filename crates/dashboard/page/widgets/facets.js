// Fields with their values and how often each comes, at the side: what is asked for first, then the commonest or the
// rarest; a search within the values; for and out.
import { html, useSignal } from "../lib/ui.js";
import { Problem, get } from "../lib/api.js";
import { useAsk } from "../lib/ask.js";
import { grouped, short } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { Sign } from "./icons.js";
import { errorText } from "./states.js";

/**
 * @typedef {{value: string, count: number}} Value
 * @typedef {{field: string, present: number, distinct: number, exact: boolean, absent?: number, values: Value[]}} Facet
 * @typedef {(field: string, value: string|null, action: "+"|"-"|"exists"|"missing"|"column"|"facet") => void} Act
 * @typedef {{q: string, since: string, until: string, turn: number}} Scope
 */

const LIMIT = 8;

/** @param {{field: string, value: string|null, label: string, count: number|null, share: number, state: "+"|"-"|"", act: Act}} props */
function Row({ field, value, label, count, share, state, act }) {
  const words = { field, value: label };
  return html`<li class=${`facet-value ${state === "-" ? "out" : ""}`}>
    <i class="facet-share" style=${{ width: `${share}%` }} aria-hidden="true"></i>
    <button class="facet-name" title=${label} aria-pressed=${state === "+"} aria-label=${`${t("explore.filter.for", words)}${count === null ? "" : `, ${count}`}`} onClick=${() => act(field, value, "+")}><span class=${value === null || value === "" ? "soft" : ""} data-level=${field === "level" ? value : null}>${label}</span></button>
    <span class="facet-count" title=${count === null ? null : grouped(count)}>${count === null ? "" : short(count)}</span>
    <button class="facet-out" aria-pressed=${state === "-"} title=${t("explore.filter.out", words)} aria-label=${t("explore.filter.out", words)} onClick=${() => act(field, value, "-")}><${Sign} name="minus" /></button>
  </li>`;
}

/**
 * What is chosen first, though it is not among the commonest.
 * @param {Value[]} values
 * @param {Set<string>} chosen
 */
export function chosenFirst(values, chosen) {
  const found = new Map(values.map((one) => [one.value, one]));
  const first = [...chosen].map((value) => found.get(value) ?? { value, count: null });
  return [...first, ...values.filter((one) => !chosen.has(one.value))];
}

/**
 * @param {{field: string, scope: Scope|null, wanted: Set<string>, without: Set<string>, act: Act, first: {data: any, error: unknown, loading: boolean}}} props
 */
function Field({ field, scope, wanted, without, act, first }) {
  const open = useSignal(true);
  const match = useSignal("");
  const rare = useSignal(false);
  const limit = useSignal(LIMIT);
  const own = match.value !== "" || rare.value || limit.value !== LIMIT;
  const more = useAsk((signal) => (own && scope ? get("facets", { q: scope.q, since: scope.since, until: scope.until, fields: field, limit: limit.value, match: match.value, order: rare.value ? "rare" : "" }, { signal }) : Promise.resolve(null)), [scope, own, match.value, rare.value, limit.value]);
  const facet = /** @type {Facet|undefined} */ (own ? more.data?.facets[0] : first.data?.facets.find((/** @type {Facet} */ one) => one.field === field));
  const error = own ? more.error : null;
  const rows = chosenFirst(facet?.values ?? [], new Set([...wanted, ...without]));
  const top = Math.max(1, ...(facet?.values ?? []).map((one) => one.count));
  // How many different values fit a search is not told; that there are more is.
  const hidden = !facet ? 0 : match.value === "" ? facet.distinct - facet.values.length : facet.values.length >= limit.value ? 1 : 0;
  const searchable = own || (facet && facet.distinct > LIMIT);
  return html`<section class="facet" aria-label=${field}>
    <div class="facet-head"><button class="facet-toggle" aria-expanded=${open.value} onClick=${() => (open.value = !open.value)}><span aria-hidden="true">${open.value ? "▾" : "▸"}</span><b>${field}</b>${facet ? html`<small title=${t("explore.distinct", { n: grouped(facet.distinct) })}>${facet.exact ? "" : "≈"}${short(facet.distinct)}</small>` : null}</button>
      ${searchable ? html`<button class="quiet tiny" aria-pressed=${rare.value} title=${t("explore.rare.first")} onClick=${() => (rare.value = !rare.value)}>${t("explore.rare")}</button>` : null}
      <button class="quiet tiny" title=${t("explore.column.add", { field })} aria-label=${t("explore.column.add", { field })} onClick=${() => act(field, null, "column")}><${Sign} name="column" /></button>
      <button class="quiet tiny" title=${t("explore.facet.remove", { field })} aria-label=${t("explore.facet.remove", { field })} onClick=${() => act(field, null, "facet")}><${Sign} name="close" /></button></div>
    ${open.value ? html`${searchable ? html`<input type="search" class="facet-search" aria-label=${t("explore.facet.search", { field })} placeholder=${t("explore.facet.search.short")} value=${match.value} onInput=${(/** @type {any} */ event) => (match.value = event.target.value)} />` : null}
      ${error ? html`<p class="notice bad">${errorText(error)}</p>` : null}
      <ul class=${first.loading && !own ? "old" : ""}>
        ${rows.map(({ value, count }) => html`<${Row} key=${value} field=${field} value=${value} label=${value === "" ? t("explore.empty.value") : value} count=${count} share=${((count ?? 0) / top) * 100} state=${wanted.has(value) ? "+" : without.has(value) ? "-" : ""} act=${act} />`)}
        ${facet?.absent && !match.value ? html`<${Row} key=" absent" field=${field} value=${null} label=${t("explore.absent")} count=${facet.absent} share=${0} state="" act=${act} />` : null}
      </ul>
      ${facet && rows.length === 0 && !facet.absent ? html`<p class="soft small">${t("explore.facet.none")}</p>` : null}
      ${hidden > 0 && facet ? html`<button class="quiet tiny" onClick=${() => (limit.value = Math.min(limit.value * 4, 500))}>${match.value === "" ? t("explore.facet.more", { n: short(hidden) }) : t("more")}</button>` : null}` : null}
  </section>`;
}

/**
 * @param {{scope: Scope|null, fields: string[], known: () => Promise<any>, ready: (signal: AbortSignal) => Promise<void>, chosen: (field: string) => {wanted: Set<string>, without: Set<string>}, act: Act}} props nothing is asked without a scope
 */
export function Facets({ scope, fields, known, ready, chosen, act }) {
  const first = useAsk(async (signal) => {
    if (fields.length === 0 || !scope) return { facets: [], complete: true };
    await ready(signal);
    return get("facets", { q: scope.q, since: scope.since, until: scope.until, fields: fields.join(","), limit: LIMIT }, { signal });
  }, [scope, fields.join(",")]);
  const wanted = useSignal(false);
  return html`<div class="facets">
    ${first.data?.complete === false ? html`<p class="notice warn">${t("explore.facets.partial")}</p>` : null}
    ${first.error instanceof Problem && first.error.kind !== "query" ? html`<p class="notice bad">${errorText(first.error)}</p>` : null}
    ${fields.map((field) => html`<${Field} key=${field} field=${field} scope=${scope} ...${chosen(field)} act=${act} first=${first} />`)}
    <section class="facet"><button class="facet-toggle" aria-expanded=${wanted.value} onClick=${() => (wanted.value = !wanted.value)}><span aria-hidden="true">${wanted.value ? "▾" : "▸"}</span><b>${t("explore.more.fields")}</b></button>
      ${wanted.value ? html`<${MoreFields} scope=${scope} fields=${fields} known=${known} act=${act} />` : null}</section>
  </div>`;
}

/** @param {{scope: Scope|null, fields: string[], known: () => Promise<any>, act: Act}} props */
function MoreFields({ scope, fields, known, act }) {
  const match = useSignal("");
  const { data, error } = useAsk(known, [scope]);
  const names = [...["level", "stream", "host", "file"].map((name) => ({ name, records: null })), ...(data?.fields ?? [])];
  const seen = new Set(fields);
  const rest = names.filter(({ name }) => !seen.has(name) && seen.add(name) && name.toLowerCase().includes(match.value.toLowerCase()));
  return html`<input type="search" class="facet-search" aria-label=${t("explore.fields.search")} placeholder=${t("explore.fields.search")} value=${match.value} onInput=${(/** @type {any} */ event) => (match.value = event.target.value)} />
    ${error ? html`<p class="notice bad">${errorText(error)}</p>` : null}
    <ul>${rest.slice(0, 200).map(({ name, records }) => html`<li key=${name} class="facet-value"><button class="facet-name" aria-label=${t("explore.facet.add", { field: name })} onClick=${() => act(name, null, "facet")}><span>${name}</span></button><span class="facet-count">${records === null ? "" : short(records)}</span></li>`)}</ul>`;
}
