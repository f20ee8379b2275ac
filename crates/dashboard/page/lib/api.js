// The one way to the server. Every request of the page goes through here, to paths of /openapi.json only.
import { signal } from "./ui.js";

/** How the server is: `ok`, `lost` (no answer), `starting` (503 while it opens its store). */
export const connection = signal(/** @type {"ok"|"lost"|"starting"} */ ("ok"));

/** An answer that is not what was asked for; see problem+json. */
export class Problem extends Error {
  /** @param {{type?: string, title?: string, status: number, detail: string, at?: number, parameter?: string}} body */
  constructor(body) {
    super(body.detail);
    this.name = "Problem";
    this.kind = (body.type ?? "").replace("/problems/", "");
    this.title = body.title ?? "";
    this.status = body.status;
    this.at = body.at;
    this.parameter = body.parameter;
  }
}

/**
 * @typedef {Record<string, string|number|boolean|null|undefined>} Query parameters; empty ones are left out
 * @typedef {{signal?: AbortSignal, method?: string, body?: unknown, accept?: string}} Options
 */

/**
 * The path with its parameters.
 * @param {string} path below /api/v1, without its first slash
 * @param {Query} [query]
 */
export function url(path, query = {}) {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "" && value !== false) params.set(name, String(value));
  }
  const text = params.toString();
  return `/api/v1/${path}${text ? `?${text}` : ""}`;
}

/**
 * Whether an error only says that the request was given up.
 * @param {unknown} error
 */
export function isAbort(error) {
  return error instanceof DOMException && error.name === "AbortError";
}

/** @param {Response} response */
async function problemOf(response) {
  const text = await response.text().catch(() => "");
  try {
    return new Problem(JSON.parse(text));
  } catch {
    return new Problem({ status: response.status, detail: text || `HTTP ${response.status}` });
  }
}

/**
 * @param {string} path
 * @param {Query} [query]
 * @param {Options} [options]
 */
export async function request(path, query, options = {}) {
  const { signal: stop, method = "GET", body, accept = "application/json" } = options;
  /** @type {Record<string, string>} */
  const headers = { accept };
  if (body !== undefined) headers["content-type"] = "application/json";
  let response;
  try {
    response = await fetch(url(path, query), { method, headers, signal: stop, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch (error) {
    if (!isAbort(error)) connection.value = "lost";
    throw error;
  }
  if (response.ok) {
    connection.value = "ok";
    return response;
  }
  const problem = await problemOf(response);
  connection.value = problem.kind === "starting" ? "starting" : "ok";
  throw problem;
}

/**
 * An answer in JSON.
 * @param {string} path
 * @param {Query} [query]
 * @param {Options} [options]
 * @returns {Promise<any>}
 */
export async function get(path, query, options) {
  return (await request(path, query, options)).json();
}

/**
 * A request that changes something.
 * @param {"POST"|"PUT"|"DELETE"} method
 * @param {string} path
 * @param {unknown} [body]
 * @returns {Promise<any>} null where the answer is empty
 */
export async function send(method, path, body) {
  const response = await request(path, {}, { method, body });
  const text = await response.text();
  return text ? JSON.parse(text) : null;
}

/**
 * An answer of one object a line, as arrays of what has come so far. Nothing is read while the caller works: a slow
 * page holds back the server, not its own memory. Control lines have the key `_`.
 * @param {string} path
 * @param {Query} [query]
 * @param {{signal?: AbortSignal}} [options]
 * @returns {AsyncGenerator<any[], void, void>}
 */
export async function* lines(path, query, options = {}) {
  const response = await request(path, query, { ...options, accept: "application/x-ndjson" });
  if (!response.body) return;
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      const text = rest + (done ? decoder.decode() : decoder.decode(value, { stream: true }));
      const end = done ? text.length : text.lastIndexOf("\n") + 1;
      rest = text.slice(end);
      if (end > 0) yield text.slice(0, end).split("\n").filter(Boolean).map((line) => JSON.parse(line));
      if (done) return;
    }
  } catch (error) {
    if (!isAbort(error)) connection.value = "lost";
    throw error;
  } finally {
    reader.cancel().catch(() => {});
  }
}
