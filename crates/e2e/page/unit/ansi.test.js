import assert from "node:assert/strict";
import test from "node:test";
import { contrast, indexed, parse, readable, restyled, sign } from "../../../dashboard/page/lib/ansi.js";

test("a plain line is itself", () => {
  assert.deepEqual(parse("GET /a?b=<c> 200\ttab\n  at x"), { text: "GET /a?b=<c> 200\ttab\n  at x", spans: [] });
});

test("colours become spans and their sequences go", () => {
  const { text, spans } = parse("\u001b[31mERR\u001b[0m ok \u001b[1;38;5;208mx\u001b[m");
  assert.equal(text, "ERR ok x");
  assert.deepEqual(spans.map(({ start, end }) => [start, end]), [[0, 3], [7, 8]]);
  assert.deepEqual(spans[0].style?.fg, indexed(1));
  assert.equal(spans[1].style?.bold, true);
  assert.deepEqual(spans[1].style?.fg, [255, 135, 0]);
});

test("what is wrong in a sequence does no harm", () => {
  for (const codes of ["38", "38;5", "38;2;1", "48;9;1", "999", ";;;", "38;5;999"]) {
    assert.equal(parse(`\u001b[${codes}mx`).text, "x", codes);
    assert.doesNotThrow(() => restyled(/** @type {any} */ ({}), codes));
  }
});

test("every other control character is seen, from the first on", () => {
  const raw = "\u0000a\u001b[2Jb\u202ec\u200bd\u007fe\rf\u0085";
  const { text, spans } = parse(raw);
  assert.equal(text, "⟨NUL⟩a⟨ESC⟩[2Jb⟨RLO⟩c⟨ZWSP⟩d⟨DEL⟩e⟨CR⟩f⟨U+0085⟩");
  assert.ok(spans.every((span) => span.control));
  assert.doesNotMatch(text, /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
  assert.equal(parse(raw).text, text, "the second time is like the first");
});

test("without colours a sequence is seen", () => {
  assert.equal(parse("\u001b[31mx", false).text, "⟨ESC⟩[31mx");
});

test("every control character has a sign", () => {
  for (let code = 0; code < 0xa0; code += 1) if (code < 0x20 || code > 0x7e) assert.match(sign(code), /^⟨[A-Z0-9+]+⟩$/, String(code));
});

test("every colour can be read on every ground", () => {
  const grounds = /** @type {[number, number, number][]} */ ([[255, 255, 255], [23, 28, 25], [0, 0, 0], [205, 49, 49], [36, 114, 200], [119, 119, 119]]);
  for (const ground of grounds) {
    for (let n = 0; n < 256; n += 1) assert.ok(contrast(readable(indexed(n), ground), ground) >= 4.4, `${n} on ${ground}`);
  }
});
