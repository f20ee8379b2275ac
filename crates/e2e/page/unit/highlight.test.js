import assert from "node:assert/strict";
import test from "node:test";
import { find, pattern, segments } from "../../../dashboard/page/lib/highlight.js";

const words = pattern([{ text: "time", colour: 1 }, { text: "timeout", colour: 2 }, { text: "a.b", colour: 3 }, { text: "", colour: 4 }]);

test("the longest word wins, in any case, and dots are dots", () => {
  assert.deepEqual(find("Timeout time a.b axb", words).map(({ start, end, colour }) => [start, end, colour]), [[0, 7, 2], [8, 12, 1], [13, 16, 3]]);
});

test("no words, no marks", () => {
  assert.equal(pattern([]), null);
  assert.deepEqual(find("abc", null), []);
});

test("segments are the text, cut where its look changes", () => {
  const text = "red timeout end";
  const span = { start: 0, end: 8, style: null, control: false };
  const cut = segments(text, [span], find(text, words));
  assert.equal(cut.map((one) => one.text).join(""), text);
  assert.deepEqual(cut.map((one) => [one.text, one.span !== null, one.colour]), [["red ", true, 0], ["time", true, 2], ["out", false, 2], [" end", false, 0]]);
});

test("marks are bounded", () => {
  assert.equal(find("time ".repeat(10_000), words).length, 200);
});
