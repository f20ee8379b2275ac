import assert from "node:assert/strict";
import test from "node:test";
import { and, chosen, exactly, exists, read, streamOf, textTerm, toggle, words } from "../../../dashboard/page/pages/explore/terms.js";

test("a value is asked for, left out, and taken back", () => {
  for (const [text, field, value, action, expected] of /** @type {const} */ ([
    ["", "level", "error", "+", "level:error"],
    ["level:error timeout", "level", "error", "+", "timeout"],
    ["level:error timeout", "level", "error", "-", "timeout -level:error"],
    ["-level:error", "level", "error", "-", ""],
    ["NOT level:debug x", "level", "debug", "-", "x"],
    ["a AND service:=pay AND b", "service", "pay", "+", "a b"],
    ["a OR b", "service", "pay", "+", "(a OR b) service:=pay"],
    ["(a OR b) c", "status", "500", "+", "(a OR b) c status:500"],
    ['msg:="request handled" x', "msg", "request handled", "-", 'x -msg:="request handled"'],
    ["x", "msg", 'say "hi" \\', "+", 'x msg:="say \\"hi\\" \\\\"'],
    ["x", "user", "", "+", 'x user:=""'],
  ])) assert.equal(toggle(text, field, value, action), expected, `${text} ${action}${field}:${value}`);
});

test("records that have a field, or have it not", () => {
  assert.equal(exists("a", "trace_id"), "a trace_id:*");
  assert.equal(exists("a trace_id:*", "trace_id"), "a");
  assert.equal(exists("a trace_id:*", "trace_id", false), "a -trace_id:*");
});

test("pieces of lines are read as they stand", () => {
  const kinds = (/** @type {string} */ text) => read(text).terms.map((term) => [term.field, term.op, term.value, term.kind]);
  assert.deepEqual(kinds("path:/health http://x/y?z std::io [ERROR] (a OR b) took:>=1.5"), [
    ["path", "", "/health", "word"], ["", "", "http://x/y?z", "word"], ["", "", "std::io", "word"], ["", "", "[ERROR]", "word"],
    ["", "", "(a OR b)", "group"], ["took", ">=", "1.5", "word"],
  ]);
  assert.deepEqual(kinds('/time(d )?out/ status:[500 TO 599] "a \\" b" user:=ann'), [
    ["", "", "time(d )?out", "regex"], ["status", "", "[500 TO 599]", "range"], ["", "", 'a " b', "quoted"], ["user", "=", "ann", "word"],
  ]);
  assert.equal(read("a OR (b").either, true);
  assert.equal(read("(a OR b) c").either, false);
});

test("what is typed half is never a fault", () => {
  for (const text of ['"unclosed', "a:(", ")", "-", "NOT", "[", "/", "a:", "\\", '(" )', "((((", "a:[1 TO"]) {
    const { terms } = read(text);
    for (const term of terms) assert.ok(term.to <= text.length + 1 && term.from < term.to, text);
    assert.equal(typeof toggle(text, "level", "error", "+"), "string");
  }
});

test("what a query asks for", () => {
  assert.deepEqual(words('timeout -x level:error "connection reset" tim* service:=pay /re/ status:[1 TO 2]'), ["timeout", "connection reset", "tim", "pay"]);
  assert.equal(streamOf("stream:=shop x"), "shop");
  assert.equal(streamOf("stream:=shop stream:=web"), "");
  assert.deepEqual(chosen("level:error -level:debug level:(a OR b)", "level"), { wanted: new Set(["error"]), without: new Set(["debug"]) });
});

test("terms that mean themselves", () => {
  assert.equal(exactly("http.status", "500"), "http.status:500");
  assert.equal(exactly("odd name", "x"), "odd\\ name:=x");
  assert.equal(textTerm("timeout"), "timeout");
  assert.equal(textTerm("OR"), '"OR"');
  assert.equal(textTerm("a:b"), '"a:b"');
  assert.equal(and("*", "x"), "x");
});
