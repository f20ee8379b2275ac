// What a page says when the server is away, is starting, or cannot do what was asked; and that nothing typed is lost.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Server } from "../lib/server.js";
import { expect, looksRight, test } from "../lib/page.js";

const PROBLEM = { contentType: "application/problem+json", status: 503, body: JSON.stringify({ type: "/problems/starting", title: "Starting", status: 503, detail: "the store is being opened" }) };

test.describe("a server of its own", () => {
  test.use({
    server: async ({}, use) => {
      const server = new Server();
      server.write("a.log", "2026-01-01T00:00:00Z INFO one\n");
      await server.start();
      await use(server);
      await server.remove();
    },
    allow: [/answer: 503/],
  });

  test("a lost connection is said, and the page goes on by itself when the server is back", async ({ page, server, open }) => {
    await open("/overview");
    await expect(page.getByText("All is well")).toBeVisible();
    await server.end("SIGKILL");
    await expect(page.getByRole("alert").filter({ hasText: "The server does not answer" })).toBeVisible();
    await expect(page.getByRole("banner").getByText("Connection lost")).toBeVisible();
    // What was there can still be read.
    await expect(page.getByRole("heading", { name: "Is everything there?" })).toBeVisible();
    await server.start();
    await expect(page.getByRole("alert")).toHaveCount(0);
    await expect(page.getByRole("banner").getByText("All is well")).toBeVisible();
  });

  test("what was typed stays while the server is away", async ({ page, server, open }) => {
    await open("/files");
    await server.end("SIGKILL");
    const filter = page.getByRole("searchbox").first();
    await filter.fill("a.log");
    await expect(page.getByRole("alert").first()).toBeVisible();
    await expect(filter).toHaveValue("a.log");
    await expect(page).toHaveURL(/match=a\.log/);
    await server.start();
    await expect(page.getByRole("row").filter({ hasText: "a.log" })).toBeVisible();
    await expect(filter).toHaveValue("a.log");
  });
});

test.describe("the first run", () => {
  test.use({
    allow: [/answer: 400 POST .*streams/],
    server: async ({}, use) => {
      const server = new Server();
      await server.start();
      await use(server);
      await server.remove();
    },
  });

  test("a folder is named, and its lines are in Explore", async ({ page, server, open }) => {
    const elsewhere = join(server.folder, "elsewhere");
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, "b.log"), `${new Date().toISOString()} WARN the-line-of-the-first-run\n`);
    await open("/overview");
    await expect(page.getByRole("heading", { name: "See lines in a minute" })).toBeVisible();
    await looksRight(page, "on the first run");
    const folder = page.getByRole("textbox", { name: "A folder or files" });
    await folder.fill("no/absolute/path");
    await folder.press("Enter");
    await expect(page.getByRole("alert").or(page.getByRole("status").filter({ hasText: /path/ })).first()).toBeVisible();
    await expect(folder).toHaveValue("no/absolute/path");
    await folder.fill(elsewhere);
    await folder.press("Enter");
    await expect(page).toHaveURL(/\/explore\?since=24h/);
    await expect(page.getByText("the-line-of-the-first-run").first()).toBeVisible();
  });
});

test.describe("while it is starting", () => {
  test.use({ allow: [/answer: 503/] });

  test("the page says so and goes on by itself", async ({ page, server }) => {
    let starting = true;
    await page.route(/\/api\/v1\//, (route) => (starting ? route.fulfill(PROBLEM) : route.fallback()));
    await page.goto(`${server.address}/files`);
    await expect(page.getByText("The server is starting").first()).toBeVisible();
    starting = false;
    await expect(page.getByRole("row").filter({ hasText: "app.log" })).toBeVisible();
    await expect(page.getByText("The server is starting")).toHaveCount(0);
  });
});
