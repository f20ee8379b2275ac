// The keyboard: one registry, from which the help and the palette are made as well.
import { signal } from "./ui.js";

/**
 * @typedef {object} Command
 * @property {string} id
 * @property {string} [keys] as pressed: `/`, `Ctrl+Enter`, `g e`, `Escape`; several with ` | ` between
 * @property {() => string} label what it does, in the language chosen
 * @property {() => string} group
 * @property {(event?: KeyboardEvent) => void|boolean} run false: not now, let the key pass
 * @property {boolean} [typing] also while typing in a field
 * @property {boolean} [hidden] not in the palette
 */

/** Everything that can be done now. */
export const commands = signal(/** @type {Command[]} */ ([]));

/**
 * Adds commands; the answer removes them.
 * @param {Command[]} added later ones win over earlier ones with the same keys
 */
export function register(added) {
  commands.value = [...commands.value, ...added];
  return () => {
    commands.value = commands.value.filter((command) => !added.includes(command));
  };
}

/** @param {KeyboardEvent} event */
function name(event) {
  const key = event.key === " " ? "Space" : event.key;
  const shift = event.shiftKey && key.length > 1 ? "Shift+" : "";
  return `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${event.altKey ? "Alt+" : ""}${shift}${key}`;
}

/** @param {EventTarget|null} target */
function isTyping(target) {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  return target instanceof HTMLInputElement && !["checkbox", "radio", "button", "range"].includes(target.type);
}

/** The first key of a sequence (`g`, `t`), while the second is awaited. */
let prefix = "";
let prefixAt = 0;

/** @param {KeyboardEvent} event */
function pressed(event) {
  if (event.defaultPrevented || event.isComposing || ["Control", "Shift", "Alt", "Meta"].includes(event.key)) return;
  const typing = isTyping(event.target);
  const single = name(event);
  const sequence = prefix && event.timeStamp - prefixAt < 1500 ? `${prefix} ${single}` : "";
  prefix = "";
  const all = [...commands.value].reverse();
  /** @param {string} keys */
  const taken = (keys) => all.some((command) => {
    const fits = (!typing || command.typing) && command.keys?.split(" | ").includes(keys);
    return fits && command.run(event) !== false;
  });
  if ((sequence && taken(sequence)) || taken(single)) {
    event.preventDefault();
  } else if (!typing && all.some((command) => command.keys?.split(" | ").some((keys) => keys.startsWith(`${single} `)))) {
    prefix = single;
    prefixAt = event.timeStamp;
  }
}

/** Listens, once, for the life of the page. */
export function listen() {
  document.addEventListener("keydown", pressed);
}
