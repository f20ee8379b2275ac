// What a person chooses for this browser, and what this server is: its version, its settings with their origins.
import { html, useEffect, useSignal } from "../lib/ui.js";
import { get } from "../lib/api.js";
import { t } from "../lib/i18n.js";
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

/**
 * The settings as rows: key, value, origin.
 * @param {unknown} value
 * @param {string} key
 * @returns {{key: string, value: string, origin: string}[]}
 */
export function rowsOf(value, key = "") {
  if (value !== null && typeof value === "object" && !Array.isArray(value)) {
    const entries = /** @type {Record<string, unknown>} */ (value);
    if ("value" in entries && "origin" in entries) return [{ key, value: JSON.stringify(entries.value), origin: String(entries.origin) }];
    return Object.entries(entries).flatMap(([name, inner]) => rowsOf(inner, key ? `${key}.${name}` : name));
  }
  if (Array.isArray(value) && value.some((one) => one !== null && typeof one === "object")) {
    return value.flatMap((one, n) => rowsOf(one, `${key}[${n}]`));
  }
  return [{ key, value: JSON.stringify(value), origin: "" }];
}

function Server() {
  const config = useSignal(/** @type {any} */ (null));
  const error = useSignal(/** @type {unknown} */ (null));
  const load = () => {
    error.value = null;
    get("config").then((answer) => (config.value = answer), (failed) => (error.value = failed));
  };
  useEffect(load, []);
  if (error.value) return html`<${ErrorState} error=${error.value} retry=${load} />`;
  if (!config.value) return html`<${Loading} />`;
  return html`<section class="card"><h2>${t("settings.server")}</h2><p class="soft">${t("settings.server.note")}</p>
    <div class="scroll" tabindex="0" role="region" aria-label=${t("settings.server")}><table class="rows"><thead><tr><th>${t("settings.key")}</th><th>${t("settings.value")}</th><th>${t("settings.origin")}</th></tr></thead>
    <tbody>${rowsOf(config.value).map((row) => html`<tr key=${row.key}><th scope="row"><code>${row.key}</code></th><td><code>${row.value}</code></td><td class="soft">${row.origin}</td></tr>`)}</tbody></table></div>
  </section>`;
}

export function Page() {
  return html`<div class="page narrow"><${Choices} /><${Server} /></div>`;
}
