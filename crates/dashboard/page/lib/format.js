// Numbers as a person reads them. Pure.

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

/**
 * Three digits and a unit.
 * @param {number} count
 */
export function bytes(count) {
  let rest = count;
  let unit = 0;
  while (rest >= 999.5 && unit + 1 < UNITS.length) {
    rest /= 1000;
    unit += 1;
  }
  const whole = unit === 0 && (rest % 1 === 0 || rest >= 10);
  return `${whole ? Math.round(rest) : unit === 0 ? rest.toFixed(1) : threeDigits(rest)} ${UNITS[unit]}`;
}

/** @param {number} value */
function threeDigits(value) {
  if (value < 9.995) return value.toFixed(2);
  return value < 99.95 ? value.toFixed(1) : value.toFixed(0);
}

/**
 * Every digit, in groups of three.
 * @param {number} value
 */
export function grouped(value) {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/**
 * Short: 12.5k, 3.4M.
 * @param {number} value
 * @returns {string}
 */
export function short(value) {
  if (value < 0) return `-${short(-value)}`;
  if (value < 10 && value % 1 !== 0) return value.toFixed(1);
  if (value < 9999.5) return String(Math.round(value));
  if (value < 999_500) return `${threeDigits(value / 1e3)}k`;
  return value < 999.5e6 ? `${threeDigits(value / 1e6)}M` : `${threeDigits(value / 1e9)}G`;
}

/**
 * 0.8 s, 12 s, 3 m, 2 h, 5 d.
 * @param {number} seconds
 */
export function duration(seconds) {
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} m`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`;
}

/**
 * Never rounded up to all of it.
 * @param {number} share 0 to 100
 */
export function percent(share) {
  return `${(Math.floor(share * 1000 + 1e-6) / 1000).toFixed(3)} %`;
}
