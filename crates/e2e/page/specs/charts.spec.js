// Figures over time: the host's, and logdrive's own; the range in the address; from a window to its lines.
import { Server, until } from "../lib/server.js";
import { expect, looksRight, test } from "../lib/page.js";

test.describe("a host that is measured", () => {
  test.use({
    server: async ({}, use) => {
      const server = new Server({ config: "[host_metrics]\nenabled = true\ninterval = \"1s\"\n" });
      server.write("a.log", "2026-01-01T00:00:00Z INFO one\n");
      await server.start();
      await until("the host is measured", async () => {
        const { measurements } = await server.get("/api/v1/metrics/measurements");
        return measurements.some((/** @type {{name: string}} */ one) => one.name === "mem");
      }, 60);
      await use(server);
      await server.remove();
    },
  });

  test("panels, range, zoom, table, yesterday, lines of the window", async ({ page, open }) => {
    await open("/charts");
    const memory = page.getByRole("region", { name: "Memory" });
    await expect(memory.locator("canvas")).toBeVisible();
    await expect(memory.getByText(/[kMG]B/).first()).toBeVisible();
    await looksRight(page, "with charts");
    await memory.getByText("Values").click();
    await expect(memory.getByRole("table")).toBeVisible();
    await page.keyboard.press("t");
    await page.keyboard.press("2");
    await expect(page).toHaveURL(/since=15m/);
    await page.getByRole("checkbox", { name: "Compare with yesterday" }).check();
    await expect(page).toHaveURL(/yesterday=1/);
    const over = memory.locator(".u-over");
    const box = await over.boundingBox();
    if (!box) throw new Error("no chart");
    await page.mouse.move(box.x + box.width * 0.3, box.y + 40);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.6, box.y + 40, { steps: 4 });
    await page.mouse.up();
    await expect(page).toHaveURL(/until=20/);
    await page.getByRole("region", { name: "Memory" }).getByRole("link", { name: "Lines" }).click();
    await expect(page).toHaveURL(/\/explore\?.*since=20.*until=20/);
  });

  test("its workers are under logdrive", async ({ page, open }) => {
    await open("/charts?view=health");
    const workers = page.getByRole("region", { name: "Workers" });
    await expect(workers.getByRole("row")).not.toHaveCount(1);
    await expect(workers.getByRole("cell", { name: "running" }).first()).toBeVisible();
  });
});
