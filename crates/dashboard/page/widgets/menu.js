// A button that opens a panel below itself. Closed by Escape, by a click elsewhere, and by what is chosen in it.
import { html, useEffect, useRef, useSignal } from "../lib/ui.js";

/**
 * @param {{label: any, title?: string, class?: string, panelClass?: string, children: any|((close: () => void) => any)}} props
 */
export function Menu({ label, title, class: kind = "", panelClass = "", children }) {
  const open = useSignal(false);
  const ref = useRef(/** @type {HTMLDivElement|null} */ (null));
  const close = () => {
    open.value = false;
    ref.current?.querySelector("button")?.focus();
  };
  useEffect(() => {
    if (!open.value) return undefined;
    const outside = (/** @type {Event} */ event) => {
      if (event.target instanceof Node && !ref.current?.contains(event.target)) open.value = false;
    };
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [open.value]);
  /** @param {KeyboardEvent} event */
  const key = (event) => {
    if (event.key !== "Escape" || !open.value) return;
    event.preventDefault();
    event.stopPropagation();
    close();
  };
  return html`<div class=${`menu ${kind}`} ref=${ref} onKeyDown=${key}>
    <button class="menu-button" aria-expanded=${open.value} aria-haspopup="true" title=${title ?? null} onClick=${() => (open.value = !open.value)}>${label}</button>
    ${open.value ? html`<div class=${`menu-panel ${panelClass}`}>${typeof children === "function" ? children(close) : children}</div>` : null}
  </div>`;
}
