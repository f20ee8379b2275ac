// Which rows of a long answer lie where in time: counts over time turned into spans of rows, newest first. A span is what
// is fetched at once; one with too many rows is split by finer counts, one of a single moment is walked page by page.
// Pure: it asks nothing, it only knows.

/**
 * @typedef {object} Span
 * @property {number} from first moment, microseconds
 * @property {number} to first moment behind it
 * @property {number} count rows
 * @property {number} start index of its first row
 * @property {boolean} solid it cannot be split further
 * @typedef {{start: string, interval_seconds: number, series: {counts: number[]}[]}} Counts an answer of /histogram
 */

/** Small buckets are put together up to so many rows. */
export const BLOCK = 200;
/** A span of more rows is split before it is fetched. */
export const BLOCK_MAX = 1000;

/**
 * The spans of counts within a range, newest first, those without rows left out.
 * @param {number} first start of the first bucket, microseconds
 * @param {number} width of a bucket, microseconds
 * @param {number[]} counts oldest first
 * @param {number} from the range begins here
 * @param {number} to and ends before this
 * @returns {Span[]} without starts
 */
export function spansOf(first, width, counts, from, to) {
  const spans = /** @type {Span[]} */ ([]);
  let open = /** @type {Span|null} */ (null);
  for (let n = counts.length - 1; n >= 0; n -= 1) {
    const count = counts[n];
    if (count === 0) continue;
    const low = Math.max(first + n * width, from);
    if (open && open.count + count <= BLOCK) {
      open.count += count;
      open.from = low;
    } else {
      open = { from: low, to: Math.min(first + (n + 1) * width, to), count, start: 0, solid: width <= 1 };
      spans.push(open);
    }
  }
  return spans;
}

/** All rows of an answer, by index. */
export class RowIndex {
  /** @param {Span[]} spans newest first */
  constructor(spans) {
    this.spans = spans;
    this.total = 0;
    this.number(0);
  }

  /**
   * Gives the spans from `n` on their starts.
   * @param {number} n
   */
  number(n) {
    let start = n > 0 ? this.spans[n - 1].start + this.spans[n - 1].count : 0;
    for (let i = n; i < this.spans.length; i += 1) {
      this.spans[i].start = start;
      start += this.spans[i].count;
    }
    this.total = start;
  }

  /**
   * The place, among the spans, of the one that holds a row; -1 where there is none.
   * @param {number} index
   */
  find(index) {
    if (index < 0 || index >= this.total) return -1;
    let low = 0;
    let high = this.spans.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.spans[middle].start <= index) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /**
   * Puts finer spans in the place of one.
   * @param {Span} span
   * @param {Span[]} finer newest first
   */
  split(span, finer) {
    const n = this.spans.indexOf(span);
    if (n < 0) return;
    this.spans.splice(n, 1, ...finer);
    this.number(n);
  }

  /**
   * A span turned out to hold another number of rows: some came late, or the counts were a part.
   * @param {Span} span
   * @param {number} count
   */
  correct(span, count) {
    const n = this.spans.indexOf(span);
    if (n < 0 || span.count === count) return;
    span.count = count;
    if (count === 0) this.spans.splice(n, 1);
    this.number(Math.min(n, this.spans.length));
  }
}
