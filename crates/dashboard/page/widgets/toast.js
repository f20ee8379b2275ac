// Short news at the edge: something was copied, saved, refused.
import { html, signal } from "../lib/ui.js";
import { t } from "../lib/i18n.js";

/** @typedef {{id: number, text: string, kind: "good"|"bad"}} Toast */

const toasts = signal(/** @type {Toast[]} */ ([]));
let last = 0;

/**
 * @param {string} text
 * @param {"good"|"bad"} [kind]
 */
export function toast(text, kind = "good") {
  last += 1;
  const id = last;
  toasts.value = [...toasts.value.slice(-3), { id, text, kind }];
  setTimeout(() => dismiss(id), kind === "bad" ? 8000 : 3500);
}

/** @param {number} id */
function dismiss(id) {
  toasts.value = toasts.value.filter((one) => one.id !== id);
}

/**
 * Copies and says so.
 * @param {string} text
 */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast(t("copied"));
  } catch {
    toast(t("copy.failed"), "bad");
  }
}

export function Toasts() {
  return html`<div class="toasts" role="status" aria-live="polite">${toasts.value.map((one) => html`<p key=${one.id} class=${`toast ${one.kind}`} onClick=${() => dismiss(one.id)}>${one.text}</p>`)}</div>`;
}
