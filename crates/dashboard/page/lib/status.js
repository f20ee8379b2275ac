// What the server says of itself: one stream of events for the tab, whatever is shown. A tab that is hidden asks nothing.
import { effect, signal } from "./ui.js";
import { connection } from "./api.js";

/** The newest overview; null until the first has come. */
export const overview = signal(/** @type {import("./types.js").Overview|null} */ (null));

/** @type {EventSource|null} */
let source = null;
let retryMs = 500;
let timer = 0;

function open() {
  close();
  source = new EventSource("/api/v1/status");
  source.addEventListener("overview", (event) => {
    retryMs = 500;
    overview.value = JSON.parse(event.data);
    connection.value = overview.value?.starting ? "starting" : "ok";
  });
  source.addEventListener("open", () => {
    retryMs = 500;
    if (connection.value === "lost") connection.value = "ok";
  });
  source.addEventListener("error", () => {
    close();
    if (connection.value === "ok") connection.value = "lost";
    timer = window.setTimeout(open, retryMs);
    retryMs = Math.min(retryMs * 2, 5000);
  });
}

function close() {
  window.clearTimeout(timer);
  source?.close();
  source = null;
}

/** Listens for the life of the tab. */
export function watch() {
  open();
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
}

/**
 * Runs when the server can be reached again after it could not.
 * @param {() => void} run
 */
export function onBack(run) {
  let was = connection.peek();
  return effect(() => {
    const now = connection.value;
    if (now === "ok" && was !== "ok") queueMicrotask(run);
    was = now;
  });
}
