// Lines that are the same for the same seed, but for the moment they end at.

/** A generator of numbers in [0, 1). @param {number} seed */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const HOSTS = ["web-01", "web-02", "web-03", "web-07"];
const SERVICES = ["checkout", "pay", "search", "mail"];
const PATHS = ["/", "/cart", "/health", "/api/orders", "/api/orders/8841", "/static/app.js"];

/** @template T @param {() => number} next @param {T[]} list */
const pick = (next, list) => list[Math.floor(next() * list.length)];
/** @param {number} ms */
const iso = (ms) => new Date(ms).toISOString();

/**
 * Lines as services write them, oldest first.
 * @param {{seed?: number, count: number, end: number, spanMs: number}} options
 */
export function* appLines({ seed = 1, count, end, spanMs }) {
  const next = random(seed);
  for (let n = 0; n < count; n += 1) {
    const time = iso(end - spanMs + Math.floor((spanMs * n) / count));
    const service = pick(next, SERVICES);
    const chance = next();
    const id = Math.floor(next() * 1e6);
    const ms = Math.floor(next() * 900);
    if (chance < 0.03) yield `${time} ERROR [${service}] timeout calling bank id=${id} ms=${5000 + ms} host=${pick(next, HOSTS)}`;
    else if (chance < 0.1) yield `${time} WARN [${service}] slow query table=orders id=${id} ms=${ms} host=${pick(next, HOSTS)}`;
    else if (chance < 0.3) yield `${time} DEBUG [${service}] cache miss key=user:${id} host=${pick(next, HOSTS)}`;
    else yield `${time} INFO [${service}] request done id=${id} path=${pick(next, PATHS)} status=200 ms=${ms} host=${pick(next, HOSTS)}`;
  }
}

/**
 * The same as JSON.
 * @param {{seed?: number, count: number, end: number, spanMs: number}} options
 */
export function* jsonLines({ seed = 2, count, end, spanMs }) {
  const next = random(seed);
  for (let n = 0; n < count; n += 1) {
    const time = iso(end - spanMs + Math.floor((spanMs * n) / count));
    const status = pick(next, [200, 200, 200, 201, 304, 404, 500]);
    const level = status >= 500 ? "error" : status >= 400 ? "warn" : "info";
    yield JSON.stringify({
      time, level, message: `${status} ${pick(next, PATHS)}`, service: pick(next, SERVICES),
      http: { status, ms: Math.floor(next() * 400) }, user: { id: Math.floor(next() * 1000), plan: pick(next, ["free", "pro"]) },
    });
  }
}

/** Traces of several lines. @param {{count: number, end: number, spanMs: number}} options */
export function* traces({ count, end, spanMs }) {
  for (let n = 0; n < count; n += 1) {
    const time = iso(end - spanMs + Math.floor((spanMs * n) / count));
    yield `${time} ERROR [pay] java.lang.IllegalStateException: no account ${n}`;
    for (const frame of ["Ledger.find(Ledger.java:118)", "Pay.charge(Pay.java:77)", "Main.run(Main.java:12)"]) yield `\tat bank.${frame}`;
    yield `Caused by: java.net.SocketTimeoutException: connect timed out`;
    yield "\t... 3 more";
  }
}

/** What must appear as text whatever it says; `SEEN` would be set by markup or script that took effect. */
export const HOSTILE = [
  `<script>window.SEEN = 1</script> hostile-script`,
  `<img src=x onerror="window.SEEN = 2"> hostile-image`,
  `"><svg onload=window.SEEN=3> hostile-svg`,
  `</pre></div><h1 id="hostile-heading">hostile-heading</h1>`,
  `javascript:window.SEEN=4 hostile-href`,
  "${window.SEEN=5} {{7*7}} hostile-template",
  `\u001b[31mred\u001b[0m \u001b]0;title\u0007 \u001b[2J\u001b[H hostile-ansi`,
  `a\u0000b\u0001c\bd\u007f hostile-control`,
  `\u202eevil\u202c \u2066x\u2069 \u200f hostile-rtl`,
  `zalgo h\u0335\u0311\u0489e\u0334 \ufeff\u200b hostile-marks`,
  `{"<b>key</b>":"<i>value</i>","__proto__":{"x":1},"constructor":"hostile-json","level":"<u>info</u>"}`,
];

/** A file of hostile lines, with one that is no UTF-8 and one of a MiB. @param {number} end */
export function hostileFile(end) {
  const text = HOSTILE.map((line, n) => (line.startsWith("{") ? line : `${iso(end - 60_000 + n)} INFO ${line}`)).join("\n");
  const long = `${iso(end - 50_000)} INFO hostile-long ${"x<b>".repeat(262_144 - 12)}`;
  const broken = Buffer.concat([Buffer.from(`${iso(end - 55_000)} INFO hostile-bytes `), Buffer.from([0xff, 0xfe, 0xc3, 0x28, 0x80])]);
  return Buffer.concat([Buffer.from(`${text}\n`), broken, Buffer.from(`\n${long}\n`)]);
}

/** @param {Iterable<string>} lines */
export const file = (lines) => `${[...lines].join("\n")}\n`;
