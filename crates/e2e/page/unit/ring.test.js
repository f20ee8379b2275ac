import assert from "node:assert/strict";
import test from "node:test";
import { Lines, Ring } from "../../../dashboard/page/lib/ring.js";

const encoder = new TextEncoder();

/**
 * @param {Ring} ring
 * @param {string[]} lines
 */
function push(ring, lines) {
  const controls = /** @type {string[]} */ ([]);
  new Lines().push(encoder.encode(lines.map((line) => `${line}\n`).join("")), (bytes, places) => ring.push(bytes, places, (text) => controls.push(text)));
  return controls;
}

/** @param {Ring} ring */
function texts(ring) {
  return Array.from({ length: ring.end - ring.first }, (_, n) => /** @type {any} */ (ring.at(ring.first + n)).text);
}

test("lines are the same however they are cut into pieces", () => {
  const whole = encoder.encode("a\n\nlong line é\n{}\nx");
  for (let size = 1; size <= whole.length; size += 1) {
    const lines = new Lines();
    const got = /** @type {string[]} */ ([]);
    for (let at = 0; at < whole.length; at += size) {
      lines.push(whole.slice(at, at + size), (bytes, places) => {
        for (let n = 0; n < places.length; n += 2) got.push(new TextDecoder().decode(bytes.subarray(places[n], places[n + 1])));
      });
    }
    assert.deepEqual(got, ["a", "long line é", "{}"], String(size));
  }
});

test("control lines are told and are no rows", () => {
  const ring = new Ring(10, 1000);
  assert.deepEqual(push(ring, ['{"id":"1"}', '{"_":"alive"}', '{"id":"2"}', '{"_":"rate","per_second":3}']), ['{"_":"alive"}', '{"_":"rate","per_second":3}']);
  assert.deepEqual(texts(ring), ['{"id":"1"}', '{"id":"2"}']);
});

test("the oldest are let go, by rows and by bytes, and indexes stay", () => {
  const rows = new Ring(3, 1000);
  for (let n = 0; n < 10; n += 1) push(rows, [`r${n}`]);
  assert.deepEqual([rows.first, texts(rows)], [7, ["r7", "r8", "r9"]]);
  const together = new Ring(3, 1000);
  push(together, ["a", "b"]);
  push(together, ["c", "d"]);
  assert.deepEqual([together.first, texts(together)], [1, ["b", "c", "d"]]);
  const bytes = new Ring(1000, 10);
  for (let n = 0; n < 10; n += 1) push(bytes, [`row${n}`]);
  assert.ok(bytes.bytes <= 10);
  assert.equal(texts(bytes).at(-1), "row9");
});

test("rows that are looked at stay, and what found no room is counted", () => {
  const ring = new Ring(4, 1000);
  push(ring, ["a"]);
  push(ring, ["b"]);
  ring.pinned = 1;
  for (let n = 0; n < 6; n += 1) push(ring, [`n${n}`]);
  assert.equal(/** @type {any} */ (ring.at(1)).text, "b");
  assert.equal(ring.first, 1);
  assert.equal(ring.end - ring.first + ring.first + ring.refused, 8);
  assert.ok(ring.refused > 0);
  ring.pinned = Infinity;
  push(ring, ["last"]);
  assert.equal(texts(ring).at(-1), "last");
  assert.ok(ring.end - ring.first <= 4);
});

test("a note is a row", () => {
  const ring = new Ring(4, 1000);
  push(ring, ["a"]);
  ring.note("between");
  push(ring, ["b"]);
  assert.deepEqual(ring.at(1), { note: "between" });
  assert.deepEqual(ring.at(2), { text: "b" });
});
