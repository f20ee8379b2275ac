// Records as they come in: a ring of the newest, read as fast as the page keeps up and no faster. What was left out is
// counted; a connection that was lost is taken up again behind the last record, and a row says what lies between.
import { Problem, isAbort, request } from "./api.js";
import { duration, grouped } from "./format.js";
import { t } from "./i18n.js";
import { microsOf } from "./micros.js";
import { Lines, Ring } from "./ring.js";
import { RowSource } from "./source.js";

/** @typedef {import("./types.js").Hit} Hit */

const ROWS = 100_000;
/** Rows that stay decoded. */
const DECODED = 600;
/** Records of the same moment may come again after a break: so many of the last are compared. */
const COMPARED = 2000;
const RETRY_MS = [300, 600, 1000, 2000, 3000];
/** How a record begins: its id and its time. */
const HEAD = /^\{"id":"([^"]*)","time":"([^"]*)"/;
/** A tab that is hidden longer gives its connection back. */
const HIDDEN_MS = 4000;

export class LiveRows extends RowSource {
  #ring;
  #hits = /** @type {Map<number, any>} */ (new Map());
  #stop = new AbortController();
  #closed = false;
  #hidden = false;
  #hideTimer = 0;
  #clock = 0;
  #told = 0;
  #lastTaken = 0;
  /** Since when nothing is heard, and what came since it is heard again. */
  #gap = /** @type {{at: number, filled: number, skipped: number, again: number, known: Set<string>}|null} */ (null);
  #wake = () => {};
  #onVisible = () => this.#visible();

  /** @param {{q: string, backlog?: number, bytes?: number}} of `bytes`: what the rows may take, in memory */
  constructor({ q, backlog = 200, bytes = 64 << 20 }) {
    super();
    this.#ring = new Ring(ROWS, bytes);
    this.q = q;
    this.backlog = backlog;
    /** `live`, or why not. */
    this.state = /** @type {"connecting"|"live"|"lost"|"hidden"|"failed"} */ ("connecting");
    /** Matching lines a second, shown or not. */
    this.rate = 0;
    /** Lines that came here. */
    this.taken = 0;
    this.skippedThere = 0;
    document.addEventListener("visibilitychange", this.#onVisible);
    this.#clock = window.setInterval(() => this.#tick(), 1000);
    void this.#run();
  }

  /** Lines that match and are not among the rows: left out by the server, or for want of room here. */
  get skipped() {
    return this.skippedThere + this.#ring.refused;
  }

  /** Rows that were here and were let go for newer ones. */
  get gone() {
    return this.#ring.first;
  }

  get total() {
    return this.length;
  }

  /**
   * While rows are looked at, none from here on is let go.
   * @param {number|null} index
   */
  pin(index) {
    if (index === null && this.#ring.pinned !== Infinity && this.#refusedSince > 0) {
      this.#ring.pinned = Infinity;
      this.#ring.note(t("live.refused", { n: grouped(this.#refusedSince) }));
      this.#refusedBefore = this.#ring.refused;
      this.#grew();
    }
    this.#ring.pinned = index ?? Infinity;
  }

  #refusedBefore = 0;

  get #refusedSince() {
    return this.#ring.refused - this.#refusedBefore;
  }

  /** Forgets the rows that are here. */
  clear() {
    this.#ring.clear();
    this.#hits.clear();
    this.#grew();
  }

  /** @param {number} index */
  get(index) {
    const known = this.#hits.get(index);
    if (known) return known;
    const found = this.#ring.at(index);
    if (!found) return undefined;
    const row = "note" in found ? found : read(found.text);
    if (this.#hits.size >= DECODED) this.#hits.clear();
    this.#hits.set(index, row);
    return row;
  }

  /**
   * The row of a moment, or the first behind it.
   * @param {number} ms
   */
  indexAt(ms) {
    let low = this.first;
    let high = this.first + this.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const at = Date.parse(this.get(middle)?.time ?? "");
      if (at < ms) low = middle + 1;
      else high = middle;
    }
    return Math.min(low, this.first + this.length - 1);
  }

  #grew() {
    this.first = this.#ring.first;
    this.length = this.#ring.end - this.#ring.first;
    this.changed();
  }

  #tick() {
    const now = performance.now();
    // A server that tells no rate: what came is the best guess.
    if (now - this.#told > 2500) this.rate = this.taken - this.#lastTaken;
    this.#lastTaken = this.taken;
    if (this.state === "live") this.changed();
  }

  #visible() {
    window.clearTimeout(this.#hideTimer);
    if (document.hidden) {
      this.#hideTimer = window.setTimeout(() => {
        this.#hidden = true;
        this.#stop.abort();
      }, HIDDEN_MS);
    } else if (this.#hidden) {
      this.#hidden = false;
      this.#wake();
    }
  }

  /** Follows for as long as it is wanted. */
  async #run() {
    for (let tries = 0; !this.#closed; ) {
      this.#stop = new AbortController();
      try {
        await this.#follow();
        tries = 0;
      } catch (error) {
        if (this.#closed) return;
        if (error instanceof Problem && error.status < 500 && error.status !== 429) {
          this.error = error;
          this.state = "failed";
          this.changed();
          return;
        }
        if (this.state === "live" || isAbort(error)) tries = 0;
      }
      if (this.#closed) return;
      this.#gap ??= { at: Date.now(), filled: 0, skipped: 0, again: 0, known: new Set() };
      this.state = this.#hidden ? "hidden" : "lost";
      this.rate = 0;
      this.changed();
      await this.#wait(RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]);
      tries += 1;
    }
  }

  /** @param {number} ms */
  async #wait(ms) {
    await new Promise((done) => {
      this.#wake = () => done(null);
      if (!this.#hidden) window.setTimeout(done, ms);
    });
  }

  #lastId() {
    for (let index = this.first + this.length - 1; index >= this.first; index -= 1) {
      const id = this.get(index)?.id;
      if (id) return /** @type {string} */ (id);
    }
    return "";
  }

  async #follow() {
    const since = this.#gap ? this.#lastId() : "";
    const response = await request("tail", { q: this.q, backlog: since ? 1000 : this.backlog, since_id: since }, { signal: this.#stop.signal, accept: "application/x-ndjson" });
    if (!response.body) return;
    this.state = "live";
    if (this.#gap && since) this.#compare(this.#gap, since);
    const cut = new Lines();
    const reader = response.body.getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        cut.push(value, (bytes, places) => this.#take(bytes, places));
        this.#grew();
      }
    } finally {
      reader.cancel().catch(() => {});
    }
  }

  /**
   * What is known of the moment from which on the server answers.
   * @param {{known: Set<string>, again: number}} gap
   * @param {string} since
   */
  #compare(gap, since) {
    const end = this.first + this.length;
    const times = /** @type {string[]} */ ([]);
    let from = "";
    for (let index = Math.max(this.first, end - COMPARED); index < end; index += 1) {
      const row = this.#ring.at(index);
      const [, id, time] = (row && "text" in row && HEAD.exec(row.text)) || ["", "", ""];
      if (!id) continue;
      gap.known.add(id);
      times.push(time);
      if (id === since) from = time;
    }
    const moment = microsOf(from);
    gap.again = Math.max(times.filter((time) => microsOf(time) >= moment).length - 1, 0);
  }

  /**
   * @param {Uint8Array} bytes
   * @param {number[]} places
   */
  #take(bytes, places) {
    const kept = this.#gap ? this.#fill(bytes, places) : places;
    const before = this.#ring.end + this.#ring.refused;
    this.#ring.push(bytes, kept, (text) => this.#control(text));
    this.taken += this.#ring.end + this.#ring.refused - before;
  }

  /**
   * What fills a gap: without what was here before it. The gap ends with the first sign of life, which is said then.
   * @param {Uint8Array} bytes
   * @param {number[]} places
   */
  #fill(bytes, places) {
    const decoder = new TextDecoder();
    const kept = /** @type {number[]} */ ([]);
    for (let n = 0; n < places.length; n += 2) {
      const text = this.#gap ? decoder.decode(bytes.subarray(places[n], places[n + 1])) : "";
      if (text.startsWith('{"_":"skipped"') && this.#gap) this.#gap.skipped += JSON.parse(text).count;
      if (text.startsWith('{"_":"alive"') && this.#gap) this.#closeGap(bytes, kept.splice(0));
      else if (this.#gap && !text.startsWith('{"_"')) {
        if (this.#gap.known.has(HEAD.exec(text)?.[1] ?? "")) {
          this.#gap.again -= 1;
          continue;
        }
        this.#gap.filled += 1;
      }
      kept.push(places[n], places[n + 1]);
    }
    return kept;
  }

  /**
   * @param {Uint8Array} bytes
   * @param {number[]} filled lines that came since
   */
  #closeGap(bytes, filled) {
    const gap = this.#gap;
    if (!gap) return;
    this.#gap = null;
    // What the server left out and what was here before the gap are partly the same.
    const known = Math.min(Math.max(gap.again, 0), gap.skipped);
    gap.skipped -= known;
    this.skippedThere -= known;
    const values = { time: duration((Date.now() - gap.at) / 1000), n: grouped(gap.filled), m: grouped(gap.skipped) };
    this.#ring.note(t(gap.skipped > 0 ? "live.gap.skipped" : "live.gap", values));
    this.#take(bytes, filled);
  }

  /** @param {string} text */
  #control(text) {
    const line = JSON.parse(text);
    if (line._ === "skipped") this.skippedThere += line.count;
    else if (line._ === "rate") {
      this.rate = line.per_second;
      this.#told = performance.now();
    } else if (line._ === "error") this.error = new Problem(line.problem);
  }

  close() {
    this.#closed = true;
    this.#stop.abort();
    this.#wake();
    window.clearInterval(this.#clock);
    window.clearTimeout(this.#hideTimer);
    document.removeEventListener("visibilitychange", this.#onVisible);
  }
}

/** @param {string} text */
function read(text) {
  try {
    return JSON.parse(text);
  } catch {
    return { note: text };
  }
}
