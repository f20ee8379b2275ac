// The fields of the records found, asked for once for each question, however many parts of the page want them.
import { get } from "../../lib/api.js";
import { question } from "./state.js";

/** @typedef {{name: string, records: number, column: boolean}} Known */

const asked = /** @type {WeakMap<object, Promise<{fields: Known[], truncated: boolean}>>} */ (new WeakMap());

/** Those that every record has. */
export const FIXED = ["time", "level", "stream", "host", "file"];

/** @returns {Promise<{fields: Known[], truncated: boolean}>} */
export function knownFields() {
  const of = question.peek();
  const before = asked.get(of);
  if (before) return before;
  const answer = get("fields", { q: of.q, since: of.since, until: of.until });
  asked.set(of, answer);
  answer.catch(() => asked.delete(of));
  return answer;
}
