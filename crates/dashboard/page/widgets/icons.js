// Small pictures for buttons, drawn in the colour of their text: no font has all of these signs.
import { html } from "../lib/ui.js";

const PATHS = {
  plus: "M7.2 3h1.600v4.200H13v1.600H8.800V13H7.200V8.800H3V7.200h4.200z",
  minus: "M3 7.200h10v1.600H3z",
  exists: "M8 2.500a5.500 5.500 0 1 1 0 11 5.500 5.500 0 0 1 0-11m0 1.500a4 4 0 1 0 0 8 4 4 0 0 0 0-8m0 2.200a1.800 1.800 0 1 1 0 3.600 1.800 1.800 0 0 1 0-3.600",
  column: "M2 3h12v10H2zm1.500 1.500v7h2.300v-7zm3.800 0v7h5.200v-7z",
  copy: "M5 2h8v9H5zm1.500 1.500v6h5v-6zM3 5v8h7v1.500H1.500V5z",
  link: "M6.500 10.500 5.400 9.400l4-4 1.100 1.100zM9 3l1-1a2.800 2.800 0 0 1 4 4l-1.500 1.500-1-1L13 5a1.300 1.300 0 0 0-2-2L9.900 4zM7 13l-1 1a2.800 2.800 0 0 1-4-4l1.500-1.500 1 1L3 11a1.300 1.300 0 0 0 2 2l1.100-1z",
  close: "m4.200 3.100 3.800 3.800 3.800-3.800 1.100 1.100L9.100 8l3.800 3.800-1.100 1.100L8 9.100l-3.800 3.800-1.100-1.100L6.900 8 3.100 4.200z",
  up: "M8 4.500 13 9.500l-1.100 1.100L8 6.700l-3.900 3.900L3 9.500z",
  down: "M8 11.500 3 6.500l1.100-1.100L8 9.300l3.900-3.900L13 6.500z",
  side: "M2 3h12v1.500H2zm0 4.200h12v1.500H2zm0 4.300h12V13H2z",
};

/** @param {{name: keyof typeof PATHS}} props */
export function Sign({ name }) {
  return html`<svg class="icon" viewBox="0 0 16 16" width="14" height="14" aria-hidden="true"><path d=${PATHS[name]} /></svg>`;
}
