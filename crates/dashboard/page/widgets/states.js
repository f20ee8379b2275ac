// What is shown in place of an answer: it is coming, there is none, it failed, it is only a part. Each says what to do.
import { html } from "../lib/ui.js";
import { Problem, isAbort } from "../lib/api.js";
import { t } from "../lib/i18n.js";

export function Loading() {
  return html`<p class="state soft" role="status"><span class="spinner" aria-hidden="true"></span>${t("loading")}</p>`;
}

/**
 * Nothing here, and why, and what to do.
 * @param {{title: string, children?: any}} props
 */
export function Empty({ title, children }) {
  return html`<div class="state"><p class="state-title">${title}</p>${children}</div>`;
}

/**
 * What an error says, in one line.
 * @param {unknown} error
 */
export function errorText(error) {
  if (error instanceof Problem) return error.message;
  if (error instanceof TypeError) return t("error.lost");
  return error instanceof Error ? error.message : String(error);
}

/**
 * It failed. What was typed stays where it is.
 * @param {{error: unknown, retry?: () => void}} props
 */
export function ErrorState({ error, retry }) {
  if (!error || isAbort(error)) return null;
  const title = error instanceof Problem ? error.title : t("error.title");
  return html`<div class="state bad" role="alert"><p class="state-title">${title || t("error.title")}</p><p>${errorText(error)}</p>
    ${retry ? html`<button onClick=${retry}>${t("retry")}</button>` : null}</div>`;
}

/**
 * The answer is a part of what was asked for.
 * @param {{text?: string, children?: any}} props
 */
export function Partial({ text, children }) {
  return html`<p class="notice warn" role="status">${text ?? t("partial")} ${children}</p>`;
}
