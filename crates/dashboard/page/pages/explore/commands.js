// The keys of Explore, which are its commands in the palette as well.
import { t } from "../../lib/i18n.js";
import { RANGES } from "../../lib/time.js";
import { inWords } from "../../widgets/timepicker.js";
import { copy } from "../../widgets/toast.js";
import { asCommand, asCurl, lineLink, permalink } from "./keep.js";
import { view } from "./list.js";
import { TABS, folded, highlighted, live, openId, openLine, question, run, set, setHighlights, setRange, shift, textSelected, wrap, zoomOut } from "./state.js";

export function focusQuery() {
  const field = document.getElementById("query");
  if (field instanceof HTMLTextAreaElement) field.focus();
}

/** @param {number} rows */
export function step(rows) {
  const list = view.current;
  if (!list) return;
  list.move(rows);
}

function openCurrent() {
  const current = view.current?.current();
  if (!current) return false;
  openLine(current.hit.id);
  return true;
}

/** The record that keys speak of: the open one, else the current one. */
function theId() {
  return openId.peek() || view.current?.current()?.hit.id || "";
}

function theTime() {
  const hit = view.current?.current()?.hit;
  return hit?.id === theId() ? hit.time : undefined;
}

/** @returns {import("../../lib/keys.js").Command[]} */
export function exploreCommands() {
  const group = () => t("keys.group.explore");
  const list = () => t("keys.group.list");
  const ranges = RANGES.map((name, n) => ({ id: `range.${name}`, keys: `t ${n + 1}`, label: () => inWords(name), group, run: () => setRange(name) }));
  const tabs = TABS.map((name) => ({ id: `tab.${name}`, label: () => t("explore.show.tab", { tab: t(`explore.tab.${name}`) }), group, run: () => set({ tab: name === "lines" ? null : name }) }));
  const detail = (/** @type {string} */ tab) => {
    const id = theId();
    if (!id) return false;
    set({ detail: tab === "fields" ? null : tab }, { replace: true });
    openLine(id);
    return true;
  };
  return [
    { id: "query", keys: "/", label: () => t("explore.focus.query"), group, run: focusQuery },
    { id: "run", keys: "Ctrl+Enter", label: () => t("explore.run"), group, typing: true, run },
    { id: "live", keys: "l", label: () => t("explore.live"), group, run: () => set({ live: live.peek() ? null : "1" }) },
    ...ranges,
    { id: "zoomout", keys: "z", label: () => t("explore.zoom.out"), group, run: () => zoomOut() },
    { id: "earlier", keys: "ArrowLeft", label: () => t("explore.earlier"), group, run: () => shift(-1) },
    { id: "later", keys: "ArrowRight", label: () => t("explore.later"), group, run: () => shift(1) },
    ...tabs,
    { id: "next", keys: "j", label: () => t("explore.next"), group: list, run: () => step(1) },
    { id: "previous", keys: "k", label: () => t("explore.previous"), group: list, run: () => step(-1) },
    { id: "open", keys: "o | Enter", label: () => t("explore.open"), group: list, run: (event) => (event?.key === "Enter" && event.target !== document.body ? false : openCurrent()) },
    { id: "older", keys: "[", label: () => t("detail.older"), group: list, run: () => (openId.peek() ? step(1) : false) },
    { id: "newer", keys: "]", label: () => t("detail.newer"), group: list, run: () => (openId.peek() ? step(-1) : false) },
    { id: "context", keys: "x", label: () => t("explore.context"), group: list, run: () => detail("context") },
    { id: "where", label: () => t("detail.tab.where"), group: list, run: () => detail("where") },
    { id: "close", keys: "Escape", label: () => t("close"), group: list, hidden: true, run: () => (openId.peek() ? (openLine(""), view.current?.focus(), true) : false) },
    { id: "wrap", keys: "w", label: () => t("explore.wrap"), group: list, run: () => set({ wrap: !wrap.peek() }, { replace: true }) },
    { id: "fold", label: () => t("explore.fold"), group: list, run: () => set({ fold: folded.peek() ? "0" : null }, { replace: true }) },
    { id: "highlight", keys: "h", label: () => t("explore.highlight.selection"), group: list, run: () => (textSelected() ? (setHighlights([...new Set([...highlighted.peek(), textSelected()])]), true) : false) },
    { id: "link", keys: "y", label: () => t("explore.copy.link"), group: list, run: () => void copy(theId() ? lineLink(theId(), theTime()) : permalink()) },
    { id: "download", keys: "d", label: () => t("explore.download"), group, run: () => { /** @type {HTMLElement|null} */ (document.querySelector(".download .menu-button"))?.click(); } },
    { id: "curl", label: () => t("explore.copy.curl"), group, run: () => void copy(asCurl()) },
    { id: "command", label: () => t("explore.copy.command"), group, run: () => void copy(asCommand()) },
    { id: "again", label: () => t("explore.again"), group, run: () => void (question.peek(), run()) },
  ];
}
