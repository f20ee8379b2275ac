// What a person chooses for this browser, and what this server is: its version, its settings with their origins.
import { html } from "../lib/ui.js";
import { get } from "../lib/api.js";
import { useAsk } from "../lib/ask.js";
import { t } from "../lib/i18n.js";
import { param, setQuery } from "../lib/router.js";
import { language, theme, zone } from "../lib/settings.js";
import { ErrorState, Loading } from "../widgets/states.js";

const THEMES = /** @type {const} */ (["system", "light", "dark", "contrast"]);

/** @param {{label: string, value: string, options: [string, string][], onChange: (value: string) => void}} props */
function Choice({ label, value, options, onChange }) {
  return html`<label class="choice"><span>${label}</span><select value=${value} onChange=${(/** @type {any} */ event) => onChange(event.target.value)}>${options.map(([name, text]) => html`<option key=${name} value=${name}>${text}</option>`)}</select></label>`;
}

function Choices() {
  const zones = /** @type {[string, string][]} */ ([["local", t("zone.local")], ["UTC", "UTC"], ...Intl.supportedValuesOf("timeZone").map((name) => [name, name])]);
  return html`<section class="card"><h2>${t("settings.yours")}</h2><p class="soft">${t("settings.yours.note")}</p>
    <${Choice} label=${t("theme.label")} value=${theme.value} options=${THEMES.map((name) => [name, t(`theme.${name}`)])} onChange=${(/** @type {any} */ value) => (theme.value = value)} />
    <${Choice} label=${t("zone.label")} value=${zone.value} options=${zones} onChange=${(/** @type {string} */ value) => (zone.value = value)} />
    <${Choice} label=${t("language.label")} value=${language.value} options=${[["en", "English"], ["zh", "中文"]]} onChange=${(/** @type {string} */ value) => (language.value = value)} />
  </section>`;
}

const wanted = param("key");

/** @typedef {{key: string, value: string, origin: string}} Row */

/**
 * Bounds of the HTTP side and what else is no setting, as rows.
 * @param {Record<string, unknown>} answer
 * @returns {Row[]}
 */
export function rowsOf(answer) {
  const { config, ...rest } = answer;
  const given = Array.isArray(config) ? /** @type {Row[]} */ (config) : [];
  const flat = Object.entries(rest).flatMap(([name, value]) =>
    value !== null && typeof value === "object" && !Array.isArray(value)
      ? Object.entries(value).map(([inner, one]) => ({ key: `${name}.${inner}`, value: JSON.stringify(one), origin: "" }))
      : [{ key: name, value: JSON.stringify(value), origin: "" }]);
  return [...given, ...flat];
}

function Server() {
  const { data, error, again } = useAsk((signal) => get("config", {}, { signal }), []);
  if (error) return html`<${ErrorState} error=${error} retry=${again} />`;
  if (!data) return html`<${Loading} />`;
  const rows = rowsOf(data).filter((row) => `${row.key} ${row.value} ${row.origin}`.includes(wanted.value));
  return html`<section class="card"><h2>${t("settings.server")}</h2><p class="soft">${t("settings.server.note")}</p>
    <input type="search" class="wide" aria-label=${t("filter")} placeholder=${t("filter")} value=${wanted.value} onInput=${(/** @type {any} */ event) => setQuery({ key: event.target.value }, { replace: true })} />
    <div class="scroll" tabindex="0" role="region" aria-label=${t("settings.server")}><table class="rows"><thead><tr><th>${t("settings.key")}</th><th>${t("settings.value")}</th><th>${t("settings.origin")}</th></tr></thead>
    <tbody>${rows.map((row) => html`<tr key=${row.key}><th scope="row"><code>${row.key}</code></th><td><code>${row.value}</code></td><td class="soft">${row.origin}</td></tr>`)}</tbody></table></div>
  </section>`;
}

export function Page() {
  return html`<div class="page narrow"><${Choices} /><${Server} /></div>`;
}
