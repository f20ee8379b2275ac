// What the page costs while lines run by and while millions are scrolled through. The figures are printed; a machine that
// does other work at the same time makes them worse, so the bounds are those of LOGDRIVE_FIGURES=full, which is to be run
// alone (`playwright test figures --workers 1`), and looser ones else.
import { spawn } from "node:child_process";
import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { Server } from "../lib/server.js";
import { expect, rows, test } from "../lib/page.js";

const FULL = process.env.LOGDRIVE_FIGURES === "full";
const SECONDS = FULL ? 30 : 6;
const ROWS = FULL ? 2_000_000 : 60_000;
const BUSY = FULL ? { 5000: 20, 20_000: 25 } : { 5000: 45 };

/** Writes lines in a process of its own, so that the page's driver does not slow it. @param {string} file @param {number} rate */
function writer(file, rate) {
  const code = `
    const { appendFileSync } = require("node:fs");
    const [file, rate] = [process.argv[1], Number(process.argv[2])];
    const start = Date.now();
    let n = 0;
    setInterval(() => {
      const now = Date.now();
      const time = new Date(now).toISOString();
      let text = "";
      for (const end = ((now - start) / 1000) * rate; n < end; n += 1) text += time + (n % 9 ? " INFO" : " ERROR") + " order-service request id=" + n + " user=" + (n * 7919) % 9000 + " took=" + n % 900 + "ms path=/api/orders/" + n % 5000 + " status=200 cache=hit\\n";
      appendFileSync(file, text);
    }, 20);`;
  const child = spawn(process.execPath, ["-e", code, file, String(rate)], { stdio: "ignore" });
  return () => child.kill();
}

/** Notes how long each frame takes. @param {import("@playwright/test").Page} page */
async function countFrames(page) {
  await page.evaluate(() => {
    /** @type {number[]} */
    const frames = (/** @type {any} */ (window).frames_ = []);
    let last = performance.now();
    const frame = (/** @type {number} */ now) => {
      frames.push(now - last);
      last = now;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
}

/** @param {import("@playwright/test").Page} page @returns {Promise<{count: number, p95: number, max: number, over50: number}>} */
function frames(page) {
  return page.evaluate(() => {
    const all = /** @type {any} */ (window).frames_.splice(0).sort((/** @type {number} */ a, /** @type {number} */ b) => a - b);
    return { count: all.length, p95: Math.round(all[Math.floor(all.length * 0.95)]), max: Math.round(all.at(-1)), over50: all.filter((/** @type {number} */ ms) => ms > 50).length };
  });
}

/** @param {import("@playwright/test").Page} page */
async function meter(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable");
  return async () => Object.fromEntries((await session.send("Performance.getMetrics")).metrics.map(({ name, value }) => [name, value]));
}

for (const [rate, busyMost] of Object.entries(BUSY)) {
  test.describe(`live at ${rate} lines a second`, () => {
    test.setTimeout(120_000);
    test.use({
      server: async ({}, use) => {
        const server = new Server();
        server.write("live.log", "");
        await server.start();
        await use(server);
        await server.remove();
      },
    });

    test("frames, main thread, nodes, heap", async ({ page, server, open }) => {
      await open("/explore?live=1");
      const measure = await meter(page);
      await countFrames(page);
      const stop = writer(join(server.logs, "live.log"), Number(rate));
      try {
        await expect(rows(page).first()).toContainText("order-service");
        await page.waitForTimeout(2000);
        await frames(page);
        const [before, from] = [await measure(), performance.now()];
        await page.waitForTimeout(SECONDS * 1000);
        const after = await measure();
        const seconds = (performance.now() - from) / 1000;
        const seen = await frames(page);
        const busy = ((after.TaskDuration - before.TaskDuration) / seconds) * 100;
        const nodes = await page.evaluate(() => document.querySelectorAll("*").length);
        const source = await page.locator("log-view").evaluate((list) => {
          const { taken, skipped } = /** @type {any} */ (list).source;
          return { taken, skipped };
        });
        console.log(`live ${rate} lines/s: ${(seen.count / seconds).toFixed(0)} frames/s (p95 ${seen.p95} ms, longest ${seen.max} ms), main thread ${busy.toFixed(1)} %, ${nodes} nodes, heap ${(after.JSHeapUsedSize / 1e6).toFixed(1)} MB, ${source.taken} lines shown, ${source.skipped} skipped`);
        expect(source.taken + source.skipped).toBeGreaterThan(Number(rate) * SECONDS * 0.5);
        expect(nodes).toBeLessThan(2000);
        expect(after.JSHeapUsedSize).toBeLessThan(150e6);
        expect(busy).toBeLessThan(busyMost);
        expect(seen.count / seconds).toBeGreaterThan(FULL ? 50 : 25);
      } finally {
        stop();
      }
    });
  });
}

test.describe(`${ROWS} rows`, () => {
  test.setTimeout(300_000);
  test.use({
    server: async ({}, use) => {
      const server = new Server();
      const file = openSync(join(server.logs, "big.log"), "w");
      for (let n = 0; n < ROWS; ) {
        let text = "";
        for (const end = Math.min(n + 10_000, ROWS); n < end; n += 1) text += `${new Date(Date.UTC(2026, 0, 1) + n * 12).toISOString()} ${n % 9 ? "INFO" : "ERROR"} order-service request id=${n} took=${n % 900}ms path=/api/orders/${n % 5000} status=200\n`;
        writeSync(file, text);
      }
      closeSync(file);
      await server.start();
      await server.holds(ROWS, "*", 200);
      await use(server);
      await server.remove();
    },
  });

  test("no long frame from end to end; any row within a moment", async ({ page, open }) => {
    await open("/explore?since=all");
    await expect(page.getByRole("grid", { name: "Records" })).toHaveAttribute("aria-rowcount", String(ROWS + 1));
    const list = page.locator("log-view");
    const first = await list.evaluate((node) => /** @type {any} */ (node).source.took);
    await countFrames(page);
    await list.hover();
    for (let n = 0; n < 80; n += 1) await page.mouse.wheel(0, 500);
    const wheel = await frames(page);
    await list.evaluate(async (node) => {
      const bar = /** @type {Element} */ (node.querySelector(".lv-scroll"));
      for (let n = 0; n <= 300; n += 1) {
        bar.scrollTop = ((bar.scrollHeight - bar.clientHeight) * n) / 300;
        await new Promise((done) => requestAnimationFrame(done));
      }
    });
    const through = await frames(page);
    await expect(page.locator(`log-view [aria-rowindex="${ROWS + 1}"]`)).toContainText("id=0 ");
    const middle = Math.floor(ROWS / 2);
    const jump = await list.evaluate(async (node, index) => {
      const view = /** @type {any} */ (node);
      const from = performance.now();
      view.scrollToIndex(index);
      while (!view.source.get(index)) await new Promise((done) => requestAnimationFrame(done));
      return performance.now() - from;
    }, middle);
    await expect(page.locator(`log-view [aria-rowindex="${middle + 2}"]`)).toContainText(`id=${ROWS - 1 - middle} `);
    console.log(`${ROWS} rows: first after ${Math.round(first)} ms; wheel longest frame ${wheel.max} ms; end to end longest ${through.max} ms (p95 ${through.p95}); a row in the middle after ${Math.round(jump)} ms`);
    expect(through.over50 + wheel.over50).toBeLessThanOrEqual(FULL ? 0 : 10);
    expect(await page.locator("*").count()).toBeLessThan(2000);
  });
});
