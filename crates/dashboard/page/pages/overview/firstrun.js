// The first minute: three ways to have lines to look at. Whatever is chosen, Explore opens on it.
import { html, useSignal } from "../../lib/ui.js";
import { get, send } from "../../lib/api.js";
import { useAsk } from "../../lib/ask.js";
import { bytes } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { go } from "../../lib/router.js";
import { style } from "../../lib/style.js";
import { errorText } from "../../widgets/states.js";
import { toast } from "../../widgets/toast.js";

style("overview");

/** Suggestions shown, and followed when nothing is left out. */
const SHOWN = 8;

/** @typedef {{stream: string, path: string, glob: string, bytes: number, readable: boolean, followed_by?: string|null}} Suggestion */

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
    const path = text.value.trim();
    if (path) send("POST", "streams", { paths: [path] }).then((followed) => show(followed, followed.streams[0]?.name), onFail);
  };
  return html`<form class="row" onSubmit=${follow}><input class="grow" aria-label=${t("first.folder")} placeholder="/var/log/myapp/**/*.log" value=${text.value} onInput=${(/** @type {any} */ event) => (text.value = event.target.value)} /><button class="primary">${t("first.follow")}</button></form>`;
}

/** @param {{onFail: (error: unknown) => void}} props */
function Machine({ onFail }) {
  const { data } = useAsk((signal) => get("suggestions", {}, { signal }), []);
  const left = useSignal(/** @type {string[]} */ ([]));
  const files = /** @type {Suggestion[]} */ (data?.files ?? []).slice(0, SHOWN);
  const free = files.filter((file) => file.readable && !file.followed_by);
  const wanted = free.filter((file) => !left.value.includes(file.stream));
  const follow = async () => {
    try {
      for (const file of wanted) {
        const followed = await send("POST", "streams", { name: file.stream, paths: [file.glob] });
        for (const note of followed.notes) toast(note);
      }
      show({ streams: [], notes: [] });
    } catch (error) {
      onFail(error);
    }
  };
  /** @param {string} name */
  const toggle = (name) => void (left.value = left.value.includes(name) ? left.value.filter((one) => one !== name) : [...left.value, name]);
  /** @param {Suggestion} file */
  const note = (file) => (file.followed_by ? t("first.already") : file.readable ? bytes(file.bytes) : t("first.unreadable"));
  if (data && files.length === 0) return html`<p class="soft">${t("first.none")}</p>`;
  return html`<ul class="suggestions">${files.map((file) => html`<li key=${file.stream}><label><input type="checkbox" disabled=${!free.includes(file)} checked=${wanted.includes(file)} onChange=${() => toggle(file.stream)} /> <code>${file.glob}</code></label><small>${note(file)}</small></li>`)}</ul>
    <button class="primary" disabled=${wanted.length === 0} onClick=${follow}>${t("first.follow")}</button>`;
}

/** The three ways; on their own page they are called by another name. @param {{title?: string}} props */
export function FirstRun({ title = t("first.title") }) {
  const error = useSignal("");
  const onFail = (/** @type {unknown} */ failed) => void (error.value = errorText(failed));
  const demo = () => send("POST", "streams", { demo: true }).then((followed) => show(followed), onFail);
  return html`<section class="card first-run" aria-labelledby="first-run">
    <h2 id="first-run">${title}</h2><p class="soft">${t("first.note")}</p>
    ${error.value ? html`<p class="notice bad" role="alert">${error.value}</p>` : null}
    <div class="first-ways">
      <div><h3>${t("first.demo")}</h3><p class="soft">${t("first.demo.note")}</p><button class="primary" onClick=${demo}>${t("first.demo.start")}</button></div>
      <div><h3>${t("first.machine")}</h3><${Machine} onFail=${onFail} /></div>
      <div><h3>${t("first.folder")}</h3><p class="soft">${t("first.folder.note")}</p><${Folder} onFail=${onFail} /></div>
    </div>
  </section>`;
}
