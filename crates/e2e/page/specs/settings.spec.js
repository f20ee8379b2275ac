// What a person chooses stays in this browser; what the server is set to, with its origins, found by key.
import { expect, test } from "../lib/page.js";

test("theme and language survive a reload", async ({ page, open }) => {
  await open("/settings");
  const main = page.getByRole("main");
  await main.getByLabel("Theme").selectOption("dark");
  await main.getByLabel("Language").selectOption("zh");
  await expect(page.locator("html")).toHaveAttribute("lang", "zh");
  await page.reload();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await expect(page.locator("html")).toHaveAttribute("lang", "zh");
  await expect(page.getByRole("navigation")).toContainText("设置");
});

test("settings of the server are found by key", async ({ page, open }) => {
  await open("/settings");
  await page.getByRole("searchbox").fill("listen");
  await expect(page).toHaveURL(/key=listen/);
  await expect(page.getByRole("row").filter({ hasText: "127.0.0.1:0" })).toBeVisible();
});

test("times are shown in the zone chosen", async ({ page, open }) => {
  await open("/settings");
  await page.getByRole("main").getByLabel("Time zone").selectOption("Asia/Shanghai");
  await page.goto(page.url().replace("/settings", "/files"));
  const cell = page.locator("tbody time").first();
  await expect(cell).toBeVisible();
  const [shown, at] = [await cell.innerText(), await cell.getAttribute("datetime")];
  const hour = (Number(at?.slice(11, 13)) + 8) % 24;
  expect(shown.split(" ")[1].slice(0, 2)).toBe(String(hour).padStart(2, "0"));
});
