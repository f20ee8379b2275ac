// The proof: the law holds, verify compares with the disk and finds what was changed behind our back, dead letters.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Server } from "../lib/server.js";
import { appLines, file } from "../lib/seed.js";
import { expect, looksRight, test } from "../lib/page.js";

test("every file is complete, and the law is drawn", async ({ page, open }) => {
  await open("/audit");
  await expect(page.getByRole("heading", { name: "Every byte, accounted for" })).toBeVisible();
  await expect(page.getByText("100.000 %")).toBeVisible();
  await expect(page.getByRole("cell", { name: "complete" })).toHaveCount(4);
  await page.getByRole("rowheader").getByRole("button").first().click();
  await expect(page.getByText("No gaps.")).toBeVisible();
  await looksRight(page, "with an account open");
  await page.getByRole("searchbox", { name: "A path, a folder or a pattern" }).fill("/no/such/file");
  await page.keyboard.press("Enter");
  await expect(page.getByText("There is no account of such a file.")).toBeVisible();
  await expect(page.getByRole("searchbox", { name: "A path, a folder or a pattern" })).toHaveValue("/no/such/file");
});

test("verify finds everything the same", async ({ page, open }) => {
  await open("/audit");
  await page.getByRole("button", { name: "Verify" }).click();
  await expect(page.getByText(/The same, byte by byte: .* records of 4 files/)).toBeVisible();
});

test.describe("with a file that was changed behind our back", () => {
  test.use({
    server: async ({}, use) => {
      const server = new Server();
      const text = file(appLines({ count: 500, end: Date.now(), spanMs: 60_000 }));
      server.write("app.log", text);
      await server.start();
      await server.holds(500);
      const path = join(server.logs, "app.log");
      const bytes = readFileSync(path);
      bytes.write("XXXX", 3000);
      writeFileSync(path, bytes, { flag: "r+" });
      await use(server);
      await server.remove();
    },
  });

  test("verify says where it differs", async ({ page, open }) => {
    await open("/audit");
    await page.getByRole("button", { name: "Verify" }).click();
    await expect(page.getByText(/1 files differ/)).toBeVisible();
    await expect(page.getByRole("listitem").filter({ hasText: "app.log" }).first()).toBeVisible();
  });
});

test("dead letters: reason, line as text, retry, drop after asking", async ({ page, open }) => {
  // No store of this house refuses a line; what one of another house refused looks like this.
  const letters = [1, 2].map((n) => ({ id: `s.0.${n}`, stream: "logs", host: "h", path: "/var/log/x.log", reason: "mapper_parsing_exception", line: `<b>bold</b> ${n}`, start: n, end: n + 1, read_at: "2026-01-01T00:00:00Z" }));
  /** @type {string[]} */
  const sent = [];
  await page.route(/\/api\/v1\/dead-letters/, async (route) => {
    const request = route.request();
    if (request.method() === "GET") return route.fulfill({ json: { dead_letters: letters, count: letters.length, next: null } });
    sent.push(`${request.method()} ${new URL(request.url()).pathname}`);
    if (request.method() === "DELETE") letters.shift();
    return route.fulfill({ json: { results: [{ id: "s.0.1", result: "stored" }] } });
  });
  await open("/audit");
  await expect(page.getByText("mapper_parsing_exception")).toHaveCount(2);
  await expect(page.getByText("<b>bold</b> 1")).toBeVisible();
  await page.getByRole("button", { name: "Retry", exact: true }).first().click();
  await expect.poll(() => sent).toContain("POST /api/v1/dead-letters/s.0.1/retry");
  await page.getByRole("button", { name: "Drop" }).first().click();
  await expect(page.getByRole("dialog")).toBeVisible();
  await page.keyboard.press("Escape");
  expect(sent.some((one) => one.startsWith("DELETE"))).toBe(false);
  await page.getByRole("button", { name: "Drop" }).first().click();
  await page.getByRole("dialog").getByRole("button", { name: "Drop" }).click();
  await expect.poll(() => sent).toContain("DELETE /api/v1/dead-letters/s.0.1");
  await expect(page.getByText("mapper_parsing_exception")).toHaveCount(1);
});
