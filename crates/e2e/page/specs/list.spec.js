// The list: every row by its index, keys, what can be done with a value, folding, copying, widths.
import { Server } from "../lib/server.js";
import { expect, rows, test } from "../lib/page.js";

const MANY = 6000;
/** Lines of one moment: more than can be fetched at once, and no finer counts can part them. */
const SAME = 3000;

test.describe("rows by index", () => {
  test.use({
    server: async ({}, use) => {
      const server = new Server();
      let text = "";
      for (let n = 0; n < MANY; n += 1) {
        const at = n < SAME ? 0 : n - SAME;
        text += `${new Date(Date.UTC(2026, 0, 1) + at * 7).toISOString()} INFO row n=${n} padding ${"x".repeat(n % 50)}\n`;
      }
      server.write("rows.log", text);
      await server.start();
      await server.holds(MANY);
      await use(server);
      await server.remove();
    },
  });

  test("each is the one that the search has there, also where thousands share a moment", async ({ page, server, open }) => {
    await open("/explore?since=all");
    await expect(page.locator("log-view")).toHaveAttribute("class", /.*/);
    await expect(page.getByRole("grid", { name: "Records" })).toHaveAttribute("aria-rowcount", String(MANY + 1));
    const all = (await server.get("/api/v1/search", { limit: String(MANY) })).hits;
    for (const index of [0, 399, 400, 2999, 3000, 3500, 4100, 5000, MANY - 1, 1234]) {
      await page.locator("log-view").evaluate((list, at) => /** @type {any} */ (list).scrollToIndex(at), index);
      const row = page.locator(`log-view [role=row][aria-rowindex="${index + 2}"]`);
      await expect(row, `row ${index}`).toContainText(/ n=(\d+) /.exec(all[index].line)?.[0] ?? "");
    }
  });

  test("a wheel reaches both ends; few rows exist", async ({ page, open }) => {
    await open("/explore?since=all&wrap=1");
    await expect(rows(page).first()).toContainText(`n=${MANY - 1} `);
    await page.locator("log-view").hover();
    const bar = page.locator("log-view .lv-scroll");
    await bar.evaluate((node) => void (node.scrollTop = node.scrollHeight));
    await expect(page.locator(`log-view [aria-rowindex="${MANY + 1}"]`)).toContainText("n=0 ");
    expect(await page.locator("log-view *").count()).toBeLessThan(1000);
    await bar.evaluate((node) => void (node.scrollTop = 0));
    await expect(page.locator('log-view [aria-rowindex="2"]')).toContainText(`n=${MANY - 1} `);
  });
});

test("rows and cells by the keyboard", async ({ page, open }) => {
  await open("/explore?since=1h");
  const grid = page.getByRole("grid", { name: "Records" });
  await expect(rows(page).first()).toBeVisible();
  await grid.focus();
  await page.keyboard.press("j");
  await page.keyboard.press("ArrowDown");
  const current = page.locator("log-view .lv-current");
  await expect(current).toHaveAttribute("aria-rowindex", "3");
  await page.keyboard.press("k");
  await expect(current).toHaveAttribute("aria-rowindex", "2");
  const id = await grid.getAttribute("aria-activedescendant");
  expect(await page.locator(`#${id}`).getAttribute("aria-rowindex")).toBe("2");
  await page.keyboard.press("End");
  await expect(current).toBeInViewport();
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("+");
  await expect(page).toHaveURL(/q=level/);
  await grid.focus();
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/#line=/);
});

test("a value under the pointer: only these, without these", async ({ page, open }) => {
  await open("/explore?since=1h&q=level:error");
  const cell = rows(page).first().locator(".lv-stream");
  await cell.hover();
  const tools = page.getByRole("toolbar", { name: "Search by this value" });
  await expect(tools).toContainText("stream");
  await tools.getByRole("button", { name: "Without these" }).click();
  await expect(page).toHaveURL(/q=.*stream/);
});

test("a record of many lines is folded to its first, and unfolds", async ({ page, open }) => {
  await open("/explore?since=1h&q=SocketTimeoutException");
  const more = rows(page).locator(".lv-fold").first();
  await expect(more).toHaveText(/\+\d+ lines?/);
  const row = rows(page).filter({ has: page.locator(".lv-fold") }).first();
  const low = (await row.boundingBox())?.height ?? 0;
  await more.click();
  await expect(more).toHaveText("fold");
  expect((await row.boundingBox())?.height ?? 0).toBeGreaterThan(low);
  await more.click();
  await expect(more).toHaveText(/\+\d+ lines?/);
  expect((await row.boundingBox())?.height ?? 0).toBe(low);
});

test("several rows are copied as their lines", async ({ page, open }) => {
  await open("/explore?since=1h");
  await expect(rows(page).nth(3)).toBeVisible();
  const copied = await page.evaluate(() => {
    const found = [...document.querySelectorAll("log-view .lv-row")].slice(1, 4);
    const range = document.createRange();
    range.setStart(/** @type {Element} */ (found[0].querySelector(".lv-line")), 0);
    range.setEnd(/** @type {Element} */ (found[2].querySelector(".lv-line")), 1);
    getSelection()?.removeAllRanges();
    getSelection()?.addRange(range);
    const data = new DataTransfer();
    found[0].dispatchEvent(new ClipboardEvent("copy", { clipboardData: data, bubbles: true, cancelable: true }));
    const source = /** @type {any} */ (document.querySelector("log-view")).source;
    return { text: data.getData("text/plain"), lines: [1, 2, 3].map((n) => source.get(n).line).join("\n") };
  });
  expect(copied.text).toBe(copied.lines);
});

test("columns are as wide as one wants, by the keyboard too, and stay so", async ({ page, open }) => {
  await open("/explore?since=1h");
  const head = page.getByRole("columnheader", { name: "Stream" });
  const before = (await head.boundingBox())?.width ?? 0;
  const grip = page.getByRole("separator", { name: "Width of Stream" });
  await grip.focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  await expect.poll(async () => (await head.boundingBox())?.width).toBe(before + 16);
  await page.reload();
  await expect.poll(async () => (await head.boundingBox())?.width).toBe(before + 16);
});
