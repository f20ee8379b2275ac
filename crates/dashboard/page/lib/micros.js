// Moments to the microsecond, as numbers: exact until the year 2255. Pure.

/**
 * Microseconds since 1970; NaN where the text is no moment.
 * @param {string} text RFC 3339
 */
export function microsOf(text) {
  const fraction = /\.(\d+)/.exec(text)?.[1] ?? "";
  const whole = Date.parse(fraction ? text.replace(`.${fraction}`, "") : text);
  return whole * 1000 + Number(fraction.slice(0, 6).padEnd(6, "0"));
}

/**
 * RFC 3339 with six digits.
 * @param {number} micros
 */
export function isoOf(micros) {
  const second = Math.floor(micros / 1e6);
  const rest = String(micros - second * 1e6).padStart(6, "0");
  return `${new Date(second * 1000).toISOString().slice(0, -5)}.${rest}Z`;
}
