// Lines of the same shape, and how many there are of each: what is common, and what is rare.
import { html, useSignal } from "../../lib/ui.js";
import { get } from "../../lib/api.js";
import { useAsk } from "../../lib/ask.js";
import { grouped } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { param, setQuery } from "../../lib/router.js";
import { dateAndTime, moment } from "../../lib/time.js";
import { ErrorState, Loading } from "../../widgets/states.js";
import { narrow, openLine, question, set } from "./state.js";
import { Nothing } from "./rows.js";

const order = param("order", "common");

/**
 * The places of a shape that differ from line to line are set off.
 * @param {{text: string}} props
 */
function Shape({ text }) {
  const parts = text.split(/(<[a-z*_0-9]+>)/);
  return html`<code>${parts.map((part, n) => (n % 2 ? html`<i key=${n} class="hole">${part}</i>` : part))}</code>`;
}

/** A moment, without its date if that is today's. @param {string} text */
function brief(text) {
  const [date, time] = moment(text, true).split(" ");
  return `${date === dateAndTime(Date.now())[0] ? "" : `${date.slice(5)} `}${time.slice(0, 8)}`;
}

/** @param {{one: any, top: number}} props */
function Row({ one, top }) {
  const levels = Object.entries(one.levels ?? {});
  const worst = ["fatal", "error", "warn"].find((level) => one.levels?.[level]) ?? levels.sort((a, b) => Number(b[1]) - Number(a[1]))[0]?.[0] ?? "unknown";
  const filter = () => {
    if (!one.query) return openLine(one.example.id);
    narrow(one.query);
    return set({ tab: null }, { replace: true });
  };
  return html`<tr data-level=${worst}><td class="number"><b>${grouped(one.count)}</b> ×<span class="share" aria-hidden="true"><i style=${{ width: `${(one.count / top) * 100}%` }}></i></span><button class="quiet tiny" onClick=${() => openLine(one.example.id)}>${t("patterns.example")}</button></td>
    <td><div class="shape"><span class="level-mark" data-level=${worst}>${worst}</span><button class="shape-text" title=${t("patterns.filter")} onClick=${filter}><${Shape} text=${one.pattern} /></button></div></td>
    <td class="soft nowrap">${brief(one.first)}</td><td class="soft nowrap">${brief(one.last)}</td></tr>`;
}

export function Patterns() {
  const limit = useSignal(100);
  const { q, since, until } = question.value;
  const { data, error, loading, again } = useAsk((signal) => get("patterns", { q, since, until, limit: limit.value, order: order.value === "rare" ? "rare" : "common" }, { signal }), [question.value, order.value, limit.value]);
  if (error && !data) return html`<${ErrorState} error=${error} retry=${again} />`;
  if (!data) return html`<${Loading} />`;
  if (data.patterns.length === 0) return html`<${Nothing} />`;
  const top = Math.max(...data.patterns.map((/** @type {any} */ one) => one.count));
  return html`<div class=${`tab-body ${loading ? "old" : ""}`}><div class="row pad"><button aria-pressed=${order.value !== "rare"} onClick=${() => setQuery({ order: null }, { replace: true })}>${t("patterns.common")}</button><button aria-pressed=${order.value === "rare"} onClick=${() => setQuery({ order: "rare" }, { replace: true })}>${t("patterns.rare")}</button>
      <span class="soft">${t("patterns.sampled", { n: grouped(data.sampled), total: grouped(data.total) })}</span>${data.complete ? null : html`<span class="warn">${t("explore.partial")}</span>`}</div>
    <div class="scroll grow" tabindex="0" role="region" aria-label=${t("explore.tab.patterns")}><table class="patterns"><thead><tr><th scope="col" class="number">${t("patterns.count")}</th><th scope="col">${t("patterns.shape")}</th><th scope="col">${t("patterns.first")}</th><th scope="col">${t("patterns.last")}</th></tr></thead>
    <tbody>${data.patterns.map((/** @type {any} */ one) => html`<${Row} key=${one.pattern} one=${one} top=${top} />`)}</tbody></table>
    ${data.patterns.length >= limit.value && limit.value < 1000 ? html`<p class="pad"><button onClick=${() => (limit.value *= 3)}>${t("more")}</button></p>` : null}</div></div>`;
}
