import { html } from "../lib/ui.js";
import { Loading } from "../widgets/states.js";

export function Page() {
  return html`<${Loading} />`;
}
