// Smaller pictures: as many colours as a palette holds, which is nearly all that a page has.
import { deflateSync, inflateSync, crc32 } from "node:zlib";

/** @param {Buffer} png */
function chunks(png) {
  const found = [];
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at);
    found.push({ kind: png.toString("latin1", at + 4, at + 8), data: png.subarray(at + 8, at + 8 + length) });
    at += length + 12;
  }
  return found;
}

/** The pixels of a picture of 8 bits a channel, as rows without their filters. @param {Buffer} png */
function pixels(png) {
  const all = chunks(png);
  const head = all[0].data;
  const [width, height, channels] = [head.readUInt32BE(0), head.readUInt32BE(4), head[9] === 6 ? 4 : 3];
  const raw = inflateSync(Buffer.concat(all.filter((one) => one.kind === "IDAT").map((one) => one.data)));
  const stride = width * channels;
  const out = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y += 1) {
    const filter = raw[y * (stride + 1)];
    for (let x = 0; x < stride; x += 1) {
      const left = x >= channels ? out[y * stride + x - channels] : 0;
      const up = y > 0 ? out[(y - 1) * stride + x] : 0;
      const corner = x >= channels && y > 0 ? out[(y - 1) * stride + x - channels] : 0;
      out[y * stride + x] = raw[y * (stride + 1) + 1 + x] + predicted(filter, left, up, corner);
    }
  }
  return { width, height, channels, out };
}

/** @param {number} filter @param {number} left @param {number} up @param {number} corner */
function predicted(filter, left, up, corner) {
  if (filter === 0) return 0;
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}

/** @param {string} kind @param {Buffer} data */
function chunk(kind, data) {
  const body = Buffer.concat([Buffer.from(kind, "latin1"), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/** The commonest colours, and for each other one the nearest of them. @param {Map<number, number>} counts */
function palette(counts) {
  const colours = [...counts].sort((a, b) => b[1] - a[1]).map(([colour]) => colour);
  const kept = colours.slice(0, 256);
  const index = new Map(kept.map((colour, n) => [colour, n]));
  for (const colour of colours.slice(256)) {
    let [best, least] = [0, Infinity];
    for (let n = 0; n < kept.length; n += 1) {
      const [r, g, b] = [16, 8, 0].map((shift) => ((colour >> shift) & 255) - ((kept[n] >> shift) & 255));
      const far = r * r + g * g + b * b;
      if (far < least) [best, least] = [n, far];
    }
    index.set(colour, best);
  }
  return { kept, index };
}

/** @param {Buffer} png */
export function smaller(png) {
  const { width, height, channels, out } = pixels(png);
  const counts = /** @type {Map<number, number>} */ (new Map());
  const colours = new Uint32Array(width * height);
  for (let n = 0; n < colours.length; n += 1) {
    const at = n * channels;
    colours[n] = (out[at] << 16) | (out[at + 1] << 8) | out[at + 2];
    counts.set(colours[n], (counts.get(colours[n]) ?? 0) + 1);
  }
  const { kept, index } = palette(counts);
  const raw = Buffer.alloc((width + 1) * height);
  for (let n = 0; n < colours.length; n += 1) raw[n + Math.floor(n / width) + 1] = index.get(colours[n]) ?? 0;
  const head = Buffer.from(chunks(png)[0].data);
  head[9] = 3;
  const plte = Buffer.from(kept.flatMap((colour) => [colour >> 16, (colour >> 8) & 255, colour & 255]));
  const parts = [chunk("IHDR", head), chunk("PLTE", plte), chunk("IDAT", deflateSync(raw, { level: 9 })), chunk("IEND", Buffer.alloc(0))];
  return Buffer.concat([png.subarray(0, 8), ...parts]);
}
