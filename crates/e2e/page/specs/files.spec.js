// Every file with where its bytes are; one of them opened; the filter and the choice in the address.
import { statSync } from "node:fs";
import { join } from "node:path";
import { looksRight, expect, test } from "../lib/page.js";

test("every file with its size, found by a part of its name", async ({ page, open }) => {
  await open("/files");
  await expect(page.getByRole("rowheader")).toHaveCount(4);
  await expect(page.getByText("4 files")).toBeVisible();
  await page.getByRole("searchbox").fill("app");
  await expect(page).toHaveURL(/match=app/);
  await expect(page.getByRole("rowheader")).toHaveCount(1);
  await page.getByRole("searchbox").fill("no such file");
  await expect(page.getByText("No file fits.")).toBeVisible();
  await page.goBack();
});

test("one file: its account, its gaps, its lines", async ({ page, server, open }) => {
  await open("/files?match=app.log");
  await page.getByRole("rowheader").getByRole("button", { name: /app\.log/ }).click();
  await expect(page).toHaveURL(/source=\w+\.0/);
  const detail = page.getByRole("region", { name: /app\.log/ });
  await expect(detail.getByText("No gaps.")).toBeVisible();
  const size = statSync(join(server.logs, "app.log")).size;
  const grouped = String(size).replace(/\B(?=(\d{3})+$)/g, "\u202f");
  await expect(detail.getByText(grouped).first()).toBeVisible();
  await looksRight(page, "with a file open");
  // The choice is in the address.
  await page.reload();
  await expect(page.getByRole("region", { name: /app\.log/ })).toBeVisible();
  await page.getByRole("region", { name: /app\.log/ }).getByRole("link", { name: "Its lines" }).click();
  await expect(page).toHaveURL(/\/explore\?.*source/);
});
