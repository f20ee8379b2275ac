// Styles that come with the page that needs them.

const asked = new Set(/** @type {string[]} */ ([]));

/**
 * Loads a file of `css/`, once.
 * @param {string} name
 */
export function style(name) {
  if (asked.has(name)) return;
  asked.add(name);
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = name === "uplot" ? "/assets/vendor/uplot.css" : `/assets/css/${name}.css`;
  document.head.append(link);
}
