// Explore: ask, narrow, open, keep. The state of everything is in the address; what cannot be is said, and nothing typed
// is lost.
import { readFileSync } from "node:fs";
import { COUNTS, TOTAL, expect, looksRight, query, rows, test, tooWide } from "../lib/page.js";

test("a word narrows; the count is exact; the address says it", async ({ page, server, open }) => {
  await open("/explore?since=1h");
  await expect(page.getByText("complete")).toBeVisible();
  const { total } = await server.get("/api/v1/histogram", { q: "timeout", since: "1h" });
  await query(page).fill("timeout");
  await query(page).press("Enter");
  await expect(page).toHaveURL(/q=timeout/);
  await expect(page.getByText(`${total} lines`, { exact: true })).toBeVisible();
  await expect(rows(page).first()).toContainText("timeout");
  await expect(rows(page).first().locator("mark, .hl-1").first()).toBeVisible();
  await page.goBack();
  await expect(query(page)).toHaveValue("");
});

test("completion of fields and values by the keyboard", async ({ page, open }) => {
  await open("/explore?since=1h");
  await query(page).pressSequentially("lev");
  await expect(page.getByRole("option", { name: /level/ }).first()).toBeVisible();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(query(page)).toHaveValue(/^level:?/);
  await query(page).fill("level:");
  await page.keyboard.press("Control+Space");
  await expect(page.getByRole("option", { name: /error/ }).first()).toBeVisible();
});

test.describe("a query that cannot be understood", () => {
  test.use({ allow: [/answer: 400/] });

  test("has a caret under its place, and stays", async ({ page, open }) => {
    await open("/explore?since=1h");
    await query(page).fill('level:error AND ("open');
    await query(page).press("Enter");
    const alert = page.getByRole("search").getByRole("alert");
    await expect(alert).toBeVisible();
    await expect(alert).toContainText("^");
    await expect(query(page)).toHaveAttribute("aria-invalid", "true");
    await expect(query(page)).toHaveValue('level:error AND ("open');
    await looksRight(page, "with an error");
  });
});

test("a range in the wrong order is told before it is asked, and can be swapped", async ({ page, open }) => {
  await open("/explore?since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z&q=kept");
  await expect(page.getByRole("alert").filter({ hasText: "The range ends before it begins" })).toBeVisible();
  await expect(query(page)).toHaveValue("kept");
  await page.getByRole("button", { name: "Swap the two" }).click();
  await expect(page).toHaveURL(/since=2026-01-01.*until=2026-01-02/);
  await expect(page.getByRole("alert")).toHaveCount(0);
});

test("nothing found says so, and where there would be something", async ({ page, open }) => {
  await open("/explore?since=1h&q=nothing-has-this-word");
  await expect(page.getByText("No line in this range fits.")).toBeVisible();
  await expect(page.getByText("None fits at any time")).toBeVisible();
  await looksRight(page, "with nothing found");
  await open("/explore?since=2020-01-01T00:00:00Z&until=2020-01-02T00:00:00Z&q=timeout");
  await expect(page.getByText("The newest that fits is of")).toBeVisible();
});

test("facets narrow and exclude; the histogram zooms in and out", async ({ page, server, open }) => {
  await open("/explore?since=1h");
  const side = page.getByRole("complementary", { name: "Values of fields" });
  await side.getByRole("button", { name: "Only level: error" }).click();
  await expect(page).toHaveURL(/level%3Aerror|level:error/);
  const { total } = await server.get("/api/v1/histogram", { q: "level:error", since: "1h" });
  await expect(page.getByText(`${total} lines`, { exact: true })).toBeVisible();
  await query(page).fill("");
  await query(page).press("Enter");
  const { total: everything } = await server.get("/api/v1/histogram", { q: "", since: "1h" });
  await expect(page.locator(".summary")).toContainText(new RegExp(String(everything).replace(/\B(?=(\d{3})+$)/g, "\\D?")));
  const chart = page.locator("histogram-brush, .histogram").first();
  const box = await chart.boundingBox();
  if (!box) throw new Error("no histogram");
  await page.mouse.move(box.x + box.width * 0.6, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.9, box.y + box.height / 2, { steps: 5 });
  await page.mouse.up();
  await expect(page).toHaveURL(/until=20/);
  await page.keyboard.press("z");
  await expect(page).toHaveURL(/since=/);
});

test("a line: its fields, its bytes, its neighbours, its way", async ({ page, server, open }) => {
  await open("/explore?since=1h&q=IllegalStateException");
  await rows(page).first().click();
  await page.keyboard.press("o");
  const detail = page.getByRole("complementary", { name: "Line" });
  await expect(detail).toBeVisible();
  await expect(page).toHaveURL(/#line=/);
  await expect(detail.locator("pre")).toContainText("Caused by: java.net.SocketTimeoutException");
  await looksRight(page, "with a line open");
  await detail.getByRole("tab", { name: "Raw" }).click();
  await expect(detail.locator("pre")).toContainText("at bank.Pay.charge(Pay.java:77)");
  await detail.getByRole("tab", { name: "Context" }).click();
  await expect(rows(detail).filter({ hasText: "no account 19" })).toBeVisible();
  await expect(rows(detail).filter({ hasText: "no account 18" })).toBeVisible();
  await detail.getByRole("tab", { name: "Where is it" }).click();
  await expect(detail).toContainText(/trace\.log/);
  await looksRight(page, "with the way of a line");
  // The address opens the same line.
  const title = await detail.locator(".detail-title").innerText();
  await page.reload();
  await expect(page.getByRole("complementary", { name: "Line" }).locator(".detail-title")).toHaveText(title, { useInnerText: true });
  await page.keyboard.press("Escape");
  await expect(page.getByRole("complementary", { name: "Line" })).toBeHidden();
  void server;
});

test("patterns, table, fields", async ({ page, open }) => {
  await open("/explore?since=1h");
  await page.getByRole("tab", { name: "Patterns" }).click();
  await expect(page).toHaveURL(/tab=patterns/);
  await expect(page.getByRole("row").filter({ hasText: "timeout calling bank" }).first()).toBeVisible();
  await looksRight(page, "with patterns");
  await page.getByRole("tab", { name: "Table" }).click();
  await expect(rows(page).first()).toBeVisible();
  await page.getByRole("tab", { name: "Fields" }).click();
  await expect(page.getByText("http.status").first()).toBeVisible();
  await looksRight(page, "with fields");
});

test("a search is saved, found again, removed; a download holds every line", async ({ page, open }) => {
  const name = `mine ${Date.now()}`;
  await open("/explore?since=1h&q=level:warn");
  await page.getByRole("button", { name: "Saved" }).click();
  await page.getByRole("textbox", { name: "Name for this search" }).fill(name);
  await page.keyboard.press("Enter");
  await expect(page.getByText(name)).toBeVisible();
  await looksRight(page, "with saved searches");
  await page.keyboard.press("Escape");
  await query(page).fill("timeout");
  await query(page).press("Enter");
  await page.getByRole("button", { name: "Saved" }).click();
  await page.getByRole("button", { name: new RegExp(`^${name}`) }).click();
  await expect(query(page)).toHaveValue("level:warn");
  await page.getByRole("button", { name: "Saved" }).click();
  await page.getByRole("button", { name: new RegExp(`Remove.*${name}`) }).click();
  await expect(page.getByRole("button", { name: new RegExp(`^${name}`) })).toHaveCount(0);
  await page.keyboard.press("Escape");
  await open("/explore?since=1h&q=");
  await page.getByRole("button", { name: "Download" }).click();
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Raw lines" }).click()]);
  const lines = readFileSync(await file.path(), "utf8").split("\n").filter((line) => line.includes("INFO [") || line.includes("DEBUG ["));
  expect(lines.length).toBeGreaterThan(COUNTS.app / 2);
});

test("an answer that is only a part says so", async ({ page, open }) => {
  await page.route(/\/api\/v1\/(search|histogram)\?/, async (route) => {
    const answer = await route.fetch();
    const body = (await answer.text()).replace(/"complete":true/g, '"complete":false');
    await route.fulfill({ response: answer, body });
  });
  await open("/explore?since=1h");
  await expect(page.getByText("partial", { exact: true }).first()).toBeVisible();
});

test("hostile lines are text", async ({ page, open }) => {
  await open("/explore?since=1h&q=hostile-*");
  await expect(rows(page).filter({ hasText: "hostile-script" })).toBeVisible();
  for (const word of ["hostile-image", "hostile-svg", "hostile-heading", "hostile-href", "hostile-template", "hostile-ansi", "hostile-control", "hostile-rtl", "hostile-marks", "hostile-bytes", "hostile-long"]) {
    await expect(rows(page).filter({ hasText: word }).first()).toBeVisible();
    // The line itself, whole, and its raw bytes.
    await rows(page).filter({ hasText: word }).first().click();
    await page.keyboard.press("o");
    const detail = page.getByRole("complementary", { name: "Line" });
    await expect(detail.locator("pre").first()).toContainText(word);
    await detail.getByRole("tab", { name: "Raw" }).click();
    await expect(detail.locator("pre").first()).toBeVisible();
    await detail.getByRole("tab", { name: "Fields" }).click();
    await page.keyboard.press("Escape");
  }
  await expect(rows(page).filter({ hasText: "hostile-script" })).toContainText("<script>window.SEEN = 1</script>");
  expect(await page.evaluate(() => /** @type {any} */ (window).SEEN)).toBeUndefined();
  expect(await page.locator("#hostile-heading, main img, main script").count()).toBe(0);
  // A MiB without a space does not make the page wide.
  expect(await tooWide(page)).toEqual([]);
});

test("by the keyboard alone: from a word to a line, its neighbours, and back", async ({ page, open }) => {
  await open("/explore?since=1h");
  await page.keyboard.press("/");
  await expect(query(page)).toBeFocused();
  await page.keyboard.type("timeout");
  await page.keyboard.press("Control+Enter");
  await expect(page).toHaveURL(/q=timeout/);
  await expect(rows(page).first()).toContainText("timeout");
  await page.keyboard.press("Escape");
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("o");
  const detail = page.getByRole("complementary", { name: "Line" });
  await expect(detail).toBeVisible();
  const first = await detail.locator(".detail-title").innerText();
  await page.keyboard.press("[");
  await expect(detail.locator(".detail-title")).not.toHaveText(first);
  await page.keyboard.press("x");
  await expect(detail.getByRole("tab", { name: "Context" })).toHaveAttribute("aria-selected", "true");
  await page.keyboard.press("Escape");
  await expect(detail).toBeHidden();
  await page.keyboard.press("t");
  await page.keyboard.press("6");
  await expect(page).toHaveURL(/since=24h/);
  await page.keyboard.press("w");
  await expect(page).toHaveURL(/wrap=1/);
  await page.keyboard.press("l");
  await expect(page).toHaveURL(/live=1/);
  await page.keyboard.press("l");
  await expect(page).not.toHaveURL(/live=1/);
  expect(TOTAL).toBeGreaterThan(0);
});

test("every row can be reached: the list says how many there are, and End shows the last", async ({ page, server, open }) => {
  await open("/explore?since=1h&q=stream:logs");
  const { total } = await server.get("/api/v1/histogram", { q: "stream:logs", since: "1h" });
  const list = page.locator("log-view [role=grid]");
  await expect(list).toHaveAttribute("aria-rowcount", String(total + 1));
  await list.focus();
  await page.keyboard.press("End");
  await expect(page.locator(`log-view [aria-rowindex="${total + 1}"]`)).toBeVisible();
  expect(await page.locator("log-view [role=row]").count()).toBeLessThan(200);
});
