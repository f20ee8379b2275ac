// The figures of the page, measured in Chromium against a release build with data of its own. Printed, never asserted:
// what they reach depends on the machine.
import { createWriteStream, readFileSync } from "node:fs";
import { join } from "node:path";
import { once } from "node:events";
import { chromium } from "@playwright/test";
import { Server, until } from "./lib/server.js";
import { appLines, random } from "./lib/seed.js";

const ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const executablePath = process.env.LOGDRIVE_TEST_CHROMIUM ?? "/usr/bin/chromium";
const sleep = (/** @type {number} */ ms) => new Promise((done) => setTimeout(done, ms));
/** @type {[string, string, string][]} */
const table = [];

/** @param {string} what @param {string} reach @param {string} found */
function row(what, reach, found) {
  table.push([what, reach, found]);
  console.log(`${what.padEnd(46)} ${reach.padEnd(26)} ${found}`);
}

/** @param {number[]} values @param {number} share */
const quantile = (values, share) => values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? NaN;

/** @template T @param {(browser: import("@playwright/test").Browser) => Promise<T>} run */
async function withBrowser(run) {
  const browser = await chromium.launch({ executablePath, args: ARGS });
  try {
    return await run(browser);
  } finally {
    await browser.close();
  }
}

/** @param {Server} server @param {string} name @param {number} bytes lines of the last hour */
async function fill(server, name, bytes) {
  const stream = createWriteStream(join(server.logs, name));
  let written = 0;
  let text = "";
  let count = 0;
  for (const line of appLines({ seed: 7, count: Math.floor(bytes / 113), end: Date.now(), spanMs: 3_600_000 })) {
    text += `${line}\n`;
    count += 1;
    if (text.length < 1 << 20) continue;
    written += text.length;
    if (!stream.write(text)) await once(stream, "drain");
    text = "";
    if (written >= bytes) break;
  }
  stream.end(text);
  await once(stream, "finish");
  return count;
}

/** First paint of a page that was never loaded. */
async function paint() {
  const server = await new Server({ demo: true }).start();
  await sleep(3000);
  const found = /** @type {Record<string, number[]>} */ ({});
  for (const path of ["/overview", "/explore"]) {
    for (let n = 0; n < 5; n += 1) {
      await withBrowser(async (browser) => {
        const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
        await page.goto(server.address + path);
        const ms = await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
        (found[path] ??= []).push(Number(await ms.jsonValue()));
      });
    }
  }
  const weight = await withBrowser(async (browser) => {
    const page = await browser.newPage();
    const client = await page.context().newCDPSession(page);
    await client.send("Network.enable");
    let [files, answers] = [0, 0];
    const urls = new Map();
    client.on("Network.requestWillBeSent", (event) => urls.set(event.requestId, event.request.url));
    client.on("Network.loadingFinished", (event) => {
      if (urls.get(event.requestId)?.includes("/api/")) answers += event.encodedDataLength;
      else files += event.encodedDataLength;
    });
    await page.goto(`${server.address}/explore`);
    await page.locator("log-view").waitFor();
    await sleep(1500);
    return [files, answers];
  });
  for (const [path, values] of Object.entries(found)) row(`first paint of ${path}, cold`, "≤ 300 ms", `${quantile(values, 0.5).toFixed(0)} ms (${values.map((ms) => ms.toFixed(0)).join(" ")})`);
  row("/explore, what comes over the wire", "≤ 120 KB", `${(weight[0] / 1024).toFixed(1)} KB with headers; first answers ${(weight[1] / 1024).toFixed(0)} KB`);
  await server.remove();
}

/** From Enter to the first rows of the new question. @param {import("@playwright/test").Page} page @param {string} term */
async function enterToRows(page, term) {
  await page.locator("#query").fill(term);
  await page.evaluate((word) => {
    const own = /** @type {any} */ (window);
    own.took = undefined;
    addEventListener("keydown", () => {
      const began = performance.now();
      const view = () => /** @type {any} */ (document.querySelector("log-view"));
      const before = view()?.source;
      const look = () => {
        const rows = [...document.querySelectorAll("log-view .lv-row")].filter((node) => /** @type {HTMLElement} */ (node).offsetParent !== null);
        const first = rows.find((node) => node.textContent?.trim());
        if (view()?.source !== before && first?.textContent?.includes(word) && !document.querySelector("log-view.old")) own.took = performance.now() - began;
        else requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
    }, { capture: true, once: true });
  }, term.replace(/^.*:/, ""));
  await page.locator("#query").press("Enter");
  const took = await page.waitForFunction(() => /** @type {any} */ (window).took, null, { timeout: 60_000 });
  return Number(await took.jsonValue());
}

/** Enter to first rows, and scrolling, over a GB. */
async function firstRows() {
  const server = new Server();
  const bytes = Number(process.env.LOGDRIVE_FIGURES_BYTES ?? 1e9);
  const count = await fill(server, "big.log", bytes);
  await server.start();
  await server.holds(count, "*", 900);
  await sleep(5000);
  await withBrowser(async (browser) => {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    await page.goto(`${server.address}/explore?since=2h`);
    await page.locator("log-view .lv-row").first().waitFor();
    await sleep(3000);
    const next = random(3);
    const timed = /** @type {number[]} */ ([]);
    // Ids are in a handful of lines each; the words after them are in 3, 7 and 20 of a hundred.
    for (const term of ["timeout", "slow", "miss", "timeout", "mail", "calling"]) timed.push(await enterToRows(page, term));
    row(`Enter to first rows, a term, ${(bytes / 1e9).toFixed(1)} GB, ${count.toLocaleString("en")} lines`, "≤ 150 ms", `${quantile(timed, 0.5).toFixed(0)} ms (${timed.map((ms) => ms.toFixed(0)).join(" ")})`);
    const rare = /** @type {number[]} */ ([]);
    for (let n = 0; n < 3; n += 1) {
      const hit = await server.get("/api/v1/search", { q: "calling", since: "2h", limit: "1", cursor: "" }).catch(() => null);
      const id = /id=(\d+)/.exec(hit?.hits?.[0]?.line ?? "")?.[1] ?? String(Math.floor(next() * 1e6));
      rare.push(await enterToRows(page, `id=${id}`).catch(() => NaN));
    }
    row("Enter to first rows, a rare id", "", rare.map((ms) => `${ms.toFixed(0)} ms`).join(" "));
    await scroll(page);
  });
  await server.remove();
}

/** Counts frames while something is done. @param {import("@playwright/test").Page} page @param {() => Promise<void>} act */
async function frames(page, act) {
  await page.evaluate(() => {
    const own = /** @type {any} */ (window);
    own.frames = [];
    own.counting = true;
    let last = performance.now();
    const frame = (/** @type {number} */ now) => {
      own.frames.push(now - last);
      last = now;
      if (own.counting) requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  await act();
  return /** @type {Promise<number[]>} */ (page.evaluate(() => {
    const own = /** @type {any} */ (window);
    own.counting = false;
    return own.frames.slice(2);
  }));
}

/** Through two million rows: by wheel, by pages, by dragging, from end to end. @param {import("@playwright/test").Page} page */
async function scroll(page) {
  await page.locator("#query").fill("");
  await page.locator("#query").press("Enter");
  const list = page.locator("log-view [role=grid]");
  await until("two million rows can be scrolled", async () => Number(await list.getAttribute("aria-rowcount")) > 2_000_000, 60);
  const rows = Number(await list.getAttribute("aria-rowcount"));
  await sleep(1000);
  const box = await list.boundingBox();
  if (!box) throw new Error("no list");
  await page.mouse.move(box.x + 200, box.y + 200);
  const wheel = await frames(page, async () => {
    for (let n = 0; n < 200; n += 1) {
      await page.mouse.wheel(0, 600);
      await sleep(16);
    }
  });
  const drag = await frames(page, async () => {
    await page.evaluate(async () => {
      const node = /** @type {HTMLElement} */ (document.querySelector("log-view [role=grid]"));
      for (let n = 0; n <= 240; n += 1) {
        node.scrollTop = (node.scrollHeight * n) / 240;
        await new Promise(requestAnimationFrame);
      }
    });
  });
  await list.focus();
  const keys = await frames(page, async () => {
    for (const key of ["Home", ...Array(60).fill("PageDown"), "End", ...Array(60).fill("PageUp")]) {
      await page.keyboard.press(key);
      await sleep(16);
    }
  });
  for (const [name, list_] of /** @type {[string, number[]][]} */ ([["wheel", wheel], ["end to end in 4 s", drag], ["pages", keys]])) {
    row(`scroll ${(rows / 1e6).toFixed(1)} M rows, ${name}`, "no frame over 50 ms", `worst ${Math.max(...list_).toFixed(0)} ms, p99 ${quantile(list_, 0.99).toFixed(0)} ms, ${list_.length} frames`);
  }
}

/** @param {number} perSecond */
async function live(perSecond) {
  const server = new Server();
  server.write("live.log", "");
  await server.start();
  const lines = [...appLines({ seed: 9, count: 20_000, end: Date.now(), spanMs: 1000 })].map((line) => line.slice(24));
  let n = 0;
  const began = Date.now();
  const timer = setInterval(() => {
    const due = Math.floor(((Date.now() - began) / 1000) * perSecond);
    const time = new Date().toISOString();
    let text = "";
    for (; n < due; n += 1) text += `${time}${lines[n % lines.length]}\n`;
    if (text) server.append("live.log", text);
  }, 20);
  await withBrowser(async (browser) => {
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    const client = await page.context().newCDPSession(page);
    await client.send("Performance.enable");
    await page.goto(`${server.address}/explore?live=1`);
    await page.locator("log-view .lv-row").first().waitFor();
    await sleep(5000);
    const metrics = async () => Object.fromEntries((await client.send("Performance.getMetrics")).metrics.map((one) => [one.name, one.value]));
    const before = await metrics();
    const all = await frames(page, () => sleep(30_000).then(() => undefined));
    const after = await metrics();
    const seconds = after.Timestamp - before.Timestamp;
    const figures = await page.locator(".live-figure b").allInnerTexts();
    const busy = ((after.TaskDuration - before.TaskDuration) / seconds) * 100;
    const reach = perSecond <= 5000 ? "≥ 50 fps, ≤ 20 %, < 2,000 nodes, < 150 MB" : "≤ 25 % of the main thread";
    row(`live ${perSecond.toLocaleString("en")} lines/s, ${seconds.toFixed(0)} s`, reach, `${(all.length / seconds).toFixed(0)} fps, busy ${busy.toFixed(1)} %, nodes ${after.Nodes}, heap ${(after.JSHeapUsedSize / 1e6).toFixed(0)} MB, worst frame ${Math.max(...all).toFixed(0)} ms; rate, shown, skipped: ${figures.join(", ")}`);
  });
  clearInterval(timer);
  await server.remove();
}

/** @param {number} pid seconds of processor that a process has used */
function used(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** What a page that is open and does nothing costs the server. */
async function idle() {
  const server = new Server();
  server.write("a.log", [...appLines({ count: 5000, end: Date.now(), spanMs: 600_000 })].join("\n"));
  await server.start();
  await sleep(15_000);
  const cost = async () => {
    const before = used(server.pid);
    await sleep(60_000);
    return ((used(server.pid) - before) / 60) * 100;
  };
  const without = await cost();
  await withBrowser(async (browser) => {
    const page = await browser.newPage();
    for (const path of ["/overview", "/explore"]) {
      await page.goto(server.address + path);
      await sleep(3000);
      row(`server, ${path} open and idle, 60 s`, "≤ 0.2 % of a core", `${((await cost()) - without).toFixed(2)} % more than without (${without.toFixed(2)} %)`);
    }
  });
  await server.remove();
}

const ALL = /** @type {Record<string, () => Promise<void>>} */ ({ paint, "first-rows": firstRows, live: () => live(5000).then(() => live(20_000)), idle });
const asked = process.argv.slice(2);
for (const name of asked.length ? asked : Object.keys(ALL)) {
  const measure = ALL[name];
  if (!measure) throw new Error(`there is no figure '${name}': ${Object.keys(ALL).join(" ")}`);
  await measure().catch((failed) => row(name, "", `failed: ${failed.message.split("\n")[0]}`));
}
console.log(`\n| what | reach | found |\n|---|---|---|\n${table.map((one) => `| ${one.join(" | ")} |`).join("\n")}`);
process.exit(0);
