// The page's words. English comes with the page, others when they are asked for.
import { signal } from "./ui.js";
import { language } from "./settings.js";
import en from "../strings/en.js";

/** @typedef {keyof typeof en} Key */

const words = signal(/** @type {Record<string, string>} */ (en));

/** Loads the words of the language chosen. */
export async function loadLanguage() {
  words.value = language.value === "zh" ? (await import("../strings/zh.js")).default : en;
  document.documentElement.lang = language.value;
}

/**
 * The words for a key, with `{name}` replaced.
 * @param {Key} key
 * @param {Record<string, string|number>} [values]
 */
export function t(key, values) {
  const text = words.value[key] ?? en[key] ?? key;
  return values ? text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole)) : text;
}

/**
 * The words for a key that the server named; the key itself where there are none.
 * @param {string} key
 */
export function named(key) {
  return words.value[key] ?? key;
}
