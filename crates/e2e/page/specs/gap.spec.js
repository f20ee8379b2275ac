// A page that did not listen for a while says what lies between, to the line.
import { Server } from "../lib/server.js";
import { expect, rows, test } from "../lib/page.js";

/** @param {number} from @param {number} count */
const lines = (from, count) => Array.from({ length: count }, (_, n) => `${new Date().toISOString()} INFO [pay] gap n=${from + n} .\n`).join("");

/** @param {import("@playwright/test").Page} page @returns {Promise<{state: string, taken: number, skipped: number, distinct: number}>} */
function live(page) {
  return page.locator("log-view").evaluate((list) => {
    const { source } = /** @type {any} */ (list);
    const seen = new Set();
    for (let n = source.first; n < source.first + source.length; n += 1) seen.add(/ n=(\d+) /.exec(source.get(n).line ?? "")?.[1]);
    seen.delete(undefined);
    return { state: source.state, taken: source.taken, skipped: source.skipped, distinct: seen.size };
  });
}

test.use({
  server: async ({}, use) => {
    const server = new Server();
    server.write("gap.log", lines(0, 20));
    await server.start();
    await server.holds(20);
    await use(server);
    await server.remove();
  },
});

test("a tab that was hidden gives its connection back, and fills in what came meanwhile", async ({ page, server, open }) => {
  await page.addInitScript(() => {
    let hidden = false;
    Object.defineProperty(document, "hidden", { get: () => hidden });
    /** @type {any} */ (window).hide = (/** @type {boolean} */ is) => {
      hidden = is;
      document.dispatchEvent(new Event("visibilitychange"));
    };
  });
  await open("/explore?live=1");
  await expect(rows(page).last()).toContainText("n=19 ");
  await page.evaluate(() => /** @type {any} */ (window).hide(true));
  await expect.poll(async () => (await live(page)).state).toBe("hidden");
  server.append("gap.log", lines(20, 300));
  await server.holds(320);
  await page.evaluate(() => /** @type {any} */ (window).hide(false));
  await expect.poll(() => live(page)).toEqual({ state: "live", taken: 320, skipped: 0, distinct: 320 });
  await page.locator("log-view").evaluate((list) => /** @type {any} */ (list).scrollToIndex(20));
  await expect(page.locator("log-view .lv-note").first()).toBeAttached();

  await page.evaluate(() => /** @type {any} */ (window).hide(true));
  await expect.poll(async () => (await live(page)).state).toBe("hidden");
  server.append("gap.log", lines(320, 1500));
  await server.holds(1820);
  await page.evaluate(() => /** @type {any} */ (window).hide(false));
  await expect.poll(() => live(page)).toEqual({ state: "live", taken: 1320, skipped: 500, distinct: 1320 });
  await page.locator("log-view").evaluate((list) => void (/** @type {any} */ (list).follow = true));
  server.append("gap.log", lines(1820, 1));
  await expect(rows(page).last()).toContainText("n=1820 ");
});

test("clearing forgets the rows and goes on", async ({ page, server, open }) => {
  await open("/explore?live=1");
  await expect(rows(page).last()).toContainText("n=19 ");
  await page.getByRole("button", { name: "Clear" }).click();
  await expect(rows(page)).toHaveCount(0);
  await expect(page.getByText("Nothing yet.")).toBeVisible();
  server.append("gap.log", lines(20, 1));
  await expect(rows(page)).toHaveCount(1);
  await expect(rows(page).last()).toContainText("n=20 ");
});

test("linked panes go to the moment of the row that is chosen", async ({ page, server, open }) => {
  await open("/explore?live=1&q2=gap");
  const second = page.getByRole("region", { name: "Live pane 2" });
  await expect(rows(second).last()).toContainText("n=19 ");
  await rows(page.getByRole("region", { name: "Live pane 1" })).filter({ hasText: "n=15 " }).click();
  await expect(second.locator(".lv-current")).toBeVisible();
  await expect(second.locator(".live-state")).toHaveText("paused");
  server.append("gap.log", lines(20, 3));
  await expect(second.getByRole("button", { name: "3 new" })).toBeVisible();
});
