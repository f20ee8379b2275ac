import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, duration, grouped, short } from "../../../dashboard/page/lib/format.js";

test("sizes have three digits", () => {
  for (const [count, shown] of /** @type {[number, string][]} */ ([[0, "0 B"], [999, "999 B"], [1234, "1.23 kB"], [999_950, "1.00 MB"], [45_600_000, "45.6 MB"]])) assert.equal(bytes(count), shown);
});

test("numbers are grouped, or short", () => {
  assert.equal(grouped(1_234_567), "1\u202f234\u202f567");
  assert.equal(grouped(12), "12");
  assert.equal(short(12_500), "12.5k");
  assert.equal(short(9999), "9999");
  assert.equal(short(-3_400_000), "-3.40M");
});

test("durations name one unit", () => {
  for (const [seconds, shown] of /** @type {[number, string][]} */ ([[0.8, "800 ms"], [3.21, "3.2 s"], [12, "12 s"], [180, "3 m"], [7200, "2 h"], [432_000, "5 d"]])) assert.equal(duration(seconds), shown);
});
