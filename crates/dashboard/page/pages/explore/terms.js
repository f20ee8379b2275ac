// A query as text that a click may change: its top-level terms, and the text with one more, one less or one turned
// round. What is typed is never rewritten beyond that. Pure; the grammar itself is the server's.

/**
 * @typedef {object} Term
 * @property {number} from
 * @property {number} to behind its last character
 * @property {boolean} negated
 * @property {string} field "" for the line
 * @property {string} op "", "=", ">" … behind the colon
 * @property {string} value without quotes
 * @property {"word"|"quoted"|"regex"|"group"|"range"} kind
 */

const FIELD = /^([\p{L}_@$][\p{L}\p{N}_@$.\-/]*):(?!\/\/|:)(?=\S)/u;
const WORD_OPERATOR = /^(AND|OR|NOT|&&|\|\|)(?=[\s(]|$)/;

/**
 * Where what begins at `at` ends, and what it is.
 * @param {string} text
 * @param {number} at
 * @returns {{to: number, value: string, kind: Term["kind"]}}
 */
function valueAt(text, at) {
  const rest = text.slice(at);
  const quoted = /^"((?:[^"\\]|\\.)*)"(?=[\s)]|$)/.exec(rest);
  if (quoted) return { to: at + quoted[0].length, value: quoted[1].replace(/\\(["\\])/g, "$1"), kind: "quoted" };
  const regex = /^\/((?:[^/\\]|\\.)+)\/(?=[\s)]|$)/.exec(rest);
  if (regex && !/[\s:]$/.test(regex[1])) return { to: at + regex[0].length, value: regex[1], kind: "regex" };
  const range = /^[[{]\s*\S+\s+TO\s+[^\]}]+[\]}]/.exec(rest);
  if (range) return { to: at + range[0].length, value: range[0], kind: "range" };
  if (rest[0] === "(") {
    const to = groupEnd(text, at);
    return { to, value: text.slice(at, to), kind: "group" };
  }
  const word = /^(?:\\.|"(?:[^"\\]|\\.)*"|[^\s"\\]|["\\])+/.exec(rest);
  const value = word ? word[0] : rest[0] ?? "";
  return { to: at + Math.max(value.length, 1), value, kind: "word" };
}

/**
 * Behind the parenthesis that closes the one at `at`.
 * @param {string} text
 * @param {number} at
 */
function groupEnd(text, at) {
  let depth = 0;
  for (let n = at; n < text.length; n += 1) {
    if (text[n] === "\\") n += 1;
    else if (text[n] === '"') {
      const quoted = /^"(?:[^"\\]|\\.)*"/.exec(text.slice(n));
      n += (quoted ? quoted[0].length : 1) - 1;
    } else if (text[n] === "(") depth += 1;
    else if (text[n] === ")" && (depth -= 1) === 0) return n + 1;
  }
  return text.length;
}

/**
 * The terms outside of parentheses, and whether they are alternatives.
 * @param {string} text
 */
export function read(text) {
  const terms = /** @type {Term[]} */ ([]);
  let either = false;
  let at = 0;
  let from = -1;
  while (at < text.length) {
    const rest = text.slice(at);
    const operator = WORD_OPERATOR.exec(rest);
    if (/^\s/.test(rest)) at += 1;
    else if (operator) {
      either ||= /^(OR|\|\|)$/.test(operator[1]);
      if (operator[1] === "NOT") from = at;
      at += operator[0].length;
    } else {
      const sign = /^[-+](?=[\p{L}\p{N}_"(/*?[.@$\\])/u.exec(rest);
      const start = from >= 0 ? from : at;
      const negated = from >= 0 !== (sign?.[0] === "-");
      if (sign) at += 1;
      const name = FIELD.exec(text.slice(at));
      if (name) at += name[0].length;
      const op = name ? /^(=|[<>]=?)?/.exec(text.slice(at))?.[0] ?? "" : "";
      const found = valueAt(text, at + op.length);
      terms.push({ from: start, to: found.to, negated, field: name ? name[1] : "", op, value: found.value, kind: found.kind });
      at = found.to;
      from = -1;
    }
  }
  return { terms, either };
}

/**
 * The text of one term that is exactly this value.
 * @param {string} field
 * @param {string} value
 */
export function exactly(field, value) {
  const plain = /^-?\d+(\.\d+)?$/.test(value) || field === "level";
  const quote = value === "" || /[\s()"\\]/.test(value);
  return `${fieldName(field)}:${plain ? "" : "="}${quote ? quoted(value) : value}`;
}

/**
 * The term that finds this text in lines.
 * @param {string} text
 */
export function textTerm(text) {
  return /^[\p{L}\p{N}_]+$/u.test(text) && !/^(AND|OR|NOT)$/.test(text) ? text : quoted(text);
}

/** @param {string} value */
export function quoted(value) {
  return `"${value.replace(/[\\"]/g, "\\$&")}"`;
}

/** @param {string} name */
function fieldName(name) {
  return name.replace(/[^\p{L}\p{N}_@$.\-/]/gu, "\\$&");
}

/**
 * Which values of a field the query asks for or leaves out.
 * @param {string} text
 * @param {string} field
 */
export function chosen(text, field) {
  const wanted = new Set(/** @type {string[]} */ ([]));
  const without = new Set(/** @type {string[]} */ ([]));
  for (const term of read(text).terms) {
    if (term.field === field && (term.op === "=" || term.op === "") && term.kind !== "group" && term.kind !== "range") (term.negated ? without : wanted).add(term.value);
  }
  return { wanted, without };
}

/**
 * The text without a part, and without the space that this leaves.
 * @param {string} text
 * @param {Term} term
 */
function without(text, term) {
  const before = text.slice(0, term.from).replace(/(\s*\b(AND)|\s*&&)?\s*$/, "");
  const after = text.slice(term.to).replace(/^\s*((AND\b|&&)\s*)?/, "");
  return before && after ? `${before} ${after}` : before + after;
}

/**
 * One more condition.
 * @param {string} text
 * @param {string} condition
 */
export function and(text, condition) {
  const now = text.trim();
  if (!now || now === "*") return condition;
  return read(now).either ? `(${now}) ${condition}` : `${now} ${condition}`;
}

/**
 * Asks for a value, or leaves it out; asked twice, it takes that back.
 * @param {string} text
 * @param {string} field
 * @param {string} value
 * @param {"+"|"-"} action
 */
export function toggle(text, field, value, action) {
  const negated = action === "-";
  const { terms, either } = read(text);
  const there = either ? undefined : terms.find((term) => term.field === field && term.value === value && (term.op === "" || term.op === "="));
  const rest = there ? without(text, there) : text;
  if (there && there.negated === negated) return rest;
  return and(rest, `${negated ? "-" : ""}${exactly(field, value)}`);
}

/**
 * Asks for records that have the field, or have it not.
 * @param {string} text
 * @param {string} field
 * @param {boolean} has
 */
export function exists(text, field, has = true) {
  const { terms, either } = read(text);
  const there = either ? undefined : terms.find((term) => term.field === field && term.value === "*" && term.kind === "word");
  const rest = there ? without(text, there) : text;
  if (there && there.negated !== has) return rest;
  return and(rest, `${has ? "" : "-"}${fieldName(field)}:*`);
}

/**
 * The words of a query that can be seen in the lines it finds.
 * @param {string} text
 */
export function words(text) {
  const found = read(text).terms.filter((term) => !term.negated && (term.kind === "word" || term.kind === "quoted") && !/^[<>]/.test(term.op));
  const texts = found.flatMap((term) => (term.kind === "quoted" ? [term.value] : term.value.split(/[*?]+/).map((part) => part.replace(/\\(.)/g, "$1"))));
  const level = new Set(found.filter((term) => term.field === "level").map((term) => term.value));
  return [...new Set(texts)].filter((word) => word.length > 1 && !level.has(word)).slice(0, 20);
}

/**
 * The stream that the query names, alone.
 * @param {string} text
 */
export function streamOf(text) {
  const { wanted } = chosen(text, "stream");
  return wanted.size === 1 ? [...wanted][0] : "";
}
