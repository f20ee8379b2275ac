// The frame around every page: navigation, top bar, what overlays it, and the page itself, loaded when it is asked for.
import { html, signal, useEffect, useSignal } from "../lib/ui.js";
import { connection } from "../lib/api.js";
import { t } from "../lib/i18n.js";
import { register } from "../lib/keys.js";
import { go, path } from "../lib/router.js";
import { zoneName } from "../lib/time.js";
import { overview } from "../lib/status.js";
import { theme, zone } from "../lib/settings.js";
import { Help, helpOpen } from "./help.js";
import { Palette, paletteOpen } from "./palette.js";
import { ErrorState, Loading } from "./states.js";
import { Toasts } from "./toast.js";

/**
 * @typedef {object} Place
 * @property {string} path
 * @property {import("../lib/i18n.js").Key} label
 * @property {string} key behind `g`
 * @property {string} icon an SVG path of 16 × 16
 * @property {() => Promise<{Page: any}>} load
 */

/** @type {Place[]} */
export const PLACES = [
  { path: "/overview", label: "nav.overview", key: "o", icon: "M2 9h5V2H2zm0 5h5v-3H2zm7 0h5V7H9zm0-12v3h5V2z", load: () => import("../pages/overview.js") },
  { path: "/explore", label: "nav.explore", key: "e", icon: "M7 2a5 5 0 1 0 3 9l3.5 3.5 1-1L11 10a5 5 0 0 0-4-8m0 1.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7", load: () => import("../pages/explore.js") },
  { path: "/charts", label: "nav.charts", key: "m", icon: "M2 2v12h12v-1.5H3.5V2zm3 8 3-4 2 2 3.5-4.5 1.1.9L10.200 10 8.100 8 6.200 10.800z", load: () => import("../pages/charts.js") },
  { path: "/files", label: "nav.files", key: "f", icon: "M3 1.500h6L13 5.500v9H3zM8.500 3v3h3z", load: () => import("../pages/files.js") },
  { path: "/audit", label: "nav.audit", key: "a", icon: "M8 1 2.500 3v4.500c0 3.500 2.300 6 5.500 7.500 3.200-1.500 5.500-4 5.500-7.500V3zm-1 9.500-2.500-2.500 1-1L7 8.500l3.500-3.500 1 1z", load: () => import("../pages/audit.js") },
  { path: "/settings", label: "nav.settings", key: "s", icon: "M2 4h7v1.500H2zm9 0h3v1.500h-3zM9.500 3H11v3.500H9.500zM2 10.500h3V12H2zm5 0h7V12H7zM5.500 9H7v4.500H5.500z", load: () => import("../pages/settings.js") },
];

/** The place of a path; the home page for `/`. */
export function placeOf(/** @type {string} */ at) {
  return PLACES.find((place) => at === place.path || at.startsWith(`${place.path}/`)) ?? PLACES[0];
}

/** Icons are drawn in the colour of their text. */
export function Icon(/** @type {{d: string}} */ { d }) {
  return html`<svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true"><path d=${d} /></svg>`;
}

function Nav() {
  const here = placeOf(path.value);
  return html`<nav class="nav" aria-label=${t("nav.label")}>
    <a class="brand" href="/overview" title="logdrive"><svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true"><rect width="32" height="32" rx="7" fill="var(--brand)" /><path d="M7 10h11M7 16h18M7 22h14" stroke="#fff" stroke-width="3" stroke-linecap="round" /></svg><span>logdrive</span></a>
    ${PLACES.map((place) => html`<a key=${place.path} class="nav-link" href=${place.path} aria-current=${place === here ? "page" : null} title=${`${t(place.label)} (g ${place.key})`}><${Icon} d=${place.icon} /><span>${t(place.label)}</span></a>`)}
  </nav>`;
}

const THEMES = /** @type {const} */ (["system", "light", "dark", "contrast"]);

/** How everything is, in one word and a colour, with the way to why. */
function Health() {
  const now = overview.value;
  if (connection.value === "lost") return html`<span class="health bad" role="status">${t("health.lost")}</span>`;
  if (connection.value === "starting") return html`<span class="health warn" role="status">${t("health.starting")}</span>`;
  if (!now) return html`<span class="health" role="status">${t("health.unknown")}</span>`;
  const worst = now.attention.some((item) => item.severity === "error") ? "bad" : now.attention.length ? "warn" : "good";
  const text = now.attention.length ? t("health.attention", { n: now.attention.length }) : t("health.good");
  return html`<span role="status"><a class=${`health ${worst}`} href="/overview">${text}</a></span>`;
}

/** A range is shown in the zone chosen: here it is chosen. */
function ZoneChoice() {
  const names = ["local", "UTC", ...(["local", "UTC"].includes(zone.value) ? [] : [zone.value])];
  const label = (/** @type {string} */ name) => (name === "local" ? `${t("zone.local")} (${Intl.DateTimeFormat().resolvedOptions().timeZone})` : name);
  return html`<select class="quiet zone" aria-label=${t("zone.label")} title=${zoneName.value} value=${zone.value} onChange=${(/** @type {any} */ event) => (zone.value = event.target.value)}>
    ${names.map((name) => html`<option key=${name} value=${name}>${label(name)}</option>`)}
  </select>`;
}

function TopBar() {
  return html`<header class="top">
    <h1 class="top-title">${t(placeOf(path.value).label)}</h1>
    <${Health} />
    <span class="grow"></span>
    <button class="quiet palette-button" aria-label=${t("palette.open")} onClick=${() => (paletteOpen.value = true)} aria-keyshortcuts="Control+K"><span>${t("palette.open")}</span><kbd>Ctrl K</kbd></button>
    <${ZoneChoice} />
    <select class="quiet theme" aria-label=${t("theme.label")} value=${theme.value} onChange=${(/** @type {any} */ event) => (theme.value = event.target.value)}>
      ${THEMES.map((name) => html`<option key=${name} value=${name}>${t(`theme.${name}`)}</option>`)}
    </select>
    <button class="quiet" aria-label=${t("help.open")} title=${`${t("help.open")} (?)`} onClick=${() => (helpOpen.value = true)}>?</button>
  </header>`;
}

function Banner() {
  if (connection.value === "ok") return null;
  return html`<p class=${`banner ${connection.value === "lost" ? "bad" : "warn"}`} role="alert">${t(connection.value === "lost" ? "banner.lost" : "banner.starting")}</p>`;
}

/** Pages that have been loaded. */
const loaded = /** @type {Map<string, any>} */ (new Map());
const loadedCount = signal(0);

function Body() {
  const place = placeOf(path.value);
  const failed = useSignal(/** @type {unknown} */ (null));
  void loadedCount.value;
  useEffect(() => {
    document.title = `${t(place.label)} · logdrive`;
    failed.value = null;
    if (loaded.has(place.path)) return;
    place.load().then((module) => {
      loaded.set(place.path, module.Page);
      loadedCount.value += 1;
    }, (error) => (failed.value = error));
  }, [place]);
  const Page = loaded.get(place.path);
  if (failed.value) return html`<${ErrorState} error=${failed.value} retry=${() => location.reload()} />`;
  return Page ? html`<${Page} key=${place.path} />` : html`<${Loading} />`;
}

/** @returns {import("../lib/keys.js").Command[]} */
function frameCommands() {
  const group = () => t("keys.group.global");
  const places = PLACES.map((place) => ({ id: `go.${place.path}`, keys: `g ${place.key}`, label: () => t("keys.go", { page: t(place.label) }), group, run: () => go(place.path) }));
  return [
    ...places,
    { id: "palette", keys: "Ctrl+k", label: () => t("palette.open"), group, typing: true, hidden: true, run: () => void (paletteOpen.value = !paletteOpen.value) },
    { id: "help", keys: "?", label: () => t("help.open"), group, run: () => void (helpOpen.value = true) },
    ...THEMES.map((name) => ({ id: `theme.${name}`, label: () => `${t("theme.label")}: ${t(`theme.${name}`)}`, group, run: () => void (theme.value = name) })),
  ];
}

/** Everything that is seen. */
export function Frame() {
  useEffect(() => register(frameCommands()), []);
  return html`<a class="skip" href="#main">${t("nav.skip")}</a>
    <${Nav} />
    <div class="stage"><${TopBar} /><${Banner} /><main id="main" tabindex="-1"><${Body} /></main></div>
    <${Palette} /><${Help} /><${Toasts} />`;
}
