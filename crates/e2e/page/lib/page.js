// What every spec begins with: a server with known lines, and a page whose every fault is a failure of the spec.
import AxeBuilder from "@axe-core/playwright";
import { test as base, expect } from "@playwright/test";
import { Server } from "./server.js";
import { appLines, file, hostileFile, jsonLines, traces } from "./seed.js";

export { expect };
export const PAGES = ["/overview", "/explore", "/charts", "/files", "/audit", "/settings"];

/** Lines in the files that every worker's server follows. */
export const COUNTS = { app: 4000, api: 1500, trace: 20 };

/**
 * @typedef {object} Faults
 * @property {string[]} list what was wrong
 * @property {RegExp[]} allowed what this spec brings about
 */

/** A server with known lines. @returns {Promise<Server>} */
export async function seeded() {
  const server = new Server();
  const end = Date.now();
  const spanMs = 600_000;
  server.write("app.log", file(appLines({ count: COUNTS.app, end, spanMs })));
  server.write("api.json", file(jsonLines({ count: COUNTS.api, end, spanMs })));
  server.write("trace.log", file(traces({ count: COUNTS.trace, end, spanMs })));
  server.write("hostile.log", hostileFile(end));
  await server.start();
  await server.holds(COUNTS.app + COUNTS.api + COUNTS.trace);
  return server;
}

/**
 * @typedef {object} Described
 * @property {RegExp} path
 * @property {Record<string, {parameters?: {name: string, in: string}[]}>} methods
 */

/** @param {Server} server @returns {Promise<Described[]>} */
async function described(server) {
  const { paths } = await server.get("/openapi.json");
  return Object.entries(paths).map(([path, methods]) => ({
    path: new RegExp(`^${path.replace(/[.*+?^$()|[\]\\]/g, "\\$&").replace("/assets/{path}", "/assets/.+").replace(/\{[^}]+\}/g, "[^/]+")}$`),
    methods: /** @type {any} */ (methods),
  }));
}

/**
 * What is wrong with a request of the page; null where it is described.
 * @param {Described[]} api
 * @param {import("@playwright/test").Request} request
 */
function undescribed(api, request) {
  const url = new URL(request.url());
  const method = request.method().toLowerCase();
  const found = api.filter((route) => route.path.test(url.pathname));
  const call = found.map((route) => route.methods[method]).find(Boolean);
  if (!call) return `not in /openapi.json: ${method} ${url.pathname}`;
  if (!url.pathname.startsWith("/api/")) return null;
  const known = new Set((call.parameters ?? []).filter((one) => one.in === "query").map((one) => one.name));
  const unknown = [...url.searchParams.keys()].filter((name) => !known.has(name) && !(known.has("tag.*") && name.startsWith("tag.")));
  return unknown.length ? `not in /openapi.json: ${url.pathname} with ${unknown.join(", ")}` : null;
}

/**
 * Writes down everything that is wrong with a page.
 * @param {import("@playwright/test").Page} page
 * @param {Described[]} api
 * @param {string} address
 * @param {string[]} list
 */
export async function watch(page, api, address, list) {
  page.on("pageerror", (error) => list.push(`error: ${error.stack ?? error}`));
  page.on("dialog", (dialog) => {
    list.push(`dialog: ${dialog.message()}`);
    dialog.dismiss().catch(() => {});
  });
  page.on("console", (message) => {
    const text = message.text();
    // What the browser says of answers is checked where the answers are.
    if (message.type() === "error" && !text.startsWith("Failed to load resource")) list.push(`console: ${text}`);
    if (message.type() === "warning" && /Content.Security.Policy|violates/i.test(text)) list.push(`console: ${text}`);
  });
  page.on("request", (request) => {
    if (request.url().startsWith("data:") || request.url().startsWith("blob:")) return;
    if (!request.url().startsWith(address)) list.push(`request to elsewhere: ${request.url()}`);
    const wrong = undescribed(api, request);
    if (wrong) list.push(wrong);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) list.push(`answer: ${response.status()} ${response.request().method()} ${response.url()}`);
  });
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) => {
      console.error(`Content-Security-Policy: ${event.violatedDirective} refuses ${event.blockedURI} at ${event.sourceFile}:${event.lineNumber}`);
    });
  });
}

/**
 * @typedef {object} Own
 * @property {Server} server the one that is watched: the worker's, or the spec's own
 * @property {RegExp[]} allow faults that the spec brings about
 * @property {Faults} faults
 * @property {(path: string) => Promise<void>} open goes there and waits until the page has come up
 */

/** @type {import("@playwright/test").TestType<import("@playwright/test").PlaywrightTestArgs & import("@playwright/test").PlaywrightTestOptions & Own, import("@playwright/test").PlaywrightWorkerArgs & import("@playwright/test").PlaywrightWorkerOptions & {shared: Server}>} */
export const test = /** @type {any} */ (base.extend(/** @type {any} */ ({
  shared: [async ({}, /** @type {any} */ use) => {
    const server = await seeded();
    await use(server);
    await server.remove();
  }, { scope: "worker" }],
  server: async (/** @type {any} */ { shared }, /** @type {any} */ use) => use(shared),
  allow: async ({}, /** @type {any} */ use) => use([]),
  faults: [async (/** @type {any} */ { page, server, allow }, /** @type {any} */ use) => {
    /** @type {Faults} */
    const faults = { list: [], allowed: allow };
    await watch(page, await described(server), server.address, faults.list);
    await use(faults);
    const left = faults.list.filter((fault) => !faults.allowed.some((allowed) => allowed.test(fault)));
    expect([...new Set(left)], "what was wrong with the page").toEqual([]);
  }, { auto: true }],
  open: async (/** @type {any} */ { page, server }, /** @type {any} */ use) => {
    await use(async (/** @type {string} */ path) => {
      await page.goto(server.address + path);
      await expect(page.locator("main")).toBeVisible();
      await settled(page);
    });
  },
})));

/** Waits until nothing says that it is loading. @param {import("@playwright/test").Page} page */
export async function settled(page) {
  await expect(page.locator("main :is(.spinner, [aria-busy=true])")).toHaveCount(0);
  await expect(page.locator("main > *").first()).toBeAttached();
}

/**
 * No serious finding of axe.
 * @param {import("@playwright/test").Page} page
 * @param {string} [where]
 */
export async function looksRight(page, where = "") {
  const found = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]).analyze();
  const serious = found.violations.filter((one) => one.impact === "serious" || one.impact === "critical");
  const nodes = (/** @type {any} */ one) => one.nodes.slice(0, 4).map((/** @type {any} */ node) => `${node.target}: ${node.failureSummary?.split("\n").slice(1).join(" ")}`);
  expect.soft(serious.map((one) => [`${one.id}: ${one.help} (${one.nodes.length})`, ...nodes(one)]), `what axe finds ${where}`).toEqual([]);
}

/** What makes the page scroll sideways. @param {import("@playwright/test").Page} page */
export function tooWide(page) {
  return page.evaluate(() => {
    const root = document.documentElement;
    if (root.scrollWidth <= root.clientWidth) return [];
    const over = [...document.querySelectorAll("body *")].filter((node) => node.getBoundingClientRect().right > root.clientWidth + 1);
    return [`${root.scrollWidth}`, ...over.slice(0, 8).map((node) => `${node.tagName}.${node.getAttribute("class")}`)];
  });
}

/** All of the worker's lines but the hostile ones. */
export const TOTAL = COUNTS.app + COUNTS.api + COUNTS.trace;

/** The line for a query. @param {import("@playwright/test").Page} page */
export const query = (page) => page.locator("#query");

/** Rows of a list that hold a record. @param {import("@playwright/test").Page|import("@playwright/test").Locator} within */
export const rows = (within) => within.locator("log-view [role=row].lv-row:visible");
