// What terminals make of escape sequences, and what else a line holds that cannot be seen. Pure: text in, text and spans
// out. Colours are kept; every other control character becomes a sign that is seen.

/**
 * @typedef {[number, number, number]} Rgb
 * @typedef {object} Style
 * @property {Rgb|null} fg
 * @property {Rgb|null} bg
 * @property {boolean} bold
 * @property {boolean} dim
 * @property {boolean} italic
 * @property {boolean} underline
 * @property {boolean} strike
 * @property {boolean} inverse
 * @typedef {{start: number, end: number, style: Style|null, control: boolean}} Span
 */

const BASE = "000000cd3131 0dbc79e5e5102472c8bc3fbc11a8cde5e5e5 666666f14c4c23d18bf5f5433b8eead670d629b8dbffffff".replaceAll(" ", "");

/** @type {Style} */
const PLAIN = { fg: null, bg: null, bold: false, dim: false, italic: false, underline: false, strike: false, inverse: false };

/**
 * A colour of the 256.
 * @param {number} n
 * @returns {Rgb}
 */
export function indexed(n) {
  if (n < 16) {
    const hex = Number.parseInt(BASE.slice(n * 6, n * 6 + 6), 16);
    return [hex >> 16, (hex >> 8) & 255, hex & 255];
  }
  if (n >= 232) return [8 + (n - 232) * 10, 8 + (n - 232) * 10, 8 + (n - 232) * 10];
  const level = (/** @type {number} */ v) => (v === 0 ? 0 : 55 + v * 40);
  return [level(Math.floor((n - 16) / 36)), level(Math.floor((n - 16) / 6) % 6), level((n - 16) % 6)];
}

/**
 * The colour behind 38 or 48: how many codes it takes, and which it is.
 * @param {number[]} codes
 * @param {number} at
 * @returns {[number, Rgb|null]}
 */
function extended(codes, at) {
  const byte = (/** @type {number|undefined} */ v) => Math.min(v ?? 0, 255);
  if (codes[at + 1] === 5) return [2, indexed(byte(codes[at + 2]))];
  if (codes[at + 1] === 2) return [4, [byte(codes[at + 2]), byte(codes[at + 3]), byte(codes[at + 4])]];
  return [0, null];
}

/** @type {Record<number, Partial<Style>>} */
const FLAGS = {
  1: { bold: true }, 2: { dim: true }, 3: { italic: true }, 4: { underline: true }, 7: { inverse: true }, 9: { strike: true },
  22: { bold: false, dim: false }, 23: { italic: false }, 24: { underline: false }, 27: { inverse: false }, 29: { strike: false },
  39: { fg: null }, 49: { bg: null },
};

/**
 * A style after the codes of an `m` sequence.
 * @param {Style} before
 * @param {string} text between `[` and `m`
 * @returns {Style}
 */
export function restyled(before, text) {
  const codes = text.split(/[;:]/).map((code) => Number(code || 0));
  let style = before;
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at];
    if (code === 0) style = PLAIN;
    else if (code === 38 || code === 48) {
      const [taken, rgb] = extended(codes, at);
      if (rgb) style = { ...style, [code === 38 ? "fg" : "bg"]: rgb };
      at += taken;
    } else if (FLAGS[code]) style = { ...style, ...FLAGS[code] };
    else if (code >= 30 && code < 38) style = { ...style, fg: indexed(code - 30) };
    else if (code >= 40 && code < 48) style = { ...style, bg: indexed(code - 40) };
    else if (code >= 90 && code < 98) style = { ...style, fg: indexed(code - 82) };
    else if (code >= 100 && code < 108) style = { ...style, bg: indexed(code - 92) };
  }
  return style;
}

/** Escape sequences; control characters but tab and newline; marks that turn the direction; what has no width. */
const UNSEEN = /\u001b\[([0-9;:]*)m|[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

const CONTROLS = "NUL SOH STX ETX EOT ENQ ACK BEL BS HT LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US".split(" ");

const NAMES = /** @type {Record<number, string>} */ ({
  0x7f: "DEL", 0xad: "SHY", 0x61c: "ALM", 0x200b: "ZWSP", 0x200e: "LRM", 0x200f: "RLM", 0x2028: "LS", 0x2029: "PS", 0x202a: "LRE", 0x202b: "RLE", 0x202c: "PDF",
  0x202d: "LRO", 0x202e: "RLO", 0x2060: "WJ", 0x2066: "LRI", 0x2067: "RLI", 0x2068: "FSI", 0x2069: "PDI", 0xfeff: "BOM",
});

/**
 * The sign for a character that cannot be seen.
 * @param {number} code
 */
export function sign(code) {
  // The signs of Unicode for them (U+2400 and on) are in few fonts.
  if (code < 0x20) return `\u27e8${CONTROLS[code]}\u27e9`;
  return `\u27e8${NAMES[code] ?? `U+${code.toString(16).toUpperCase().padStart(4, "0")}`}\u27e9`;
}

/**
 * A line as it is to be seen, and how its parts look. Parts that look like the rest have no span.
 * @param {string} raw
 * @param {boolean} [colours] false: the sequences are shown as signs, too
 * @returns {{text: string, spans: Span[]}}
 */
export function parse(raw, colours = true) {
  if (raw.search(UNSEEN) < 0) return { text: raw, spans: [] };
  const spans = /** @type {Span[]} */ ([]);
  let text = "";
  let style = PLAIN;
  let at = 0;
  const put = (/** @type {string} */ part, control = false) => {
    if (part && (control || style !== PLAIN)) spans.push({ start: text.length, end: text.length + part.length, style: style === PLAIN ? null : style, control });
    text += part;
  };
  for (const match of raw.matchAll(UNSEEN)) {
    put(raw.slice(at, match.index));
    at = match.index + match[0].length;
    if (match[1] === undefined) put(sign(match[0].charCodeAt(0)), true);
    else if (colours) style = restyled(style, match[1]);
    else {
      put(sign(0x1b), true);
      put(match[0].slice(1));
    }
  }
  put(raw.slice(at));
  return { text, spans };
}

/** @param {Rgb} rgb */
export function luminance([r, g, b]) {
  const part = (/** @type {number} */ v) => (v <= 10 ? v / 3294.6 : ((v / 255 + 0.055) / 1.055) ** 2.4);
  return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
}

/**
 * How far two colours can be told apart, 1 to 21 (WCAG).
 * @param {Rgb} a
 * @param {Rgb} b
 */
export function contrast(a, b) {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

/**
 * A colour moved towards black or white until it can be read on its ground.
 * @param {Rgb} colour
 * @param {Rgb} ground
 * @param {number} [wanted]
 * @returns {Rgb}
 */
export function readable(colour, ground, wanted = 4.5) {
  const end = contrast([0, 0, 0], ground) > contrast([255, 255, 255], ground) ? 0 : 255;
  for (let share = 0; share <= 1; share += 0.1) {
    const moved = /** @type {Rgb} */ (colour.map((v) => Math.round(v + (end - v) * share)));
    if (contrast(moved, ground) >= wanted) return moved;
  }
  return [end, end, end];
}
