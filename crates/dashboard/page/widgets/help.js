// The help: the keys that work now, and the query language in a few lines.
import { html, signal } from "../lib/ui.js";
import { t } from "../lib/i18n.js";
import { commands } from "../lib/keys.js";
import { Dialog } from "./dialog.js";

export const helpOpen = signal(false);

const EXAMPLES = ["timeout", '"connection reset"', "level:error service:pay", "status:[500 TO 599]", "took:>=1.5", "NOT path:/health", "time*", "/time(d )?out/", "trace_id:*"];

function keyGroups() {
  const groups = /** @type {Map<string, {keys: string, label: string}[]>} */ (new Map());
  for (const command of commands.value) {
    if (!command.keys) continue;
    const rows = groups.get(command.group()) ?? [];
    rows.push({ keys: command.keys, label: command.label() });
    groups.set(command.group(), rows);
  }
  return [...groups];
}

export function Help() {
  if (!helpOpen.value) return null;
  return html`<${Dialog} label=${t("help.title")} class="help" onClose=${() => (helpOpen.value = false)}>
    <div class="help-columns">
      ${keyGroups().map(([group, rows]) => html`<section key=${group}><h3>${group}</h3><dl class="keys">${rows.map((row) => html`<div key=${row.keys + row.label}><dt>${row.keys.split(" | ").map((keys) => html`<kbd>${keys}</kbd>`)}</dt><dd>${row.label}</dd></div>`)}</dl></section>`)}
      <section><h3>${t("help.query")}</h3><ul class="examples">${EXAMPLES.map((text, n) => html`<li key=${text}><code>${text}</code><span>${t(/** @type {any} */ (`help.query.${n}`))}</span></li>`)}</ul></section>
    </div>
  <//>`;
}
