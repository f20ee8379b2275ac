// Live: what comes in as it comes in; it pauses where somebody reads; what is left out is counted; it outlives the server.
import { Server } from "../lib/server.js";
import { expect, looksRight, rows, test } from "../lib/page.js";

/** Writes lines until it is told to stop. @param {Server} server @param {number} perSecond */
function writer(server, perSecond) {
  let n = 0;
  const timer = setInterval(() => {
    const time = new Date().toISOString();
    let text = "";
    for (let k = 0; k < perSecond / 20; k += 1) text += `${time} ${n % 7 ? "INFO" : "ERROR"} [pay] live line n=${(n += 1)}\n`;
    server.append("live.log", text);
  }, 50);
  return { stop: () => clearInterval(timer), count: () => n };
}

test.use({
  server: async ({}, use) => {
    const server = new Server();
    server.write("live.log", "");
    await server.start();
    await use(server);
    await server.remove();
  },
  allow: [/answer: 503/],
});

test("follows, pauses on scroll, says how many are new, goes on", async ({ page, server, open }) => {
  const lines = writer(server, 200);
  try {
    await open("/explore?live=1");
    await expect(rows(page).first()).toContainText("live line");
    await expect(page.getByText("live", { exact: true }).first()).toBeVisible();
    await looksRight(page, "while it follows");
    await page.locator("log-view").hover();
    await page.mouse.wheel(0, -400);
    const pill = page.getByRole("button", { name: /[\d\u202f]+ new/ });
    await expect(pill).toBeVisible();
    // What is read stands still.
    const before = await rows(page).allInnerTexts();
    const shown = await pill.innerText();
    await expect(pill).not.toHaveText(shown);
    expect(await rows(page).allInnerTexts()).toEqual(before);
    await pill.click();
    await expect(pill).toBeHidden();
    await page.keyboard.press("Space");
    await expect(page.getByRole("button", { name: "Go on" })).toBeVisible();
  } finally {
    lines.stop();
  }
});

test("outlives the server, and says what lies between", async ({ page, server, open }) => {
  const lines = writer(server, 100);
  try {
    await open("/explore?live=1");
    await expect(rows(page).first()).toContainText("live line");
    await server.end("SIGKILL");
    await expect(page.getByText("connection lost, trying again").first()).toBeVisible();
    await server.start();
    await expect(page.getByText("live", { exact: true }).first()).toBeVisible();
    server.append("live.log", `${new Date().toISOString()} WARN [pay] after-the-restart\n`);
    lines.stop();
    await expect(rows(page).filter({ hasText: "after-the-restart" })).toBeVisible();
  } finally {
    lines.stop();
  }
});

test("what is left out is counted exactly", async ({ page, server, open }) => {
  // The page asks for at most 20,000 a second; so that a small machine reaches it, the server is asked for fewer.
  await page.route(/\/api\/v1\/tail/, (route) => {
    const url = new URL(route.request().url());
    url.searchParams.set("max_rate", "200");
    return route.continue({ url: url.href });
  });
  await open("/explore?live=1");
  await expect(page.getByText("live", { exact: true }).first()).toBeVisible();
  const lines = writer(server, 2000);
  const figure = (/** @type {string} */ name) => page.locator(".live-figure").filter({ hasText: name }).locator("b");
  await expect(figure("skipped")).not.toHaveText("0");
  lines.stop();
  const number = async (/** @type {string} */ name) => Number((await figure(name).innerText()).replace(/\D/g, ""));
  await expect.poll(async () => (await number("shown")) + (await number("skipped")), { timeout: 15_000 }).toBe(lines.count());
});

test("panes with queries of their own", async ({ page, server, open }) => {
  const lines = writer(server, 100);
  try {
    await open("/explore?live=1&q2=level:error");
    const second = page.getByRole("region", { name: "Live pane 2" });
    await expect(rows(second).first()).toContainText("live line");
    await expect(rows(page.getByRole("region", { name: "Live pane 1" })).first()).toBeVisible();
    await looksRight(page, "with two panes");
    await second.getByRole("button", { name: "Close pane 2" }).click();
    await expect(second).toBeHidden();
    await expect(page).not.toHaveURL(/q2=/);
  } finally {
    lines.stop();
  }
});
