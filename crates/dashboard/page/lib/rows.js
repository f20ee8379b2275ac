// All rows of a search, newest first, without holding them. The first ones stream in and are shown at once; then counts
// over time tell which rows lie where, and a row that is scrolled to is fetched with those around it.
//
// Decision: the end of the range is pinned just behind the newest row of the first answer, so that what comes in later
// moves nothing. Blocks are let go by use, oldest first, beyond a bound of rows and of bytes.
import { get, isAbort, lines } from "./api.js";
import { isoOf, microsOf } from "./micros.js";
import { BLOCK_MAX, RowIndex, spansOf } from "./rowindex.js";
import { RowSource } from "./source.js";
import { momentMs } from "./time.js";

export { ArrayRows, RowSource } from "./source.js";

/**
 * @typedef {import("./types.js").Hit} Hit
 * @typedef {import("./rowindex.js").Span} Span
 */

const FIRST = 400;
const BUCKETS = 10_000;
const HELD_ROWS = 20_000;
const HELD_CHARS = 48 << 20;
/** Requests at once: more would keep others of this page waiting. */
const AT_ONCE = 2;
/** While the list is dragged along, nothing is asked for what is seen shorter than this. */
const STILL_MS = 40;
/** Rows that could not be fetched are asked for again after so long. */
const AGAIN_MS = 2000;

/**
 * @typedef {{hits: Hit[], chars: number}} Block rows that are held
 * @typedef {{span: Span, page: number, key: string, at: number}} Place where a row is
 */

export class SearchRows extends RowSource {
  #stop = new AbortController();
  #q;
  #since;
  #until = "";
  #head = /** @type {Hit[]} */ ([]);
  #index = /** @type {RowIndex|null} */ (null);
  #blocks = /** @type {Map<string, Block>} */ (new Map());
  #cursors = /** @type {WeakMap<Span, string[]>} where the pages of a span begin */ (new WeakMap());
  #running = /** @type {Map<string, AbortController>} */ (new Map());
  #wanted = /** @type {[number, number]} */ ([0, 0]);
  #timer = 0;
  #asked = 0;

  /** @param {{q: string, since?: string, until?: string}} of a range as in the address: `15m`, `all`, or moments */
  constructor({ q, since = "", until = "" }) {
    super();
    this.#q = q;
    const now = Date.now();
    const from = since === "all" || since === "" ? null : momentMs(since, now);
    const to = until === "" ? null : momentMs(until, now);
    // A bound that we cannot read is the server's to refuse, with its reason.
    this.#since = from === null ? (since === "all" ? "" : since) : isoOf(from * 1000);
    this.#until = to === null ? until : isoOf(to * 1000);
    /** How many rows there are; null until they are counted. */
    this.total = /** @type {number|null} */ (null);
    /** Milliseconds until the first rows were here, and until all were counted. */
    this.took = /** @type {number|null} */ (null);
    this.counted = /** @type {number|null} */ (null);
    this.loading = true;
    this.started = performance.now();
    this.#first().catch((error) => this.#failed(error));
  }

  /** When the newest row happened, RFC 3339. */
  get newest() {
    return this.#head[0]?.time ?? null;
  }

  /** The range that the rows are of, once it is pinned. */
  get range() {
    return { since: this.#since, until: this.#until };
  }

  #scope() {
    return { q: this.#q, since: this.#since, until: this.#until };
  }

  /** @param {unknown} error */
  #failed(error) {
    if (isAbort(error) || this.#stop.signal.aborted) return;
    this.error = error;
    this.loading = false;
    this.changed();
  }

  async #first() {
    let end = /** @type {any} */ (null);
    for await (const part of lines("search", { ...this.#scope(), limit: FIRST }, { signal: this.#stop.signal })) {
      for (const line of part) {
        if (line._ === undefined) this.#head.push(line);
        else if (line._ === "end") end = line;
        else if (line._ === "error") throw new Error(line.problem?.detail ?? "");
      }
      this.took ??= performance.now() - this.started;
      this.length = this.#head.length;
      this.changed();
    }
    if (!end) throw new TypeError("cut off");
    this.took ??= performance.now() - this.started;
    if (end.next === null || this.#head.length < FIRST) {
      this.complete = end.complete;
      this.#done(this.#head.length);
      return;
    }
    await this.#count();
  }

  /** @param {number} total */
  #done(total) {
    this.total = total;
    this.length = Math.max(total, this.#head.length);
    this.loading = false;
    this.counted = performance.now() - this.started;
    this.changed();
  }

  async #count() {
    const newest = microsOf(this.#head[0].time);
    const end = isoOf(newest + 1);
    if (this.#until === "" || microsOf(this.#until) > newest) this.#until = end;
    const from = this.#since === "" ? -Infinity : microsOf(this.#since);
    const answer = await get("histogram", { ...this.#scope(), buckets: BUCKETS }, { signal: this.#stop.signal });
    this.complete = answer.complete;
    this.#index = new RowIndex(this.#spans(answer, from, newest + 1));
    this.#done(this.#index.total);
    this.#load();
  }

  /**
   * @param {any} answer of /histogram
   * @param {number} from
   * @param {number} to
   */
  #spans(answer, from, to) {
    const first = microsOf(answer.start);
    return spansOf(first, Math.round(answer.interval_seconds * 1e6), answer.series[0]?.counts ?? [], from, to);
  }

  /**
   * @param {Span} span
   * @param {number} page of one that is walked
   */
  #key(span, page) {
    return `${span.from}/${span.to}/${page}`;
  }

  /**
   * The span, and the page of it, that holds a row.
   * @param {number} index
   * @returns {Place|null}
   */
  #at(index) {
    const n = this.#index?.find(index) ?? -1;
    const span = n < 0 ? undefined : this.#index?.spans[n];
    if (!span) return null;
    const page = Math.floor((index - span.start) / BLOCK_MAX);
    return { span, page, key: this.#key(span, page), at: index - span.start - page * BLOCK_MAX };
  }

  /**
   * @param {number} index
   * @returns {Hit|undefined}
   */
  get(index) {
    if (index < this.#head.length) return this.#head[index];
    const place = this.#at(index);
    const block = place && this.#blocks.get(place.key);
    if (!block) return undefined;
    // The last used is the last to be let go.
    this.#blocks.delete(place.key);
    this.#blocks.set(place.key, block);
    return block.hits[place.at];
  }

  /**
   * @param {number} from
   * @param {number} to
   */
  ensure(from, to) {
    if (from === this.#wanted[0] && to === this.#wanted[1]) return;
    this.#wanted = [from, to];
    window.clearTimeout(this.#timer);
    const now = performance.now();
    if (now - this.#asked > 4 * STILL_MS) this.#load();
    else this.#timer = window.setTimeout(() => this.#load(), STILL_MS);
    this.#asked = now;
  }

  /** Fetches what is to be seen, gives up what no longer is. */
  #load() {
    if (!this.#index || this.#stop.signal.aborted) return;
    const [from, to] = this.#wanted;
    const needed = /** @type {Map<string, Place>} */ (new Map());
    for (let index = Math.max(from, this.#head.length); index < Math.min(to, this.#index.total);) {
      const place = this.#at(index);
      if (!place) break;
      needed.set(place.key, place);
      index = Math.min(place.span.start + place.span.count, place.span.start + (place.page + 1) * BLOCK_MAX);
    }
    for (const [key, stop] of this.#running) if (!needed.has(key)) stop.abort();
    for (const [key, { span, page }] of needed) {
      if (this.#running.size >= AT_ONCE) break;
      if (!this.#running.has(key) && !this.#blocks.has(key)) this.#run(key, span, page);
    }
  }

  /**
   * @param {string} key
   * @param {Span} span
   * @param {number} page
   */
  #run(key, span, page) {
    const stop = new AbortController();
    this.#running.set(key, stop);
    const work = span.count > BLOCK_MAX && !span.solid ? this.#split(span, stop.signal) : this.#bring(span, page, stop.signal);
    work.then(() => {
      this.#running.delete(key);
      this.error = null;
      this.changed();
      this.#load();
    }, (error) => {
      this.#running.delete(key);
      if (isAbort(error)) return this.#load();
      this.#failed(error);
      window.clearTimeout(this.#timer);
      this.#timer = window.setTimeout(() => this.#load(), AGAIN_MS);
    });
  }

  /**
   * Too many rows for one fetch: finer counts of the same moments.
   * @param {Span} span
   * @param {AbortSignal} signal
   */
  async #split(span, signal) {
    const answer = await get("histogram", { q: this.#q, since: isoOf(span.from), until: isoOf(span.to), buckets: BUCKETS }, { signal });
    const finer = this.#spans(answer, span.from, span.to);
    if (!answer.complete) this.complete = false;
    if (finer.length <= 1) span.solid = true;
    else this.#index?.split(span, finer);
    this.#recount();
  }

  /**
   * @param {Span} span
   * @param {number} page
   * @param {AbortSignal} signal
   */
  async #bring(span, page, signal) {
    const cursors = this.#cursors.get(span) ?? [""];
    this.#cursors.set(span, cursors);
    for (let n = Math.min(page, cursors.length - 1); n <= page; n += 1) {
      const { hits, next } = await this.#page(span, cursors[n], signal);
      this.#hold(this.#key(span, n), hits);
      if (next) cursors[n + 1] = next;
      const seen = n * BLOCK_MAX + hits.length;
      if (!next && seen !== span.count) this.#index?.correct(span, seen);
      else if (next && seen >= span.count) this.#index?.correct(span, seen + 1);
      if (!next) break;
    }
    this.#recount();
  }

  /**
   * A page of a span: a thousand rows, in as many answers as it takes where lines are long.
   * @param {Span} span
   * @param {string} cursor
   * @param {AbortSignal} signal
   */
  async #page(span, cursor, signal) {
    const hits = /** @type {Hit[]} */ ([]);
    let next = /** @type {string|null} */ (cursor);
    do {
      const query = { q: this.#q, since: isoOf(span.from), until: isoOf(span.to), limit: BLOCK_MAX - hits.length, cursor: next };
      const answer = await get("search", query, { signal });
      hits.push(...answer.hits);
      next = answer.next;
      if (!answer.complete) this.complete = false;
    } while (next && hits.length < BLOCK_MAX && hits.length < span.count);
    return { hits, next };
  }

  #recount() {
    if (!this.#index) return;
    this.total = this.#index.total;
    this.length = Math.max(this.total, this.#head.length);
  }

  /**
   * Keeps a block, and lets others go where there are too many.
   * @param {string} key
   * @param {Hit[]} hits
   */
  #hold(key, hits) {
    let chars = 0;
    for (const hit of hits) chars += hit.line.length + 300;
    this.#blocks.set(key, { hits, chars });
    let rows = 0;
    let held = 0;
    for (const block of this.#blocks.values()) {
      rows += block.hits.length;
      held += block.chars;
    }
    for (const [oldest, block] of this.#blocks) {
      if (oldest === key || (rows <= HELD_ROWS && held <= HELD_CHARS)) break;
      rows -= block.hits.length;
      held -= block.chars;
      this.#blocks.delete(oldest);
    }
  }

  close() {
    this.#stop.abort();
    window.clearTimeout(this.#timer);
    for (const stop of this.#running.values()) stop.abort();
  }
}
