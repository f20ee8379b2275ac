// A path that breaks where a person would break it: behind its slashes.
import { Fragment, html } from "../lib/ui.js";

/** @param {{path: string}} props */
export function Path({ path }) {
  return path.split(/(?<=[/\\])/).map((part, n) => html`<${Fragment} key=${n}>${part}<wbr /><//>`);
}
