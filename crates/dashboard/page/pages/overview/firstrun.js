// The first minute: three ways to have lines to look at. Whatever is chosen, Explore opens on it.
import { html, useSignal } from "../../lib/ui.js";
import { get, send } from "../../lib/api.js";
import { useAsk } from "../../lib/ask.js";
import { bytes } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { go } from "../../lib/router.js";
import { errorText } from "../../widgets/states.js";
import { toast } from "../../widgets/toast.js";

/** @typedef {{stream: string, path: string, glob: string, bytes: number, readable: boolean}} Suggestion */

/**
 * Where the new lines are seen.
 * @param {{streams: {name: string}[], notes: string[]}} followed
 * @param {string} [stream]
 */
function show(followed, stream) {
  for (const note of followed.notes) toast(note);
  const quoted = stream && !/^[\w.-]+$/.test(stream) ? `"${stream}"` : stream;
  go(`/explore?since=24h${quoted ? `&q=${encodeURIComponent(`stream:${quoted}`)}` : ""}`);
}

/** @param {{onFail: (error: unknown) => void}} props */
function Folder({ onFail }) {
  const text = useSignal("");
  /** @param {Event} event */
  const follow = (event) => {
    event.preventDefault();
    const paths = text.value.split(/[\s,]+/).filter(Boolean);
    if (paths.length) send("POST", "streams", { paths }).then((followed) => show(followed), onFail);
  };
  return html`<form class="row" onSubmit=${follow}><input class="grow" aria-label=${t("first.folder")} placeholder="/var/log/myapp/**/*.log" value=${text.value} onInput=${(/** @type {any} */ event) => (text.value = event.target.value)} /><button class="primary">${t("first.follow")}</button></form>`;
}

/** @param {{onFail: (error: unknown) => void}} props */
function Machine({ onFail }) {
  const { data } = useAsk((signal) => get("suggestions", {}, { signal }), []);
  const chosen = useSignal(/** @type {string[]} */ ([]));
  const files = /** @type {Suggestion[]} */ (data?.files ?? []);
  const readable = files.filter((file) => file.readable);
  const follow = () => {
    const wanted = readable.filter((file) => chosen.value.length === 0 || chosen.value.includes(file.stream));
    Promise.all(wanted.map((file) => send("POST", "streams", { name: file.stream, paths: [file.glob] }))).then((all) => show(all[0] ?? { streams: [], notes: [] }), onFail);
  };
  /** @param {string} name */
  const toggle = (name) => void (chosen.value = chosen.value.includes(name) ? chosen.value.filter((one) => one !== name) : [...chosen.value, name]);
  if (data && files.length === 0) return html`<p class="soft">${t("first.none")}</p>`;
  return html`<ul class="suggestions">${files.slice(0, 8).map((file) => html`<li key=${file.stream}><label><input type="checkbox" disabled=${!file.readable} checked=${file.readable && (chosen.value.length === 0 || chosen.value.includes(file.stream))} onChange=${() => toggle(file.stream)} /> <code>${file.glob}</code></label><small>${file.readable ? bytes(file.bytes) : t("first.unreadable")}</small></li>`)}</ul>
    <button class="primary" disabled=${readable.length === 0} onClick=${follow}>${t("first.follow")}</button>`;
}

export function FirstRun() {
  const error = useSignal("");
  const onFail = (/** @type {unknown} */ failed) => void (error.value = errorText(failed));
  const demo = () => send("POST", "streams", { demo: true }).then((followed) => show(followed), onFail);
  return html`<section class="card first-run" aria-labelledby="first-run">
    <h2 id="first-run">${t("first.title")}</h2><p class="soft">${t("first.note")}</p>
    ${error.value ? html`<p class="notice bad" role="alert">${error.value}</p>` : null}
    <div class="first-ways">
      <div><h3>${t("first.demo")}</h3><p class="soft">${t("first.demo.note")}</p><button class="primary" onClick=${demo}>${t("first.demo.start")}</button></div>
      <div><h3>${t("first.machine")}</h3><${Machine} onFail=${onFail} /></div>
      <div><h3>${t("first.folder")}</h3><p class="soft">${t("first.folder.note")}</p><${Folder} onFail=${onFail} /></div>
    </div>
  </section>`;
}
