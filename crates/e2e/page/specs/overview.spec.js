// Home: one figure for whether everything is there, how fast and how late, what needs a person, what changed.
import { Server } from "../lib/server.js";
import { expect, test } from "../lib/page.js";

test("says that nothing is missing, with the account and the ways on", async ({ page, open }) => {
  await open("/overview");
  await expect(page.getByText("100.000 %")).toBeVisible();
  await expect(page.getByText("Nothing that was read of 4 files is missing.")).toBeVisible();
  await expect(page.getByRole("link", { name: /Records/ })).toContainText(/5\.5|553\d/);
  await expect(page.getByText("Nothing needs attention.")).toBeVisible();
  await expect(page.getByRole("listitem").filter({ hasText: /logdrive .* started/ })).toBeVisible();
  await page.getByRole("link", { name: "Prove it" }).click();
  await expect(page).toHaveURL(/\/audit/);
});

test.describe("with lines that keep coming", () => {
  test.use({
    server: async ({}, use) => {
      const server = new Server();
      server.write("app.log", "");
      await server.start();
      let n = 0;
      const timer = setInterval(() => server.append("app.log", `${new Date().toISOString()} INFO tick ${(n += 1)}\n`.repeat(20)), 50);
      await use(server);
      clearInterval(timer);
      await server.remove();
    },
  });

  test("figures move without a reload", async ({ page, open }) => {
    await open("/overview");
    const rate = page.getByRole("link", { name: /^Lines/ });
    await expect(rate).not.toContainText(/\b0 \/s/, { timeout: 15_000 });
    const records = page.getByRole("link", { name: /^Records/ });
    const before = await records.innerText();
    await expect(records).not.toHaveText(before, { timeout: 15_000 });
  });
});
