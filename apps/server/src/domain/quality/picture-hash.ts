/**
 * Perceptual hash: signs of the 64 lowest frequencies of the picture, against their median. Scaling, recompression and
 * small shifts of colour hardly change it. Pure.
 */

/** Side of the thumbnail that is hashed. */
export const HASH_SIDE = 32;

/**
 * Hash of a thumbnail of {@link HASH_SIDE} squared grey values, row by row, as 16 hex digits.
 *
 * The mean (frequency 0, 0) says only how bright the picture is; its bit is always 0.
 */
export function hashOfThumbnail(grey: ArrayLike<number>): string {
  const frequencies = lowFrequencies(grey);
  const sorted = frequencies.slice(1).sort((a, b) => a - b);
  const median = sorted[sorted.length >> 1] ?? 0;
  let hex = '';
  for (let at = 0; at < frequencies.length; at += 4) {
    let digit = 0;
    for (let bit = 0; bit < 4; bit++) {
      const isSet = at + bit > 0 && (frequencies[at + bit] ?? 0) > median;
      digit = digit * 2 + (isSet ? 1 : 0);
    }
    hex += digit.toString(16);
  }
  return hex;
}

/** Bits in which two hashes differ, 0 to 64. */
export function hashDistance(a: string, b: string): number {
  let bits = 0;
  for (const start of [0, 8]) {
    let differing =
      (Number.parseInt(a.slice(start, start + 8), 16) ^ Number.parseInt(b.slice(start, start + 8), 16)) >>> 0;
    for (; differing !== 0; differing &= differing - 1) bits += 1;
  }
  return bits;
}

/** The 8 × 8 lowest coefficients of the discrete cosine transform (type II, not normalised). */
function lowFrequencies(grey: ArrayLike<number>): number[] {
  const rows: number[] = []; // [y, u]
  for (let y = 0; y < HASH_SIDE; y++) {
    for (let u = 0; u < KEPT; u++) {
      let sum = 0;
      for (let x = 0; x < HASH_SIDE; x++) sum += (grey[y * HASH_SIDE + x] ?? 0) * (cosines[u * HASH_SIDE + x] ?? 0);
      rows.push(sum);
    }
  }
  const found: number[] = []; // [v, u]
  for (let v = 0; v < KEPT; v++) {
    for (let u = 0; u < KEPT; u++) {
      let sum = 0;
      for (let y = 0; y < HASH_SIDE; y++) sum += (rows[y * KEPT + u] ?? 0) * (cosines[v * HASH_SIDE + y] ?? 0);
      found.push(sum);
    }
  }
  return found;
}

const KEPT = 8;
const cosines = Array.from({ length: KEPT * HASH_SIDE }, (_, at) => {
  const [frequency, position] = [Math.floor(at / HASH_SIDE), at % HASH_SIDE];
  return Math.cos((Math.PI * frequency * (2 * position + 1)) / (2 * HASH_SIDE));
});
