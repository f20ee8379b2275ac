// A running `logdrive up` of the test's own: its own folder, a port that was free, ended by its process id.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, closeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const BINARY = process.env.LOGDRIVE_TEST_BINARY ?? new URL("../../../../target/debug/logdrive", import.meta.url).pathname;

/** @type {Set<Server>} */
const running = new Set();
process.on("exit", () => running.forEach((server) => server.killNow()));

/**
 * Waits until `ask` answers something true.
 * @template T
 * @param {string} what
 * @param {() => Promise<T>|T} ask
 * @param {number} [seconds]
 * @returns {Promise<NonNullable<T>>}
 */
export async function until(what, ask, seconds = 30) {
  const end = Date.now() + seconds * 1000;
  let last = "";
  for (;;) {
    try {
      const answer = await ask();
      if (answer) return answer;
      last = String(answer);
    } catch (failed) {
      last = String(failed);
    }
    if (Date.now() > end) throw new Error(`waited ${seconds} s until ${what}; last: ${last}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

export class Server {
  /** The folder of everything of it; `logs` below it is what it follows. */
  folder = mkdtempSync(join(tmpdir(), "logdrive-page-"));
  logs = join(this.folder, "logs");
  address = "";
  /** @type {import("node:child_process").ChildProcess|undefined} */
  child;

  /** @param {{args?: string[], config?: string, env?: Record<string, string>, demo?: boolean}} [options] */
  constructor(options = {}) {
    mkdirSync(this.logs);
    this.options = options;
  }

  /**
   * Writes a file that is to be followed.
   * @param {string} name
   * @param {string|Uint8Array} content
   */
  write(name, content) {
    writeFileSync(join(this.logs, name), content);
  }

  /** Adds to it. @param {string} name @param {string} content */
  append(name, content) {
    writeFileSync(join(this.logs, name), content, { flag: "a" });
  }

  /** Starts it, and waits until it is ready unless told not to. @param {{ready?: boolean}} [options] */
  async start({ ready = true } = {}) {
    const listen = this.address ? new URL(this.address).host : "127.0.0.1:0";
    const args = ["up", "--data", join(this.folder, "data"), "--listen", listen];
    if (this.options.config) {
      writeFileSync(join(this.folder, "logdrive.toml"), this.options.config);
      args.push("-c", join(this.folder, "logdrive.toml"));
    }
    args.push(...(this.options.args ?? []), ...(this.options.demo ? ["--demo"] : [this.logs]));
    const out = join(this.folder, "out.txt");
    const [stdout, stderr] = [openSync(out, "w"), openSync(join(this.folder, "err.txt"), "a")];
    const child = spawn(BINARY, args, {
      cwd: this.folder,
      env: { ...process.env, ...this.options.env },
      stdio: ["ignore", stdout, stderr],
    });
    [stdout, stderr].forEach(closeSync);
    this.child = child;
    running.add(this);
    this.address = await until("logdrive says its address", () => {
      if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${this.said()}`);
      return /^ *address +(http:\S+)$/m.exec(readFileSync(out, "utf8"))?.[1];
    });
    if (ready) await until("logdrive is ready", async () => (await fetch(`${this.address}/ready`)).ok);
    return this;
  }

  get pid() {
    return this.child?.pid ?? 0;
  }

  said() {
    return ["out.txt", "err.txt"].map((name) => readFileSync(join(this.folder, name), "utf8")).join("");
  }

  /**
   * An answer of its API.
   * @param {string} path
   * @param {Record<string, string>} [query]
   */
  async get(path, query = {}) {
    const answer = await fetch(`${this.address}${path}?${new URLSearchParams(query)}`);
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  /**
   * Waits until as many records match.
   * @param {number} count
   * @param {string} [q]
   * @param {number} [seconds]
   */
  async holds(count, q = "*", seconds = 60) {
    await until(`${count} records match ${q}`, async () => {
      const answer = await this.get("/api/v1/histogram", { q, since: "1970-01-01T00:00:00Z" });
      if (answer.total >= count) return true;
      throw new Error(`${answer.total}`);
    }, seconds);
  }

  killNow() {
    this.child?.kill("SIGKILL");
    running.delete(this);
  }

  /** Ends the process; the folder stays, so that it can start again. @param {NodeJS.Signals} [signal] */
  async end(signal = "SIGTERM") {
    const child = this.child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    const late = setTimeout(() => child.kill("SIGKILL"), 15_000);
    await ended;
    clearTimeout(late);
    running.delete(this);
  }

  /** Ends it and removes everything of it. */
  async remove() {
    await this.end();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
