// Which charts there are: of a host, under Telegraf's names; of lines; of logdrive itself; or any. Pure.
import { bytes, duration, short } from "../../lib/format.js";

/**
 * @typedef {object} Panel
 * @property {string} id
 * @property {string} [title] where it is not one of the host's, which have words of their own
 * @property {string} measurement
 * @property {string[]} fields one line each; grouped lines where there is `by`
 * @property {string} [aggregate]
 * @property {string} [by]
 * @property {Record<string, string>} [tags]
 * @property {(value: number) => string} format
 */

/** @typedef {{name: string, tags: string[], fields: string[]}} Measurement */

const percent = (/** @type {number} */ value) => `${value.toFixed(value < 10 ? 1 : 0)} %`;
const perSecond = (/** @type {number} */ value) => `${bytes(value)}/s`;

/** @type {Panel[]} */
const HOST = [
  { id: "cpu", measurement: "cpu", fields: ["usage_user", "usage_system", "usage_iowait", "usage_steal"], tags: { cpu: "cpu-total" }, format: percent },
  { id: "load", measurement: "system", fields: ["load1", "load5", "load15"], format: short },
  { id: "mem", measurement: "mem", fields: ["used", "cached", "buffered"], format: bytes },
  { id: "swap", measurement: "swap", fields: ["used"], format: bytes },
  { id: "disk", measurement: "disk", fields: ["used_percent"], by: "path", format: percent },
  { id: "diskread", measurement: "diskio", fields: ["read_bytes"], aggregate: "rate", by: "name", format: perSecond },
  { id: "diskwrite", measurement: "diskio", fields: ["write_bytes"], aggregate: "rate", by: "name", format: perSecond },
  { id: "netin", measurement: "net", fields: ["bytes_recv"], aggregate: "rate", by: "interface", format: perSecond },
  { id: "netout", measurement: "net", fields: ["bytes_sent"], aggregate: "rate", by: "interface", format: perSecond },
  { id: "processes", measurement: "processes", fields: ["running", "blocked", "total"], format: short },
  { id: "pressure", measurement: "pressure", fields: ["avg10"], by: "resource", tags: { type: "some" }, format: percent },
];

/** @type {Panel[]} */
const HEALTH = [
  { id: "lines", measurement: "logdrive_agent", fields: ["read_lines_total"], aggregate: "rate", by: "host", format: (value) => `${short(value)}/s` },
  { id: "bytes", measurement: "logdrive_agent", fields: ["read_bytes_total"], aggregate: "rate", by: "host", format: perSecond },
  { id: "inflight", measurement: "logdrive_agent", fields: ["in_flight_bytes"], by: "host", format: bytes },
  { id: "records", measurement: "logdrive_transfer", fields: ["records_total"], aggregate: "rate", by: "stream", format: (value) => `${short(value)}/s` },
  { id: "lag", measurement: "logdrive_transfer", fields: ["lag"], by: "group", format: short },
  { id: "unparsed", measurement: "logdrive_transfer", fields: ["unparsed_records_total"], aggregate: "rate", by: "stream", format: (value) => `${short(value)}/s` },
  { id: "dead", measurement: "logdrive_transfer", fields: ["dead_letter_records_total"], aggregate: "rate", by: "store", format: (value) => `${short(value)}/s` },
  { id: "missed", measurement: "logdrive_agent", fields: ["missed_bytes_total"], aggregate: "rate", by: "host", format: perSecond },
  { id: "faults", measurement: "logdrive_agent", fields: ["faults_total", "duplicate_batches_total", "resent_batches_total"], aggregate: "rate", format: (value) => `${short(value)}/s` },
  { id: "files", measurement: "logdrive_agent", fields: ["files", "open_files", "watched_folders"], format: short },
  { id: "connections", measurement: "logdrive_dashboard", fields: ["connections", "streams"], format: short },
  { id: "streamed", measurement: "logdrive_dashboard", fields: ["streamed_bytes_total"], aggregate: "rate", format: perSecond },
];

const HOST_NAMES = new Set(HOST.map((panel) => panel.measurement));

/**
 * How the values of a field read, by its name.
 * @param {string} field
 */
export function formatOf(field) {
  if (/bytes/.test(field)) return bytes;
  if (/percent|usage_/.test(field)) return percent;
  return /seconds$/.test(field) ? duration : short;
}

/**
 * @param {Measurement} of
 * @param {string} field
 * @param {string} by
 * @returns {Panel}
 */
function auto(of, field, by) {
  const counts = /_total$|^count$/.test(field) || (/_total$/.test(of.name) && field === "value");
  const title = field === "value" ? of.name : `${of.name} · ${field}`;
  const format = formatOf(field === "value" ? of.name : field);
  const aggregate = /_total$/.test(of.name) || /_total$/.test(field) ? "rate" : field === "count" || field === "sum" ? "sum" : "mean";
  return { id: `${of.name}.${field}`, title, measurement: of.name, fields: [field], aggregate, by: by && of.tags.includes(by) ? by : "", format: counts && aggregate === "rate" ? (value) => `${format(value)}/s` : format };
}

/**
 * The panels of a view, among what is measured.
 * @param {string} view host, lines, health or any
 * @param {Measurement[]} measured
 * @param {{measurement: string, field: string, by: string}} chosen
 * @returns {Panel[]}
 */
export function panelsOf(view, measured, chosen) {
  const known = new Map(measured.map((one) => [one.name, one]));
  const fixed = { host: HOST, health: HEALTH }[view];
  if (fixed) return fixed.filter((panel) => panel.fields.some((field) => known.get(panel.measurement)?.fields.includes(field)));
  if (view === "any") {
    const of = known.get(chosen.measurement);
    if (!of) return [];
    return of.fields.filter((field) => !chosen.field || field === chosen.field).map((field) => auto(of, field, chosen.by));
  }
  const wanted = measured.filter((of) => !of.name.startsWith("logdrive_") && !HOST_NAMES.has(of.name));
  return wanted.flatMap((of) => of.fields.map((field) => auto(of, field, chosen.by)));
}

/**
 * Lines of one length over the steps of a range, from the API's points. A step without a value between two that have one
 * is no gap (undefined) where it is short; a longer silence is one (null).
 * @param {{tags: Record<string, string>, points: [number, number][]}[]} series
 * @param {number[]} times
 * @param {number} shift seconds that the points lie before
 * @param {number} silence steps
 */
export function aligned(series, times, shift, silence) {
  const at = new Map(times.map((time, n) => [time, n]));
  return series.map((one) => {
    const values = /** @type {(number|null|undefined)[]} */ (new Array(times.length).fill(null));
    let last = -1;
    for (const [time, value] of one.points) {
      const n = at.get(time + shift);
      if (n === undefined) continue;
      values[n] = value;
      if (last >= 0 && n - last <= silence) values.fill(undefined, last + 1, n);
      last = n;
    }
    return { label: Object.values(one.tags).join(" · "), values };
  });
}
