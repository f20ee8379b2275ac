// What a list shows: rows by index, of which many are not here.

/**
 * @typedef {import("./types.js").Hit} Hit
 * @typedef {Hit & {note?: undefined}} Record a record
 * @typedef {{note: string, id?: undefined}} Note a row that says something about the rows around it
 */

/** @abstract */
export class RowSource {
  #listeners = /** @type {Set<() => void>} */ (new Set());
  /** Called, too, when anything is another. */
  onchange = /** @type {(() => void)|null} */ (null);
  /** Index of the first row there is; it grows where old rows are let go. */
  first = 0;
  /** How many there are from there on. */
  length = 0;
  /** Whether everything asked for was looked at. */
  complete = true;
  error = /** @type {unknown} */ (null);

  /**
   * The row; undefined while it is fetched.
   * @param {number} _index
   * @returns {any}
   */
  get(_index) {
    return undefined;
  }

  /**
   * Rows that are to be shown, and no others for now.
   * @param {number} _from
   * @param {number} _to behind the last
   */
  ensure(_from, _to) {}

  close() {}

  /**
   * @param {() => void} run
   * @returns {() => void} ends it
   */
  on(run) {
    this.#listeners.add(run);
    return () => void this.#listeners.delete(run);
  }

  changed() {
    for (const run of this.#listeners) run();
    this.onchange?.();
  }
}

/** Rows that are all here. */
export class ArrayRows extends RowSource {
  /** @param {(Hit|Note)[]} rows */
  constructor(rows) {
    super();
    this.rows = rows;
    this.length = rows.length;
  }

  /** @param {number} index */
  get(index) {
    return this.rows[index];
  }
}
