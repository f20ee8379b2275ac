// Where a list of millions of rows is scrolled to. What is held is the row at the top and how far into it; the bar's
// position follows from that, because no element can be as high as all rows together. Small steps move by pixels, large
// ones to where the bar is. Near its ends the bar is true to the pixel, so that they are reached like in any list; what
// lies between is drawn together. Pure.

/** Elements higher than this are refused or drawn badly somewhere. */
export const HEIGHT_MAX = 4_000_000;

/** So much at each end is not drawn together. */
const EDGE = 400_000;
/** So many rows from an end its distance is summed up rather than estimated. */
const NEAR = 200;
/** Heights that are remembered. */
const MEASURED = 50_000;

export class Scroll {
  /** @param {number} row height of a row of one line */
  constructor(row) {
    this.row = row;
    this.first = 0;
    this.count = 0;
    this.view = 0;
    /** Heights that were measured; null: all rows are as high as one line. */
    this.heights = /** @type {Map<number, number>|null} */ (null);
    this.sum = 0;
    this.mean = row;
    this.index = 0;
    this.offset = 0;
    /** The bar's position that belongs to it. */
    this.at = 0;
  }

  get end() {
    return this.first + this.count;
  }

  /** A row that was not measured is as high as the others on average. */
  get estimate() {
    return this.heights?.size ? Math.max(this.sum / this.heights.size, this.row) : this.mean;
  }

  get height() {
    return Math.min(Math.max(this.count * this.estimate, this.view), HEIGHT_MAX);
  }

  get most() {
    return Math.max(this.height - this.view, 0);
  }

  get isAtEnd() {
    return this.room(this.view + 1) <= this.view;
  }

  /** @param {number} index */
  heightOf(index) {
    return this.heights?.get(index) ?? this.estimate;
  }

  /**
   * @param {number} index
   * @param {number} height
   */
  measured(index, height) {
    if (!this.heights) return;
    const before = this.heights.get(index);
    if (before === height) return;
    if (this.heights.size >= MEASURED) {
      this.mean = this.estimate;
      this.heights.clear();
      this.sum = 0;
    }
    this.sum += height - (this.heights.get(index) ?? 0);
    this.heights.set(index, height);
  }

  /** @param {number} index of a row that is no longer there */
  forget(index) {
    this.sum -= this.heights?.get(index) ?? 0;
    this.heights?.delete(index);
  }

  /**
   * Rows of any height, or all of one; what was measured is forgotten.
   * @param {boolean} vary
   */
  reset(vary) {
    this.heights = vary ? new Map() : null;
    this.sum = 0;
    this.mean = this.row;
  }

  /**
   * Pixels from the top of the view to the end of the list, as far as they matter.
   * @param {number} enough
   */
  room(enough) {
    if (!this.heights || this.end - this.index > 4 * NEAR) return this.#sum(this.index, this.end) - this.offset;
    let sum = -this.offset;
    for (let i = this.index; i < this.end && sum < enough; i += 1) sum += this.heightOf(i);
    return sum;
  }

  /** Moves so that the last row is at the bottom, as far as there are rows. */
  toEnd() {
    let rest = this.view;
    let index = this.end;
    if (this.heights) while (rest > 0 && index > this.first) rest -= this.heightOf((index -= 1));
    else {
      const rows = Math.min(Math.ceil(rest / this.row), this.count);
      rest -= rows * this.row;
      index -= rows;
    }
    this.index = index;
    this.offset = Math.max(-rest, 0);
  }

  /** No blank before the first row nor behind the last. */
  clamp() {
    if (this.index < this.first) [this.index, this.offset] = [this.first, 0];
    if (this.index >= this.end || this.room(this.view) < this.view) this.toEnd();
  }

  /**
   * Moves by pixels.
   * @param {number} delta
   */
  by(delta) {
    this.offset += delta;
    if (!this.heights) {
      const rows = Math.floor(this.offset / this.row);
      this.index += rows;
      this.offset -= rows * this.row;
    } else {
      while (this.index < this.end - 1 && this.offset >= this.heightOf(this.index)) {
        this.offset -= this.heightOf(this.index);
        this.index += 1;
      }
      while (this.offset < 0 && this.index > this.first) {
        this.index -= 1;
        this.offset += this.heightOf(this.index);
      }
      this.offset = Math.max(this.offset, 0);
    }
    this.clamp();
  }

  /**
   * The bar was moved.
   * @param {number} at
   */
  moved(at) {
    const delta = at - this.at;
    this.at = at;
    if (Math.abs(delta) <= Math.max(3 * this.view, 3000)) return this.by(delta);
    if (at >= this.most - 0.5) return this.toEnd();
    const rows = this.#pixelsAt(at) / this.estimate;
    this.index = this.first + Math.floor(rows);
    this.offset = (rows % 1) * this.heightOf(this.index);
    return this.clamp();
  }

  /** Pixels above the view, if all rows could be laid out, at most. */
  get #all() {
    return Math.max(this.count * this.estimate - this.view, 0);
  }

  get #edge() {
    return Math.min(EDGE, this.most / 4);
  }

  /**
   * Pixels above the view where the bar is there.
   * @param {number} at
   */
  #pixelsAt(at) {
    const [edge, most, all] = [this.#edge, this.most, this.#all];
    if (at <= edge) return at;
    if (at >= most - edge) return all - (most - at);
    return edge + ((at - edge) / (most - 2 * edge)) * (all - 2 * edge);
  }

  /** Where the bar should be. */
  get ideal() {
    const above = this.#sum(this.first, this.index) + this.offset;
    const below = Math.max(this.room(Infinity) - this.view, 0);
    const [edge, most, all] = [this.#edge, this.most, this.#all];
    if (above <= edge) return Math.min(above, most);
    if (below <= edge) return Math.max(most - below, 0);
    return Math.min(edge + ((above - edge) / Math.max(all - 2 * edge, 1)) * (most - 2 * edge), most);
  }

  /**
   * Pixels of some rows together: exact where they are few, else by the mean.
   * @param {number} from
   * @param {number} to
   */
  #sum(from, to) {
    if (!this.heights || to - from > NEAR) return (to - from) * this.estimate;
    let sum = 0;
    for (let i = from; i < to; i += 1) sum += this.heightOf(i);
    return sum;
  }

  /** The bar is at an end and the list is not: it must be moved now, not when the scrolling stops. */
  get isStuck() {
    const low = this.at < this.view && this.ideal > this.at + 1;
    return low || (this.at > this.most - this.view && this.ideal < this.at - 1);
  }

  /**
   * Brings a row into the view.
   * @param {number} index
   * @param {"nearest"|"centre"|"top"} align
   */
  show(index, align) {
    const wanted = Math.min(Math.max(index, this.first), Math.max(this.end - 1, this.first));
    const above = wanted < this.index || (wanted === this.index && this.offset > 0);
    let below = -this.offset;
    if (!above) for (let i = this.index; i <= wanted && below <= this.view; i += 1) below += this.heightOf(i);
    if (align === "nearest" && !above && below <= this.view) return;
    this.index = wanted;
    this.offset = 0;
    if (align === "centre") this.by(-(this.view - this.heightOf(wanted)) / 2);
    else if (align === "nearest" && !above) this.by(this.heightOf(wanted) - this.view);
    this.clamp();
  }
}
