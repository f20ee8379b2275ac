// The range: counted back from now, or two moments, in the zone chosen. A range that cannot be is told before it is asked.
import { html, useSignal } from "../lib/ui.js";
import { t } from "../lib/i18n.js";
import { RANGES, dateAndTime, durationMs, isRelative, momentMs, zoneName } from "../lib/time.js";
import { zone } from "../lib/settings.js";
import { style } from "../lib/style.js";
import { Menu } from "./menu.js";

style("timepicker");

/** @typedef {{since: string, until: string}} Range */

/**
 * A duration in words.
 * @param {string} text
 */
export function inWords(text) {
  if (text === "all") return t("time.all");
  const one = /^(\d+)([smhdw])$/.exec(text);
  if (!one) return t("time.last", { range: text });
  const unit = /** @type {"s"|"m"|"h"|"d"|"w"} */ (one[2]);
  return one[1] === "1" ? t(`time.one.${unit}`) : t("time.last", { range: t(`time.${unit}`, { n: one[1] }) });
}

/**
 * The range for the button that changes it.
 * @param {Range} range
 */
export function rangeText(range) {
  if (isRelative(range)) return inWords(range.since);
  const now = Date.now();
  const side = (/** @type {string} */ text) => {
    const ms = momentMs(text, now);
    if (ms === null) return text;
    const [date, time] = dateAndTime(ms);
    const year = dateAndTime(now)[0].slice(0, 4);
    return `${date.startsWith(year) ? date.slice(5) : date} ${time.endsWith(":00") ? time.slice(0, 5) : time}`;
  };
  const [from, to] = [range.since === "all" ? "…" : side(range.since), range.until === "" ? t("time.now") : side(range.until)];
  const [day, ...rest] = to.split(" ");
  return `${from} – ${rest.length && from.startsWith(`${day} `) ? rest.join(" ") : to}`;
}

/**
 * The moment at which clocks of the zone show this; the earlier one where they show it twice.
 * @param {string} local 2026-01-31T10:00 with or without seconds
 */
export function momentOfLocal(local) {
  const asUtc = Date.parse(`${local}Z`);
  if (Number.isNaN(asUtc)) return null;
  let guess = asUtc;
  for (let n = 0; n < 3; n += 1) guess += asUtc - Date.parse(`${dateAndTime(guess).join("T")}Z`);
  return guess;
}

/** @param {string} text */
function localOf(text) {
  const ms = momentMs(text, Date.now());
  return ms === null ? "" : dateAndTime(ms).join("T");
}

/** @param {{range: Range, choose: (since: string, until: string) => void}} props */
function Absolute({ range, choose }) {
  const from = useSignal(localOf(range.since === "all" ? "24h" : range.since));
  const to = useSignal(localOf(range.until === "" ? "0s" : range.until));
  const wrong = useSignal("");
  /** @param {Event} event */
  const submit = (event) => {
    event.preventDefault();
    const [since, until] = [momentOfLocal(from.value), to.value ? momentOfLocal(to.value) : Infinity];
    if (since === null || until === null) wrong.value = t("time.unreadable");
    else if (since >= until) wrong.value = t("time.order");
    else choose(new Date(since).toISOString(), until === Infinity ? "" : new Date(until).toISOString());
  };
  return html`<form class="absolute" onSubmit=${submit}><h3>${t("time.absolute")} <small>${zoneName.value}</small></h3>
    <label>${t("time.from")}<input type="datetime-local" step="1" value=${from.value} aria-invalid=${wrong.value !== ""} onInput=${(/** @type {any} */ event) => (from.value = event.target.value)} /></label>
    <label>${t("time.to")}<input type="datetime-local" step="1" value=${to.value} aria-invalid=${wrong.value !== ""} onInput=${(/** @type {any} */ event) => (to.value = event.target.value)} /></label>
    ${wrong.value ? html`<p class="notice bad" role="alert">${wrong.value}</p>` : null}
    <div class="row"><button class="primary" type="submit">${t("time.apply")}</button>
      <select aria-label=${t("zone.label")} value=${zone.value} onChange=${(/** @type {any} */ event) => (zone.value = event.target.value)}><option value="local">${t("zone.local")}</option><option value="UTC">UTC</option>${["local", "UTC"].includes(zone.value) ? null : html`<option value=${zone.value}>${zone.value}</option>`}</select></div>
  </form>`;
}

/** @param {{choose: (since: string, until: string) => void}} props */
function Other({ choose }) {
  const text = useSignal("");
  const wrong = text.value !== "" && durationMs(text.value.trim()) === null;
  return html`<form class="row other-time" onSubmit=${(/** @type {Event} */ event) => { event.preventDefault(); if (text.value && !wrong) choose(text.value.trim(), ""); }}>
    <input class="grow" aria-label=${t("time.other")} placeholder=${t("time.other.example")} value=${text.value} aria-invalid=${wrong} onInput=${(/** @type {any} */ event) => (text.value = event.target.value)} /><button type="submit">${t("time.apply")}</button>
    ${wrong ? html`<p class="notice bad" role="alert">${t("time.duration.wrong")}</p>` : null}</form>`;
}

/**
 * @param {{range: Range, ranges?: string[], onChange: (since: string, until: string) => void}} props
 */
export function TimePicker({ range, ranges = RANGES, onChange }) {
  return html`<${Menu} class="right timepicker" panelClass="time-panel" title=${t("time.label")} label=${html`<span class="time-text">${rangeText(range)}</span><span aria-hidden="true">▾</span>`}>
    ${(/** @type {() => void} */ close) => {
      const choose = (/** @type {string} */ since, /** @type {string} */ until) => { close(); onChange(since, until); };
      return html`<div class="time-columns"><div><h3>${t("time.relative")}</h3><div class="time-list">${ranges.map((name, n) => html`<button type="button" key=${name} class="item" aria-pressed=${range.until === "" && range.since === name} onClick=${() => choose(name, "")}><span class="grow">${inWords(name)}</span><kbd>t ${n + 1}</kbd></button>`)}</div>
        <${Other} choose=${choose} /></div><${Absolute} key=${zone.value} range=${range} choose=${choose} /></div>`;
    }}
  <//>`;
}
