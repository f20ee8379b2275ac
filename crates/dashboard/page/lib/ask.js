// A question to the server as state of a component: the newest question wins, an older one is given up, what was shown
// stays until there is something newer.
import { useEffect, useSignal } from "./ui.js";
import { isAbort } from "./api.js";
import { onBack } from "./status.js";

/**
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} ask
 * @param {unknown[]} deps asked again when one of them changes
 * @param {{everyMs?: number|((data: T) => number)}} [options] asked again after each such time, while the tab is seen
 */
export function useAsk(ask, deps, options = {}) {
  const state = useSignal({ data: /** @type {T|null} */ (null), error: /** @type {unknown} */ (null), loading: true });
  const turn = useSignal(0);
  const again = () => void (turn.value += 1);
  useEffect(() => {
    const stop = new AbortController();
    state.value = { ...state.peek(), loading: true };
    ask(stop.signal).then(
      (data) => stop.signal.aborted || (state.value = { data, error: null, loading: false }),
      (error) => isAbort(error) || stop.signal.aborted || (state.value = { ...state.peek(), error, loading: false }),
    );
    return () => stop.abort();
  }, [...deps, turn.value]);
  useEffect(() => onBack(again), []);
  const { data } = state.value;
  const everyMs = typeof options.everyMs === "function" ? data && options.everyMs(data) : options.everyMs;
  useEffect(() => {
    if (!everyMs) return undefined;
    const timer = setInterval(() => document.hidden || again(), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return { ...state.value, again };
}
