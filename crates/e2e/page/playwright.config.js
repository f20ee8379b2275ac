// The specs: Debian's Chromium, one server of its own for each worker, and no second try that would hide a fault.
import { defineConfig } from "@playwright/test";

export default defineConfig({
  testDir: "specs",
  // Measured alone, by cargo xtask page figures: beside other specs everything is slow.
  testIgnore: process.env.LOGDRIVE_FIGURES ? [] : ["**/figures.spec.js"],
  outputDir: "../../../target/page-results",
  fullyParallel: true,
  workers: 2,
  retries: 0,
  timeout: 45_000,
  expect: { timeout: 10_000 },
  forbidOnly: Boolean(process.env.CI),
  reporter: "./lib/reporter.js",
  use: {
    locale: "en-GB",
    timezoneId: "UTC",
    viewport: { width: 1280, height: 800 },
    screenshot: "only-on-failure",
    trace: "off",
    launchOptions: {
      executablePath: process.env.LOGDRIVE_TEST_CHROMIUM ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    },
  },
});
