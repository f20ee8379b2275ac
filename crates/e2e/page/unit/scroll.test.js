import assert from "node:assert/strict";
import test from "node:test";
import { HEIGHT_MAX, Scroll } from "../../../dashboard/page/lib/scroll.js";

/** @param {number} count */
function list(count, vary = false) {
  const scroll = new Scroll(20);
  scroll.view = 800;
  scroll.count = count;
  scroll.reset(vary);
  return scroll;
}

test("few rows: the bar is exact", () => {
  const scroll = list(1000);
  assert.equal(scroll.height, 20_000);
  scroll.moved(505);
  assert.deepEqual([scroll.index, scroll.offset], [25, 5]);
  assert.equal(scroll.ideal, 505);
  scroll.moved(scroll.most);
  assert.equal(scroll.index, 960);
});

test("two million rows: small steps are exact, the ends are reached", () => {
  const scroll = list(2_000_000);
  assert.equal(scroll.height, HEIGHT_MAX);
  scroll.moved(100);
  assert.deepEqual([scroll.index, scroll.offset], [5, 0]);
  scroll.moved(scroll.most / 2);
  assert.ok(Math.abs(scroll.index - 999_980) < 30, String(scroll.index));
  const { index } = scroll;
  scroll.moved(scroll.at + 40);
  assert.equal(scroll.index, index + 2);
  scroll.moved(scroll.most);
  assert.equal(scroll.index, 2_000_000 - 40);
  assert.equal(scroll.ideal, scroll.most);
  scroll.moved(0);
  assert.equal(scroll.index, 0);
});

test("scrolling up in small steps reaches the first row, the bar never before it", () => {
  const scroll = list(2_000_000);
  scroll.moved(20_000);
  scroll.at = scroll.ideal;
  let steps = 0;
  for (; scroll.at > 0; steps += 1) {
    scroll.moved(Math.max(scroll.at - 500, 0));
    assert.equal(scroll.isStuck, false);
  }
  assert.deepEqual([scroll.index, scroll.offset, steps], [0, 0, 40]);
});

test("rows higher than was thought: the first is reached, too", () => {
  const scroll = list(3000, true);
  scroll.moved(30_000);
  let steps = 0;
  for (; steps < 2000 && (scroll.index > 0 || scroll.offset > 0); steps += 1) {
    for (let n = 0; n < 45; n += 1) scroll.measured(scroll.index + n, 60);
    for (let n = 1; n < 9; n += 1) scroll.measured(Math.max(scroll.index - n, 0), 60);
    scroll.moved(Math.max(scroll.at - 100, 0));
    if (scroll.isStuck) scroll.at = scroll.ideal;
  }
  assert.ok(steps < 1500, `${steps} at ${scroll.index}, ${scroll.offset}`);
});

test("rows of any height: no blank at either end, pixels are kept", () => {
  const scroll = list(500, true);
  for (let n = 0; n < 500; n += 1) scroll.measured(n, 20 + (n % 5) * 20);
  scroll.by(1000);
  const at = [scroll.index, scroll.offset];
  scroll.by(333);
  scroll.by(-333);
  assert.deepEqual([scroll.index, scroll.offset], at);
  scroll.by(1e6);
  assert.equal(scroll.room(1e9), 800);
  scroll.by(-1e6);
  assert.deepEqual([scroll.index, scroll.offset], [0, 0]);
});

test("a row is brought into view, and moves nothing where it is in view", () => {
  const scroll = list(1000);
  scroll.show(500, "centre");
  assert.equal(scroll.index, 480);
  scroll.show(481, "nearest");
  assert.equal(scroll.index, 481 - 1);
  scroll.show(900, "nearest");
  assert.equal(scroll.index, 861);
  scroll.show(5, "nearest");
  assert.equal(scroll.index, 5);
  scroll.show(999, "top");
  assert.equal(scroll.index, 960);
});

test("fewer rows than fit", () => {
  const scroll = list(3);
  scroll.moved(0);
  scroll.clamp();
  assert.deepEqual([scroll.index, scroll.offset, scroll.height], [0, 0, 800]);
  scroll.show(2, "centre");
  assert.equal(scroll.index, 0);
});
