// Words to be seen in a line, each in its colour. Pure.

/**
 * @typedef {{text: string, colour: number}} Highlight colour 1 to 6
 * @typedef {{start: number, end: number, colour: number}} Mark
 * @typedef {{text: string, span: import("./ansi.js").Span|null, colour: number}} Segment
 */

/** Marks in a line at most: what comes behind them is not looked at. */
const MARKS = 200;

/**
 * One pattern for all words; null where there is none.
 * @param {Highlight[]} highlights
 */
export function pattern(highlights) {
  const words = highlights.filter(({ text }) => text !== "");
  if (words.length === 0) return null;
  // The longest first, so that it wins over what it begins with.
  words.sort((a, b) => b.text.length - a.text.length);
  const parts = words.map(({ text }) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return { regex: new RegExp(parts.map((part) => `(${part})`).join("|"), "giu"), colours: words.map(({ colour }) => colour) };
}

/**
 * Where the words are, none over another.
 * @param {string} text
 * @param {ReturnType<typeof pattern>} wanted
 * @returns {Mark[]}
 */
export function find(text, wanted) {
  const marks = /** @type {Mark[]} */ ([]);
  if (!wanted) return marks;
  for (const match of text.matchAll(wanted.regex)) {
    const which = match.findIndex((group, n) => n > 0 && group !== undefined);
    marks.push({ start: match.index, end: match.index + match[0].length, colour: wanted.colours[which - 1] });
    if (marks.length >= MARKS) break;
  }
  return marks;
}

/**
 * A text cut where its look changes: by terminal colours, by marks, or by both.
 * @param {string} text
 * @param {import("./ansi.js").Span[]} spans in order
 * @param {Mark[]} marks in order
 * @returns {Segment[]}
 */
export function segments(text, spans, marks) {
  const cuts = new Set([0, text.length]);
  for (const { start, end } of [...spans, ...marks]) {
    if (start < text.length) cuts.add(start);
    if (end < text.length) cuts.add(end);
  }
  const at = [...cuts].sort((a, b) => a - b);
  let s = 0;
  let m = 0;
  return at.slice(0, -1).map((from, n) => {
    while (s < spans.length && spans[s].end <= from) s += 1;
    while (m < marks.length && marks[m].end <= from) m += 1;
    const span = s < spans.length && spans[s].start <= from ? spans[s] : null;
    const colour = m < marks.length && marks[m].start <= from ? marks[m].colour : 0;
    return { text: text.slice(from, at[n + 1]), span, colour };
  });
}
