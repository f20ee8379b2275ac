// The state of Explore: what the address says, what is typed, and the question that is asked because of it. A range that
// counts back from now is made absolute when it is asked, so that all parts of the page speak of the same records.
import { batch, computed, effect, signal } from "../../lib/ui.js";
import { fragment, go, href, path, query } from "../../lib/router.js";
import { setting } from "../../lib/settings.js";
import { overview } from "../../lib/status.js";
import { RANGES, durationMs, momentMs, range } from "../../lib/time.js";
import { and, exists, streamOf, textTerm, toggle } from "./terms.js";

/** @typedef {{q: string, since: string, until: string, at: number, turn: number}} Asked */
/** Whether the page is shown: while it is not, the address speaks of another one. */
const shown = signal(false);

/** @typedef {"lines"|"table"|"patterns"|"fields"} Tab */

export const TABS = /** @type {const} */ (["lines", "table", "patterns", "fields"]);
export const COLUMNS = ["time", "level", "stream", "line"];
export const FACETS = ["level", "stream", "host"];
const HISTORY_MAX = 100;
const narrowWindow = matchMedia("(max-width: 48rem)").matches;

/**
 * A parameter of the address.
 * @param {string} name
 * @param {string} fallback
 */
const param = (name, fallback = "") => computed(() => query.value.get(name) ?? fallback);

export const q = param("q");
export const by = param("by", "level");
export const live = computed(() => query.value.get("live") === "1");
export const wrap = computed(() => query.value.get("wrap") === "1");
export const ansi = computed(() => query.value.get("ansi") !== "0");
export const folded = computed(() => query.value.get("fold") !== "0");
export const chartAsTable = computed(() => query.value.get("chart") === "table");
export const chartHidden = computed(() => query.value.get("chart") === "off");
/** Narrow windows have no room for them unless they are asked for. */
export const facetsShown = computed(() => (query.value.get("side") ?? (narrowWindow ? "0" : "1")) !== "0");
export const tab = computed(() => /** @type {Tab} */ (TABS.find((name) => name === query.value.get("tab")) ?? "lines"));
/** The record whose details are shown; "" for none. */
export const openId = computed(() => (fragment.value.startsWith("line=") ? decodeURIComponent(fragment.value.slice(5)) : ""));
export const detailTab = param("detail", "fields");

const columnsKept = setting("explore.columns", /** @type {Record<string, string[]>} */ ({}));
const facetsKept = setting("explore.facets", FACETS);
/** Queries that were asked, the newest first. */
export const asked = setting("explore.history", /** @type {string[]} */ ([]));

/** Fields to begin a table with; known when its records are. */
export const common = signal(/** @type {string[]} */ ([]));
const colsName = computed(() => (tab.value === "table" ? "tcols" : "cols"));

/** Where chosen columns are kept: for the stream that is asked for, lines and table apart. */
const columnsKey = () => `${tab.value === "table" ? "table " : ""}${streamOf(q.value)}`;

/** Columns as the address says, else as they were chosen last for the stream that is asked for. */
export const columns = computed(() => {
  const given = query.value.get(colsName.value);
  if (given) return given.split(",");
  return columnsKept.value[columnsKey()] ?? (tab.value === "table" ? ["time", "level", "stream", ...common.value] : columnsKept.value[""] ?? COLUMNS);
});

/** Fields whose values are counted at the side. */
export const facets = computed(() => query.value.get("facets")?.split(",").filter(Boolean) ?? facetsKept.value);

/** Words to be seen, besides those of the query: separated by commas, `\,` for a comma. */
export const highlighted = computed(() => (query.value.get("hl")?.match(/(?:\\.|[^,\\])+/g) ?? []).map((text) => text.replace(/\\(.)/g, "$1")));

/** What is typed. Kept over reloads and other pages: nothing typed is lost. */
export const draft = signal(draftKept());
effect(() => {
  const kept = JSON.stringify([q.value, draft.value]);
  try {
    if (shown.value) sessionStorage.setItem("logdrive.draft", kept);
  } catch {
    // Only a reload would lose it.
  }
});

function draftKept() {
  try {
    const [of, text] = JSON.parse(sessionStorage.getItem("logdrive.draft") ?? "[]");
    return of === q.peek() ? String(text) : q.peek();
  } catch {
    return q.peek();
  }
}

/** The address as it was when the page was left, to come back to. */
let last = "";

/**
 * Changes the address, and keeps the record that is open.
 * @param {Record<string, string|number|boolean|null|undefined>} changes
 * @param {{replace?: boolean, close?: boolean}} [options]
 */
export function set(changes, options = {}) {
  go(href(changes) + (options.close || !location.hash ? "" : location.hash), options);
}

const turn = signal(0);
const now = computed(() => {
  void turn.value;
  void query.value;
  const skew = overview.peek() ? Date.parse(/** @type {any} */ (overview.peek()).at) - Date.now() : 0;
  return Date.now() + (Math.abs(skew) > 3000 ? skew : 0);
});

/** The newest question. A new object is a new question. */
export const question = signal(/** @type {Asked} */ (ask()));

/** @returns {Asked} */
function ask() {
  const { since, until } = range.value;
  const at = now.value;
  const from = since === "all" ? null : momentMs(since, at);
  const to = until === "" ? (since === "all" ? null : at) : momentMs(until, at);
  const text = (/** @type {number|null} */ ms, /** @type {string} */ given) => (ms === null ? (given === "all" ? "" : given) : new Date(ms).toISOString());
  return { q: q.value, since: text(from, since), until: text(to, until), at, turn: turn.value };
}

const here = /** @type {WeakMap<Asked, {promise: Promise<void>, done: () => void}>} */ (new WeakMap());
const FIRST_MS = 250;

/** @param {Asked} of */
function arrival(of) {
  let found = here.get(of);
  if (!found) {
    let done = () => {};
    const promise = /** @type {Promise<void>} */ (new Promise((resolve) => (done = resolve)));
    here.set(of, (found = { promise, done }));
  }
  return found;
}

/** The first rows of a question are here, or will never be. @param {Asked} of */
export const rowsAreHere = (of) => arrival(of).done();

/** Rows come first: what is counted beside them waits for them, but not long. @param {Asked} of @param {AbortSignal} stop */
export async function afterRows(of, stop) {
  await Promise.race([arrival(of).promise, new Promise((resolve) => setTimeout(resolve, FIRST_MS))]);
  stop.throwIfAborted();
}

/** Whether the range is in the wrong order. */
export const wrongOrder = computed(() => {
  const { since, until } = question.value;
  return since !== "" && until !== "" && Date.parse(since) >= Date.parse(until);
});

let key = "";
effect(() => {
  if (!shown.value || path.value !== "/explore") return;
  last = location.pathname + location.search + location.hash;
  const { since, until } = range.value;
  const wanted = JSON.stringify([q.value, since, until, turn.value]);
  if (wanted === key) return;
  const first = key === "";
  key = wanted;
  batch(() => {
    if (!first) takeQuery();
    const next = ask();
    // The question that the page began with is not asked twice.
    if (!first || next.q !== question.peek().q || next.at - question.peek().at > 2000) question.value = next;
  });
});

/** The draft becomes what the address says; what stood there can be had again from the history. */
function takeQuery() {
  if (draft.peek().trim() && draft.peek() !== q.peek()) remember(draft.peek());
  draft.value = q.peek();
}

/** The page is shown: where it was left, when somebody comes back by a link that says nothing. The answer hides it. */
export function show() {
  if (location.search === "" && last.includes("?")) go(last, { replace: true });
  shown.value = true;
  return () => void (shown.value = false);
}

/** @param {string} text */
export function remember(text) {
  const one = text.trim();
  if (one) asked.value = [one, ...asked.peek().filter((other) => other !== one)].slice(0, HISTORY_MAX);
}

/** Asks what is typed. */
export function run() {
  remember(draft.peek());
  const text = draft.peek().trim();
  if (text !== q.peek()) set({ q: text }, { close: true });
  else turn.value += 1;
}

/** The same again: there may be more by now. */
export function askAgain() {
  turn.value += 1;
}

/** @param {string} text */
export function runText(text) {
  draft.value = text;
  run();
}

/**
 * What a click on a value means. It changes what is typed, so that nothing typed is lost.
 * @param {string} field
 * @param {string|null} value null where a record has no such field
 * @param {"+"|"-"|"exists"|"missing"|"column"|"facet"} action
 */
export function act(field, value, action) {
  const text = draft.peek();
  if (field === "" || field === "line") narrow(`${action === "-" ? "-" : ""}${textTerm(value ?? "")}`);
  else if (field === "time" && value && action !== "column") around(Date.parse(value));
  else if (action === "column") toggleColumn(field);
  else if (action === "facet") toggleFacet(field);
  else if (action === "exists" || action === "missing") runText(exists(text, field, action === "exists"));
  else if (value === null) runText(exists(text, field, action === "-"));
  else runText(toggle(text, field, value, action));
}

/** A minute before and after. @param {number} ms */
function around(ms) {
  if (!Number.isNaN(ms)) setRange(new Date(ms - 60_000).toISOString(), new Date(ms + 60_000).toISOString());
}

/** @param {string} condition */
export function narrow(condition) {
  runText(and(draft.peek(), condition));
}

/** @param {string[]} names */
export function setColumns(names) {
  columnsKept.value = { ...columnsKept.peek(), [columnsKey()]: names };
  set({ [colsName.peek()]: names.join(",") });
}

/** @param {string} name */
export function toggleColumn(name) {
  const now = columns.peek();
  if (now.includes(name)) return setColumns(now.length > 1 ? now.filter((one) => one !== name) : now);
  const line = now.indexOf("line");
  return setColumns(line < 0 ? [...now, name] : [...now.slice(0, line), name, ...now.slice(line)]);
}

/** @param {string} name */
export function toggleFacet(name) {
  const now = facets.peek();
  const names = now.includes(name) ? now.filter((one) => one !== name) : [...now, name];
  facetsKept.value = names;
  set({ facets: names.join(",") || "," }, { replace: true });
}

/** @param {string[]} texts */
export function setHighlights(texts) {
  set({ hl: texts.map((text) => text.replace(/[\\,]/g, "\\$&")).join(",") }, { replace: true });
}

/** @param {string} id "" closes */
export function openLine(id, replace = openId.peek() !== "") {
  go(location.pathname + location.search + (id ? `#line=${encodeURIComponent(id)}` : ""), { replace: replace && id !== "" });
}

/**
 * @param {string} since
 * @param {string} [until]
 */
export function setRange(since, until = "") {
  set({ since, until });
}

/** The bounds of the question in milliseconds; null where there is none. */
export function bounds() {
  const { since, until } = question.peek();
  return { from: since ? Date.parse(since) : null, to: until ? Date.parse(until) : null };
}

/**
 * Twice as wide: the next of the ranges, or around the middle.
 * @param {number|null} oldest where records begin, in milliseconds
 */
export function zoomOut(oldest = null) {
  const { since, until } = range.peek();
  const ms = until === "" ? durationMs(since) : null;
  if (since === "all") return;
  if (ms !== null) {
    setRange(RANGES.find((name) => name === "all" || (durationMs(name) ?? 0) > ms * 1.2) ?? "all");
    return;
  }
  const { from, to } = bounds();
  const end = to ?? question.peek().at;
  const start = from ?? oldest ?? end - 3600e3;
  const half = Math.max((end - start) / 2, 1);
  setRange(new Date(start - half).toISOString(), new Date(end + half).toISOString());
}

/** @param {-1|1} direction by half of what is seen */
export function shift(direction) {
  const { from, to } = bounds();
  if (from === null) return;
  const end = to ?? question.peek().at;
  const step = ((end - from) / 2) * direction;
  setRange(new Date(from + step).toISOString(), new Date(end + step).toISOString());
}

/** What is selected on the page. */
export function textSelected() {
  return String(document.getSelection() ?? "").trim().slice(0, 200);
}
