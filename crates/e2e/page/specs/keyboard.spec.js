// Without a mouse: what can be used can be reached by Tab, is seen when it has the focus, and lets the focus go.
import { PAGES, expect, test } from "../lib/page.js";

for (const path of PAGES) {
  test(`${path}: everything by Tab, visibly, without a trap`, async ({ page, open }) => {
    await open(path);
    await page.keyboard.press("Tab");
    await expect(page.getByRole("link", { name: "Skip to the content" })).toBeFocused();
    const seen = new Set();
    /** @type {string[]} */
    const hidden = [];
    for (let n = 0; n < 120; n += 1) {
      await page.keyboard.press("Tab");
      const at = await page.evaluate(() => {
        const node = document.activeElement;
        if (!(node instanceof HTMLElement) || node === document.body) return null;
        const { left, top, width, height } = node.getBoundingClientRect();
        const shown = width > 0 && height > 0 && left < innerWidth && top < innerHeight && left + width > 0 && top + height > 0;
        const own = /** @type {any} */ (window);
        own.order ??= new Map();
        if (!own.order.has(node)) own.order.set(node, own.order.size);
        return { key: own.order.get(node), name: `${node.tagName}.${node.className} ${node.getAttribute("aria-label") ?? node.textContent?.slice(0, 30)}`, shown };
      });
      if (!at) break;
      if (seen.has(at.key)) break;
      seen.add(at.key);
      if (!at.shown) hidden.push(at.name);
    }
    expect(hidden, "what has the focus and is not seen").toEqual([]);
    // Navigation, top bar and at least a control of the page itself.
    expect(seen.size).toBeGreaterThan(11);
  });
}

test("from the first screen to a page and back by keys, with help on the way", async ({ page, open }) => {
  await open("/overview");
  for (const [key, path] of [["f", "/files"], ["a", "/audit"], ["m", "/charts"], ["s", "/settings"], ["e", "/explore"], ["o", "/overview"]]) {
    await page.keyboard.press("g");
    await page.keyboard.press(key);
    await expect(page).toHaveURL(new RegExp(path));
  }
  await page.keyboard.press("?");
  const help = page.getByRole("dialog");
  await expect(help).toBeVisible();
  // The focus stays inside while it is open, and comes back.
  for (let n = 0; n < 12; n += 1) {
    await page.keyboard.press("Tab");
    expect(await help.evaluate((node) => node.contains(document.activeElement) || document.activeElement === document.body)).toBe(true);
  }
  await page.keyboard.press("Escape");
  await expect(help).toBeHidden();
  await page.keyboard.press("Control+k");
  await page.keyboard.type("audit");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/audit/);
});
