// A failure in as few lines as tell what is wrong.

/** @param {string} text */
const plain = (text) => text.replace(/\u001b\[[0-9;]*m/g, "");

export default class Reporter {
  failed = 0;

  printsToStdio() {
    return true;
  }

  /** @param {import("@playwright/test/reporter").TestCase} test @param {import("@playwright/test/reporter").TestResult} result */
  onTestEnd(test, result) {
    const ok = result.status === test.expectedStatus;
    console.log(`${ok ? "ok  " : "FAIL"} ${(result.duration / 1000).toFixed(1).padStart(5)} s  ${test.titlePath().slice(2).join(" › ")}`);
    if (ok) return;
    this.failed += 1;
    for (const { message, stack, value } of result.errors) {
      const lines = plain(message ?? value ?? "").split("\n");
      const what = lines.filter((line) => line.trim() && !/^\s*([-+]\s+(Array \[|\],?)$|- Expected|\+ Received|- Array \[\]|Array|at )/.test(line) && !line.startsWith("expect(received)"));
      console.log(what.map((line) => `       ${line.slice(0, 400)}`).slice(0, 40).join("\n"));
      const at = plain(stack ?? "").split("\n").find((line) => line.includes("/specs/"));
      if (at) console.log(`     ${at.trim()}`);
    }
  }

  /** What a spec measured. @param {string|Buffer} chunk */
  onStdOut(chunk) {
    process.stdout.write(chunk);
  }

  /** @param {import("@playwright/test/reporter").TestError} error */
  onError(error) {
    console.log(plain(error.stack ?? error.message ?? error.value ?? "").split("\n").slice(0, 12).join("\n"));
  }

  /** @param {import("@playwright/test/reporter").FullResult} result */
  onEnd(result) {
    console.log(`page: ${result.status}, ${this.failed} failed, ${(result.duration / 1000).toFixed(0)} s`);
  }
}
