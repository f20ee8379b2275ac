import assert from "node:assert/strict";
import test from "node:test";

// The element is defined where there is a page; here only its pure parts are wanted.
Object.assign(globalThis, { HTMLElement: class {}, customElements: { get: () => undefined, define: () => {} } });
const { niceTop, ticks } = await import("../../../dashboard/page/widgets/histogram-brush.js");

test("the axis ends at a round number above", () => {
  assert.deepEqual([0, 1, 3, 10, 11, 499, 501, 12_345].map(niceTop), [1, 1, 5, 10, 20, 500, 1000, 20_000]);
});

test("moments are named at whole steps of the zone, never more than there is room for", () => {
  const hour = 3_600_000;
  for (const [span, most] of [[60_000, 10], [hour, 12], [30 * 24 * hour, 8], [20 * 365 * 24 * hour, 6]]) {
    const { at, step } = ticks(1_700_000_123_456, 1_700_000_123_456 + span, most, 0);
    assert.ok(at.length <= most + 1 && at.length >= 1, `${span}: ${at.length}`);
    for (const moment of at) assert.equal(moment % step, 0);
  }
  const offset = 5.5 * hour;
  for (const moment of ticks(0, 48 * hour, 2, offset).at) assert.equal((moment + offset) % (24 * hour), 0);
});
