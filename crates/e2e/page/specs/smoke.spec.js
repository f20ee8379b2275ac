// Every page comes up, in every theme, and nothing of it is wrong: no error in the console, nothing that the content
// policy refuses, no request that /openapi.json does not describe, no serious finding of axe, nothing wider than the
// window.
import { PAGES, expect, looksRight, test, tooWide } from "../lib/page.js";

for (const path of PAGES) {
  test(`${path}: axe finds nothing serious in any theme; it fits 360 px, and 200 %`, async ({ page, open }) => {
    await open(path);
    for (const theme of ["light", "dark", "contrast"]) {
      await page.getByRole("banner").getByLabel("Theme").selectOption(theme);
      await expect(page.locator("html")).toHaveAttribute("data-theme", theme);
      await looksRight(page, theme);
    }
    // 640 px are 1280 at 200 %.
    for (const width of [360, 640]) {
      await page.setViewportSize({ width, height: 700 });
      expect.soft(await tooWide(page), `what is wider than ${width} px`).toEqual([]);
    }
  });
}

test("the frame: navigation, palette, help, language, back", async ({ page, open }) => {
  await open("/overview");
  await page.getByRole("navigation").getByRole("link", { name: "Files" }).click();
  await expect(page).toHaveURL(/\/files/);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Files");
  await page.goBack();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Overview");
  await page.keyboard.press("Control+k");
  await page.getByRole("dialog").getByRole("combobox").fill("settings");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/settings/);
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toBeHidden();
  await page.keyboard.press("g");
  await page.keyboard.press("e");
  await expect(page).toHaveURL(/\/explore/);
});

test("in Chinese nothing is left in English", async ({ page, open }) => {
  await page.addInitScript(() => localStorage.setItem("logdrive.language", '"zh"'));
  await open("/overview");
  await expect(page.locator("html")).toHaveAttribute("lang", "zh");
  await expect(page.getByRole("navigation")).not.toContainText(/Overview|Explore|Files|Settings/);
});
