// A dialog over the page. The browser's own element keeps the focus inside and gives it back.
import { html, useEffect, useRef } from "../lib/ui.js";
import { t } from "../lib/i18n.js";

/**
 * @param {{label: string, onClose: () => void, class?: string, children?: any}} props
 */
export function Dialog({ label, onClose, class: kind = "", children }) {
  const ref = useRef(/** @type {HTMLDialogElement|null} */ (null));
  useEffect(() => {
    const dialog = ref.current;
    if (dialog && !dialog.open) dialog.showModal();
    return () => dialog?.close();
  }, []);
  /** @param {MouseEvent} event */
  const outside = (event) => {
    if (event.target === ref.current) onClose();
  };
  return html`<dialog ref=${ref} class=${`dialog ${kind}`} aria-label=${label} onClose=${onClose} onClick=${outside}>
    <div class="dialog-body"><div class="dialog-head"><h2>${label}</h2><button class="quiet" aria-label=${t("close")} onClick=${onClose}>✕</button></div>${children}</div>
  </dialog>`;
}
