// Every page comes up, in every theme, and nothing of it is wrong: no error in the console, nothing that the content
// policy refuses, no request that /openapi.json does not describe, no serious finding of axe, nothing wider than the
// window.
import { PAGES, expect, looksRight, test } from "../lib/page.js";

for (const path of PAGES) {
  for (const theme of ["light", "dark", "contrast"]) {
    test(`${path} in ${theme}: axe finds nothing serious`, async ({ page, open }) => {
      await page.addInitScript((chosen) => localStorage.setItem("logdrive.theme", JSON.stringify(chosen)), theme);
      await open(path);
      await expect(page.locator("html")).toHaveAttribute("data-theme", theme);
      await looksRight(page);
    });
  }

  test(`${path} fits 360 px, and 200 %`, async ({ page, open }) => {
    await open(path);
    // 640 px are 1280 at 200 %.
    for (const width of [360, 640]) {
      await page.setViewportSize({ width, height: 700 });
      const wide = await page.evaluate(() => {
        const root = document.documentElement;
        if (root.scrollWidth <= root.clientWidth) return [];
        const over = [...document.querySelectorAll("body *")].filter((node) => node.getBoundingClientRect().right > root.clientWidth + 1);
        return [`${root.scrollWidth}`, ...over.slice(0, 8).map((node) => `${node.tagName}.${node.className}`)];
      });
      expect(wide, `at ${width} px`).toEqual([]);
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
  await page.getByRole("combobox", { name: /./ }).last().fill("settings");
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
