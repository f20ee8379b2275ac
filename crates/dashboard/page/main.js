// Where the page begins: settings, words, keys, then the frame.
import { effect, html, render } from "./lib/ui.js";
import { loadLanguage } from "./lib/i18n.js";
import { listen } from "./lib/keys.js";
import { followLinks } from "./lib/router.js";
import { language, look } from "./lib/settings.js";
import { watch } from "./lib/status.js";
import { Frame } from "./widgets/frame.js";

effect(() => {
  document.documentElement.dataset.theme = look.value;
});
effect(() => {
  void language.value;
  loadLanguage().catch(() => {});
});
followLinks();
listen();
watch();
const root = document.getElementById("app");
if (root) render(html`<${Frame} />`, root);
