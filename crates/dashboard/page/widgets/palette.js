// The command palette: everything that can be done now, by its name.
import { html, signal, useSignal } from "../lib/ui.js";
import { t } from "../lib/i18n.js";
import { commands } from "../lib/keys.js";
import { Dialog } from "./dialog.js";

export const paletteOpen = signal(false);

/**
 * Whether every letter of `wanted` comes in `text`, in that order; fewer gaps first.
 * @param {string} text
 * @param {string} wanted
 * @returns {number} -1 where it does not fit
 */
export function fit(text, wanted) {
  const lower = text.toLowerCase();
  const at = lower.indexOf(wanted.toLowerCase());
  if (at >= 0) return at;
  let from = 0;
  let gaps = 100;
  for (const letter of wanted.toLowerCase()) {
    const next = lower.indexOf(letter, from);
    if (next < 0) return -1;
    gaps += next - from;
    from = next + 1;
  }
  return gaps;
}

/** @param {string} wanted */
function found(wanted) {
  return commands.value
    .filter((command) => !command.hidden)
    .map((command) => ({ command, rank: fit(`${command.label()} ${command.group()}`, wanted) }))
    .filter((entry) => entry.rank >= 0)
    .sort((a, b) => a.rank - b.rank)
    .map((entry) => entry.command);
}

export function Palette() {
  return paletteOpen.value ? html`<${Open} />` : null;
}

function Open() {
  const text = useSignal("");
  const chosen = useSignal(0);
  const list = found(text.value);
  const at = Math.min(chosen.value, list.length - 1);
  const close = () => void (paletteOpen.value = false);
  /** @param {number} n */
  const run = (n) => {
    close();
    const command = list[n];
    if (command) setTimeout(() => command.run());
  };
  /** @param {KeyboardEvent} event */
  const key = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) chosen.value = Math.max(0, Math.min(list.length - 1, at + step));
    else if (event.key === "Enter") run(at);
    else return;
    event.preventDefault();
  };
  /** @param {any} event */
  const typed = (event) => {
    text.value = event.target.value;
    chosen.value = 0;
  };
  return html`<${Dialog} label=${t("palette.title")} class="palette" onClose=${close}>
    <input autofocus role="combobox" aria-expanded="true" aria-controls="palette-list" aria-activedescendant=${at >= 0 ? `palette-${at}` : null} aria-label=${t("palette.placeholder")} placeholder=${t("palette.placeholder")} value=${text.value} onInput=${typed} onKeyDown=${key} />
    <ul id="palette-list" role="listbox" aria-label=${t("palette.title")}>
      ${list.map((command, n) => html`<li key=${command.id} id=${`palette-${n}`} role="option" aria-selected=${n === at} onClick=${() => run(n)}><span>${command.label()}</span><small>${command.group()}</small>${command.keys ? html`<kbd>${command.keys.split(" | ")[0]}</kbd>` : null}</li>`)}
    </ul>
    ${list.length === 0 ? html`<p class="soft">${t("palette.none")}</p>` : null}
  <//>`;
}
