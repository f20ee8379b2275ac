// Lines as they came, in bytes, the newest so many: none is decoded before it is looked at. Of twenty thousand lines a
// second a page shows forty; the others cost it the search for their ends. Pure.

/**
 * Lines that came together.
 * @typedef {object} Piece
 * @property {number} first index of its first row
 * @property {number} count
 * @property {Uint8Array|null} bytes
 * @property {number[]} ends of its rows: where each begins and where it ends
 * @property {string} note what is said in place of lines
 */

const NEWLINE = 10;
/** `{"_":` begins a control line. */
const CONTROL = [0x7b, 0x22, 0x5f, 0x22, 0x3a];

/**
 * @param {Uint8Array} bytes
 * @param {number} at
 */
function isControl(bytes, at) {
  return CONTROL.every((byte, n) => bytes[at + n] === byte);
}

/** Cuts what comes in pieces of any size into lines, copying only those that lie over two pieces. */
export class Lines {
  #rest = /** @type {Uint8Array[]} */ ([]);

  /**
   * Whole lines, as places within arrays of bytes.
   * @param {Uint8Array} bytes
   * @param {(bytes: Uint8Array, places: number[]) => void} take places: starts and ends, by turns
   */
  push(bytes, take) {
    let from = 0;
    let end = bytes.indexOf(NEWLINE);
    if (end < 0) {
      this.#rest.push(bytes);
      return;
    }
    if (this.#rest.length > 0) {
      const whole = joined([...this.#rest, bytes.subarray(0, end)]);
      this.#rest = [];
      if (whole.length > 0) take(whole, [0, whole.length]);
      from = end + 1;
      end = bytes.indexOf(NEWLINE, from);
    }
    const places = /** @type {number[]} */ ([]);
    for (; end >= 0; end = bytes.indexOf(NEWLINE, from)) {
      if (end > from) places.push(from, end);
      from = end + 1;
    }
    if (places.length > 0) take(bytes, places);
    if (from < bytes.length) this.#rest.push(bytes.slice(from));
  }
}

/** @param {Uint8Array[]} parts */
function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export class Ring {
  #pieces = /** @type {Piece[]} */ ([]);
  #decoder = new TextDecoder();
  /** Index of the oldest row there is: so many were let go. */
  first = 0;
  /** Index behind the newest. */
  end = 0;
  bytes = 0;
  /** Rows that are looked at: from here on none is let go. */
  pinned = Infinity;
  /** Lines that found no room because of that. */
  refused = 0;

  /**
   * @param {number} rows at most
   * @param {number} bytes at most
   */
  constructor(rows, bytes) {
    this.maxRows = rows;
    this.maxBytes = bytes;
  }

  get isFull() {
    return this.end - this.first > this.maxRows || this.bytes > this.maxBytes;
  }

  /**
   * @param {Uint8Array} bytes
   * @param {number[]} places starts and ends of lines, by turns
   * @param {(text: string) => void} control takes control lines
   */
  push(bytes, places, control) {
    const ends = /** @type {number[]} */ ([]);
    for (let n = 0; n < places.length; n += 2) {
      if (bytes[places[n] + 2] === 0x5f && isControl(bytes, places[n])) control(this.#decoder.decode(bytes.subarray(places[n], places[n + 1])));
      else ends.push(places[n], places[n + 1]);
    }
    const count = ends.length / 2;
    if (count === 0) return;
    if (this.isFull && this.first >= this.pinned) {
      this.refused += count;
      return;
    }
    this.#add({ first: this.end, count, bytes, ends, note: "" });
  }

  /** @param {string} note */
  note(note) {
    this.#add({ first: this.end, count: 1, bytes: null, ends: [], note });
  }

  /** @param {Piece} piece */
  #add(piece) {
    this.#pieces.push(piece);
    this.end += piece.count;
    this.bytes += piece.bytes?.length ?? 0;
    let gone = 0;
    while (this.isFull && this.first < this.pinned && gone < this.#pieces.length - 1) {
      const oldest = this.#pieces[gone];
      const over = this.bytes > this.maxBytes ? oldest.count : this.end - this.first - this.maxRows;
      this.first = Math.min(this.first + over, oldest.first + oldest.count, this.pinned);
      if (this.first < oldest.first + oldest.count) break;
      this.bytes -= oldest.bytes?.length ?? 0;
      gone += 1;
    }
    if (gone > 0) this.#pieces.splice(0, gone);
  }

  /**
   * The text of a row, or what is said in its place.
   * @param {number} index
   * @returns {{text: string}|{note: string}|undefined}
   */
  at(index) {
    if (index < this.first || index >= this.end) return undefined;
    let low = 0;
    let high = this.#pieces.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#pieces[middle].first <= index) low = middle;
      else high = middle - 1;
    }
    const { first, bytes, ends, note } = this.#pieces[low];
    if (!bytes) return { note };
    const n = (index - first) * 2;
    return { text: this.#decoder.decode(bytes.subarray(ends[n], ends[n + 1])) };
  }

  /** Lets all rows go. Their indexes are not used again. */
  clear() {
    this.#pieces = [];
    this.first = this.end;
    this.bytes = 0;
  }
}
