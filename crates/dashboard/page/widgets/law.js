// The conservation law as a picture: every byte of a file is in exactly one of these places.
import { html } from "../lib/ui.js";
import { bytes } from "../lib/format.js";
import { t } from "../lib/i18n.js";

/**
 * @typedef {object} Sums
 * @property {number} size
 * @property {number} stored
 * @property {number} in_flight
 * @property {number} unread
 * @property {number} dead_letter
 * @property {number} dropped
 * @property {number} missed
 * @property {number} expired
 * @property {number} gaps bytes, `unread` among them
 */

const PLACES = /** @type {const} */ (["stored", "in_flight", "unread", "dead_letter", "dropped", "expired", "missed", "lost"]);

/**
 * How many bytes are where; together they are the size.
 * @param {Sums} sums
 */
export function placesOf(sums) {
  const unread = Math.min(sums.gaps, sums.unread);
  const counts = { ...sums, unread, lost: sums.gaps - unread };
  return PLACES.map((place) => ({ place, count: counts[place] }));
}

/**
 * The bar alone, for rows of tables. A place that holds anything is seen, however small it is.
 * @param {{account: Sums}} props
 */
export function LawStrip({ account }) {
  const present = placesOf(account).filter(({ count }) => count > 0);
  return html`<span class="law-strip" aria-hidden="true">${present.map(({ place, count }) => html`<i key=${place} class=${`law-${place}`} style=${{ flexGrow: Math.max(count / Math.max(account.size, 1), 0.012) }}></i>`)}</span>`;
}

/** @param {{account: Sums}} props */
export function LawBar({ account }) {
  return html`<div class="law"><${LawStrip} account=${account} />
    <dl class="law-legend"><div><dt>${t("law.size")}</dt><dd>${bytes(account.size)}</dd></div><span aria-hidden="true">=</span>
      ${placesOf(account).map(({ place, count }, n) => html`<div key=${place} class=${count === 0 ? "none" : ""}><dt><i class=${`law-${place}`} aria-hidden="true"></i>${t(`law.${place}`)}</dt><dd>${bytes(count)}</dd></div>${n < PLACES.length - 1 ? html`<span aria-hidden="true">+</span>` : null}`)}
    </dl></div>`;
}
