import assert from "node:assert/strict";
import test from "node:test";
import { isoOf, microsOf } from "../../../dashboard/page/lib/micros.js";
import { BLOCK, RowIndex, spansOf } from "../../../dashboard/page/lib/rowindex.js";

test("moments keep their microseconds", () => {
  for (const text of ["2026-11-21T14:16:06.881000Z", "1970-01-01T00:00:00.000000Z", "1969-12-31T23:59:59.999999Z", "2254-01-01T00:00:00.000001Z"]) {
    assert.equal(isoOf(microsOf(text)), text);
  }
  assert.equal(microsOf("2026-11-21T14:16:06Z"), microsOf("2026-11-21T14:16:06.000000Z"));
  assert.ok(Number.isNaN(microsOf("soon")));
});

test("spans are the newest first, within the range, small buckets together", () => {
  const spans = spansOf(0, 10, [5, 0, 7, BLOCK, 3], 4, 45);
  assert.deepEqual(spans.map(({ from, to, count }) => [from, to, count]), [[40, 45, 3], [30, 40, BLOCK], [4, 30, 12]]);
});

test("every row is in exactly one span", () => {
  let seed = 7;
  const random = (/** @type {number} */ n) => (seed = (seed * 48_271) % 2_147_483_647) % n;
  for (let round = 0; round < 50; round += 1) {
    const counts = Array.from({ length: 1 + random(300) }, () => (random(3) ? random(700) : 0));
    const index = new RowIndex(spansOf(0, 10, counts, -Infinity, Infinity));
    assert.equal(index.total, counts.reduce((a, b) => a + b, 0));
    for (let n = 0; n < 20 && index.total; n += 1) {
      const row = random(index.total);
      const span = index.spans[index.find(row)];
      assert.ok(span.start <= row && row < span.start + span.count);
    }
    assert.equal(index.find(-1), -1);
    assert.equal(index.find(index.total), -1);
  }
});

test("a split keeps the rows, a correction moves those behind it", () => {
  const index = new RowIndex(spansOf(0, 10, [300, 5000, 300], -Infinity, Infinity));
  const middle = index.spans[index.find(2000)];
  index.split(middle, spansOf(10, 1, [1000, 1000, 1000, 1000, 1000], 10, 20));
  assert.equal(index.total, 5600);
  assert.equal(index.spans[index.find(301)].to, 15);
  index.correct(index.spans[0], 310);
  assert.equal(index.spans[1].start, 310);
  index.correct(index.spans[0], 0);
  assert.equal(index.total, 5300);
  assert.equal(index.spans[0].start, 0);
});
