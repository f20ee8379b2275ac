// What a person chose on this machine: kept in the browser, never sent. Each setting is a signal.
import { computed, effect, signal } from "./ui.js";

const PREFIX = "logdrive.";

/**
 * A setting that survives a reload.
 * @template T
 * @param {string} name
 * @param {T} fallback
 */
export function setting(name, fallback) {
  const stored = signal(/** @type {T} */ (read(name, fallback)));
  let first = true;
  effect(() => {
    const value = JSON.stringify(stored.value);
    if (first) first = false;
    else write(name, value);
  });
  return stored;
}

/**
 * @param {string} name
 * @param {unknown} fallback
 */
function read(name, fallback) {
  try {
    const text = localStorage.getItem(PREFIX + name);
    return text === null ? fallback : JSON.parse(text);
  } catch {
    return fallback;
  }
}

/**
 * @param {string} name
 * @param {string} value
 */
function write(name, value) {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // A full or forbidden storage loses a convenience, nothing else.
  }
}

export const theme = setting("theme", /** @type {"system"|"light"|"dark"|"contrast"} */ ("system"));
const dark = globalThis.matchMedia?.("(prefers-color-scheme: dark)");
const systemIsDark = signal(dark?.matches ?? false);
dark?.addEventListener("change", () => (systemIsDark.value = dark.matches));
/** The theme in force: light, dark or contrast. What is drawn by hand is drawn again when it changes. */
export const look = computed(() => (theme.value === "system" ? (systemIsDark.value ? "dark" : "light") : theme.value));
/** `local`, `UTC` or an IANA name. */
export const zone = setting("zone", "local");
export const language = setting("language", navigator.language.startsWith("zh") ? "zh" : "en");
