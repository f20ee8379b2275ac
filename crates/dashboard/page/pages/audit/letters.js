// Dead letters: what a store refused for good, why, and what to do with it.
import { html, useSignal } from "../../lib/ui.js";
import { get, send } from "../../lib/api.js";
import { useAsk } from "../../lib/ask.js";
import { t } from "../../lib/i18n.js";
import { moment } from "../../lib/time.js";
import { Dialog } from "../../widgets/dialog.js";
import { ErrorState, Loading, errorText } from "../../widgets/states.js";
import { toast } from "../../widgets/toast.js";

/**
 * @typedef {object} Letter
 * @property {string} id
 * @property {string} stream
 * @property {string} host
 * @property {string} path
 * @property {string} reason
 * @property {string} line
 * @property {number} start
 * @property {number} end
 * @property {string} read_at
 */

/** @param {{letter: Letter, onRetry: () => void, onDrop: () => void}} props */
function LetterRow({ letter, onRetry, onDrop }) {
  return html`<li class="letter">
    <div class="row"><b class="bad">${letter.reason}</b></div>
    <pre class="letter-line" tabindex="0">${letter.line.slice(0, 4000)}${letter.line.length > 4000 ? " …" : ""}</pre>
    <div class="row"><small>${letter.stream} · ${letter.host} · ${letter.path} · ${moment(letter.read_at, true)}</small><span class="grow"></span>
      <a class="button" href=${`/api/v1/line/${encodeURIComponent(letter.id)}`} hidden>${t("letters.raw")}</a>
      <button onClick=${onRetry}>${t("letters.retry")}</button><button class="danger" onClick=${onDrop}>${t("letters.drop")}</button></div>
  </li>`;
}

/** @param {{letter: Letter, onClose: () => void, onDone: () => void}} props */
function ConfirmDrop({ letter, onClose, onDone }) {
  const drop = () => send("DELETE", `dead-letters/${encodeURIComponent(letter.id)}`).then(() => {
    toast(t("letters.dropped"));
    onDone();
  }, (error) => toast(errorText(error), "bad")).finally(onClose);
  return html`<${Dialog} label=${t("letters.drop.title")} onClose=${onClose}><p>${t("letters.drop.note")}</p><pre class="letter-line">${letter.line.slice(0, 500)}</pre>
    <div class="row"><button class="danger" onClick=${drop}>${t("letters.drop")}</button><button autofocus onClick=${onClose}>${t("cancel")}</button></div><//>`;
}

/**
 * What came of a retry, in words.
 * @param {any} answer
 */
function told(answer) {
  const results = /** @type {{result?: string, reason?: string|null}[]} */ (answer?.results ?? [answer]);
  const refused = results.filter((one) => one?.result && one.result !== "stored");
  if (refused.length) toast(t("letters.refused", { n: refused.length, reason: refused[0].reason ?? refused[0].result ?? "" }), "bad");
  else toast(t("letters.retried", { n: results.length }));
}

export function Letters() {
  const cursor = useSignal("");
  const dropping = useSignal(/** @type {Letter|null} */ (null));
  const { data, error, again } = useAsk((signal) => get("dead-letters", { limit: 50, cursor: cursor.value }, { signal }), [cursor.value], { everyMs: 15_000 });
  /** @param {string} path @param {unknown} [body] */
  const retry = (path, body) => send("POST", path, body ?? {}).then(told, (failed) => toast(errorText(failed), "bad")).finally(again);
  const letters = /** @type {Letter[]} */ (data?.dead_letters ?? []);
  return html`<section class="card" id="dead-letters"><div class="row"><h2>${t("letters.title")}</h2><span class="grow"></span>
      ${letters.length > 1 ? html`<button onClick=${() => retry("dead-letters/retry", { all: true })}>${t("letters.retry.all")}</button>` : null}</div>
    <p class="soft">${t("letters.note")}</p>
    ${error ? html`<${ErrorState} error=${error} retry=${again} />` : null}
    ${!data && !error ? html`<${Loading} />` : null}
    ${data && letters.length === 0 ? html`<p class="good">${t("letters.none")}</p>` : null}
    <ul>${letters.map((letter) => html`<${LetterRow} key=${letter.id} letter=${letter} onRetry=${() => retry(`dead-letters/${encodeURIComponent(letter.id)}/retry`)} onDrop=${() => (dropping.value = letter)} />`)}</ul>
    ${data?.next || cursor.value ? html`<div class="row">${cursor.value ? html`<button onClick=${() => (cursor.value = "")}>${t("letters.first")}</button>` : null}${data?.next ? html`<button onClick=${() => (cursor.value = data.next)}>${t("more")}</button>` : null}</div>` : null}
    ${dropping.value ? html`<${ConfirmDrop} letter=${dropping.value} onClose=${() => (dropping.value = null)} onDone=${again} />` : null}
  </section>`;
}
