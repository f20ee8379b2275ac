// Home: is everything there, how fast and how late, what needs a person, what changed.
import { html } from "../lib/ui.js";
import { bytes, duration, grouped, percent, short } from "../lib/format.js";
import { named, t } from "../lib/i18n.js";
import { overview } from "../lib/status.js";
import { style } from "../lib/style.js";
import { moment } from "../lib/time.js";
import { LawBar } from "../widgets/law.js";
import { Path } from "../widgets/path.js";
import { Sparkline } from "../widgets/sparkline.js";
import { Loading } from "../widgets/states.js";
import { FirstRun } from "./overview/firstrun.js";

style("overview");

/** @typedef {import("../lib/types.js").Overview} Overview */

/** @param {{now: Overview}} props */
function Completeness({ now }) {
  const lost = now.completeness.gaps;
  // Here gaps are what is nowhere; in an account of the audit, what was not read yet is among them.
  const sum = { ...now.completeness, gaps: lost + now.completeness.unread };
  const verdict = lost > 0 ? "bad" : "good";
  return html`<section class="card completeness" aria-labelledby="completeness">
    <div class="row"><h2 id="completeness">${t("overview.completeness")}</h2><span class="grow"></span><a href="/audit">${t("overview.prove")}</a></div>
    <div class="row big"><strong class=${verdict}>${percent(sum.percent)}</strong>
      <span>${lost > 0 ? t("overview.lost", { size: bytes(lost) }) : t("overview.nothing.lost", { files: grouped(sum.files) })}</span></div>
    <${LawBar} account=${sum} />
  </section>`;
}

/** @param {{label: string, value: string, note?: string, values?: number[], href?: string, kind?: string}} props */
function Tile({ label, value, note, values, href, kind = "" }) {
  const body = html`<h3>${label}</h3><strong class=${kind}>${value}</strong><small>${note ?? ""}</small>${values ? html`<${Sparkline} values=${values} width=${150} height=${26} />` : null}`;
  return href ? html`<a class="card tile" href=${href}>${body}</a>` : html`<div class="card tile">${body}</div>`;
}

/** @param {{now: Overview}} props */
function Tiles({ now }) {
  const { store, rates, lag, history } = now;
  const left = store.days_left === null ? t("overview.days.unknown") : t("overview.days.left", { n: short(store.days_left) });
  return html`<div class="tiles">
    <${Tile} label=${t("overview.rate")} value=${`${short(rates.lines_per_second)} /s`} note=${`${bytes(rates.bytes_per_second)}/s`} values=${history.lines_per_second} href="/explore?live=1" />
    <${Tile} label=${t("overview.lag")} value=${duration(lag.seconds)} note=${t("overview.lag.bytes", { size: bytes(lag.bytes) })} values=${history.lag_seconds} href="/files" kind=${lag.seconds > 60 ? "warn" : ""} />
    <${Tile} label=${t("overview.records")} value=${short(store.records)} note=${t("overview.of.lines", { size: bytes(store.line_bytes) })} href="/explore" />
    <${Tile} label=${t("overview.disk")} value=${bytes(store.disk_bytes)} note=${left} values=${history.disk_bytes} kind=${store.days_left !== null && store.days_left < 3 ? "warn" : ""} />
    <${Tile} label=${t("overview.files")} value=${grouped(now.completeness.files)} note=${now.agents.total > 1 ? t("overview.agents", { up: now.agents.up, total: now.agents.total }) : t("overview.incomplete", { n: now.completeness.incomplete })} href="/files" />
    <${Tile} label=${t("overview.dead")} value=${bytes(now.completeness.dead_letter)} note=${t("overview.dead.note")} href="/audit#dead-letters" kind=${now.completeness.dead_letter ? "warn" : ""} />
    <${Tile} label=${t("overview.workers")} value=${`${now.workers.running}`} note=${now.workers.waiting ? t("overview.workers.waiting", { n: now.workers.waiting }) : t("overview.workers.restarts", { n: now.workers.restarts })} href="/charts?view=health" kind=${now.workers.waiting ? "bad" : ""} />
  </div>`;
}

/** @param {{now: Overview}} props */
function NeedsAttention({ now }) {
  if (now.attention.length === 0) return html`<section class="card"><h2>${t("overview.attention")}</h2><p class="good">${t("overview.attention.none")}</p></section>`;
  return html`<section class="card"><h2>${t("overview.attention")}</h2><ul class="attention">
    ${now.attention.map((item) => html`<li key=${item.kind + item.subject} class=${item.severity === "error" ? "bad" : "warn"}>
      <span class="mark" aria-label=${t(item.severity === "error" ? "severity.error" : "severity.warn")}>${item.severity === "error" ? "✕" : "!"}</span>
      <span class="text"><b><${Path} path=${item.subject} /></b> <span>${item.text}</span>${item.since ? html` <small>${t("overview.since", { time: moment(item.since, true) })}</small>` : null}</span>
      ${item.action ? html`<a class="button" href=${item.action.href}>${named(item.action.label_key)}</a>` : null}
    </li>`)}
  </ul></section>`;
}

/** @param {{now: Overview}} props */
function WhatChanged({ now }) {
  return html`<section class="card"><h2>${t("overview.changes")}</h2>
    ${now.changes.length === 0 ? html`<p class="soft">${t("overview.changes.none")}</p>` : html`<ol class="changes">
      ${now.changes.map((change) => html`<li key=${change.at + change.subject + change.text}><time datetime=${change.at}>${moment(change.at, true).slice(0, 19)}</time><span class="kind">${named(`change.${change.kind}`)}</span><span class="text"><b><${Path} path=${change.subject} /></b> ${change.text}${change.before || change.after ? html` <code>${change.before ?? "–"} → ${change.after ?? "–"}</code>` : null}</span></li>`)}
    </ol>`}
  </section>`;
}

export function Page() {
  const now = overview.value;
  if (!now) return html`<${Loading} />`;
  return html`<div class="page">
    ${now.first_run ? html`<${FirstRun} />` : null}
    <${Completeness} now=${now} />
    <${Tiles} now=${now} />
    <div class="columns"><${NeedsAttention} now=${now} /><${WhatChanged} now=${now} /></div>
  </div>`;
}
