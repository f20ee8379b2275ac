// Ranges and moments. A range in the address is `since` and `until`: a duration that counts back from now (15m), or a
// moment in RFC 3339. The zone is only how moments are shown.
import { computed } from "./ui.js";
import { query } from "./router.js";
import { zone } from "./settings.js";

export const DEFAULT_SINCE = "15m";
/** Ranges to choose from, in the order of the keys `t 1` … `t 9`. */
export const RANGES = ["5m", "15m", "1h", "3h", "12h", "24h", "7d", "30d", "all"];

const UNIT_MS = /** @type {Record<string, number>} */ ({ s: 1e3, m: 60e3, h: 3600e3, d: 86_400e3, w: 604_800e3 });

/**
 * Milliseconds of a duration like 15m or 1h30m; null where it is none.
 * @param {string} text
 */
export function durationMs(text) {
  if (!/^(\d+(\.\d+)?[smhdw])+$/.test(text)) return null;
  let sum = 0;
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)([smhdw])/g)) sum += Number(number) * UNIT_MS[unit];
  return sum;
}

/**
 * The moment that a bound names; null where it names none.
 * @param {string} text
 * @param {number} now
 */
export function momentMs(text, now) {
  const back = durationMs(text);
  if (back !== null) return now - back;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : at;
}

/** The range in the address. `since` "all" is no lower bound. */
export const range = computed(() => ({
  since: query.value.get("since") ?? DEFAULT_SINCE,
  until: query.value.get("until") ?? "",
}));

/**
 * The range as the API takes it.
 * @param {{since: string, until: string}} of
 */
export function rangeQuery(of) {
  return { since: of.since === "all" ? "" : of.since, until: of.until };
}

/** The name of the zone in use. */
export const zoneName = computed(() =>
  zone.value === "local" ? Intl.DateTimeFormat().resolvedOptions().timeZone : zone.value);

const formats = /** @type {Map<string, Intl.DateTimeFormat>} */ (new Map());

/** @param {string} name */
function parts(name) {
  let format = formats.get(name);
  if (!format) {
    const fields = /** @type {const} */ ({ year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" });
    format = new Intl.DateTimeFormat("en-CA", { timeZone: name, hourCycle: "h23", ...fields });
    formats.set(name, format);
  }
  return format;
}

/**
 * Date and time of day in the zone, down to the second.
 * @param {number} ms
 * @returns {[string, string]}
 */
export function dateAndTime(ms) {
  const [date, time] = parts(zoneName.value).format(ms).split(", ");
  return [date, time ?? ""];
}

/**
 * A moment of the API, in the zone: time of day with milliseconds, with its date where `withDate`.
 * @param {string} text RFC 3339
 * @param {boolean} [withDate]
 */
export function moment(text, withDate = false) {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) return text;
  const [date, time] = dateAndTime(ms);
  const fraction = String(((ms % 1000) + 1000) % 1000).padStart(3, "0");
  return withDate ? `${date} ${time}.${fraction}` : `${time}.${fraction}`;
}

/**
 * A range in words, for the button that changes it.
 * @param {{since: string, until: string}} of
 */
export function isRelative(of) {
  return of.until === "" && (of.since === "all" || durationMs(of.since) !== null);
}
