// Pictures of every page, light and dark, made from the demo: for the README, and to be looked at with open eyes.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "@playwright/test";
import { smaller } from "./lib/png.js";
import { Server, until } from "./lib/server.js";

const OUT = new URL("../../../docs/screenshots/", import.meta.url).pathname;
const ARGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--font-render-hinting=none"];
const sleep = (/** @type {number} */ ms) => new Promise((done) => setTimeout(done, ms));
const asked = process.argv.slice(2);

/** @typedef {import("@playwright/test").Page} Page */
/** @type {Record<string, {path: string, act?: (page: Page) => Promise<void>}>} */
const SHOTS = {
  overview: { path: "/overview" },
  explore: { path: "/explore?since=15m" },
  line: {
    path: "/explore?since=15m&q=level:error",
    act: async (page) => {
      await page.locator("log-view .lv-row").nth(3).click();
      await page.keyboard.press("o");
      await page.locator(".detail pre").first().waitFor();
    },
  },
  patterns: { path: "/explore?since=15m&tab=patterns" },
  live: { path: "/explore?live=1&q2=level:error", act: () => sleep(4000).then(() => undefined) },
  charts: { path: "/charts?since=15m" },
  files: {
    path: "/files",
    act: async (page) => {
      await page.locator("tbody th button").nth(1).click();
      await page.locator(".file-detail .law-bar, .file-detail dl").first().waitFor();
    },
  },
  audit: { path: "/audit" },
  settings: { path: "/settings" },
};

mkdirSync(OUT, { recursive: true });
const server = await new Server({ demo: true }).start();
await until("the demo has lines", async () => (await server.get("/api/v1/stats")).store.records > 5000, 120);
// Figures need a while to become a line.
await sleep(Number(process.env.LOGDRIVE_SHOTS_WAIT_S ?? 60) * 1000);
const browser = await chromium.launch({ executablePath: process.env.LOGDRIVE_TEST_CHROMIUM ?? "/usr/bin/chromium", args: ARGS });
for (const theme of /** @type {const} */ (["light", "dark"])) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, colorScheme: theme, locale: "en-GB", timezoneId: "UTC", reducedMotion: "reduce" });
  for (const [name, { path, act }] of Object.entries(SHOTS)) {
    if (asked.length && !asked.includes(name)) continue;
    await page.goto(server.address + path);
    await page.locator("main > *").first().waitFor();
    await until("nothing is loading", async () => (await page.locator("main .spinner").count()) === 0, 15).catch(() => {});
    await act?.(page);
    await sleep(700);
    const picture = smaller(await page.screenshot());
    writeFileSync(join(OUT, `${name}-${theme}.png`), picture);
    console.log(`${(picture.length / 1024).toFixed(0).padStart(5)} KB  docs/screenshots/${name}-${theme}.png`);
  }
  await page.close();
}
await browser.close();
await server.remove();
process.exit(0);
