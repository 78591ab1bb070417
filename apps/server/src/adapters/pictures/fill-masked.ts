import sharp from 'sharp';
import type { PictureSize } from '../../domain/size-policy.ts';

/** What stands under a mask before it is repainted; what shows through depends on the strength. */
export type MaskFill = 'surroundings' | 'original' | 'noise' | 'grey';

/** RGB pixels `[height, width, 3]` with other content where the mask `[height, width]` is above 0. */
export async function fillMasked(
  pixels: Uint8Array,
  mask: Uint8Array,
  size: PictureSize,
  fill: MaskFill,
): Promise<Uint8Array> {
  if (fill === 'original') return pixels;
  if (fill === 'surroundings') return fromSurroundings(pixels, mask, size);
  const filled = Uint8Array.from(pixels);
  let random = 0x9e3779b9;
  for (const [at, isMasked] of mask.entries()) {
    if (isMasked === 0) continue;
    for (let channel = 0; channel < 3; channel += 1) {
      // Xorshift: the same request gets the same noise.
      random ^= random << 13;
      random ^= random >>> 17;
      random ^= random << 5;
      filled[3 * at + channel] = fill === 'grey' ? 127 : random & 255;
    }
  }
  return filled;
}

/** Each masked pixel takes the mean of what is near, from as near as there is anything. */
async function fromSurroundings(pixels: Uint8Array, mask: Uint8Array, size: PictureSize): Promise<Uint8Array> {
  const count = mask.length;
  const holed = Buffer.alloc(4 * count);
  for (let at = 0; at < count; at += 1) {
    if (mask[at] !== 0) continue;
    holed.set(pixels.subarray(3 * at, 3 * at + 3), 4 * at);
    holed[4 * at + 3] = 255;
  }
  const filled = Uint8Array.from(pixels);
  const left = new Set<number>();
  for (let at = 0; at < count; at += 1) if (mask[at] !== 0) left.add(at);
  for (const sigma of SIGMAS) {
    if (left.size === 0) break;
    const near = await sharp(holed, { raw: { ...size, channels: 4 } })
      .blur(sigma)
      .raw()
      .toBuffer();
    for (const at of left) {
      if ((near[4 * at + 3] ?? 0) < ENOUGH) continue;
      filled.set(near.subarray(4 * at, 4 * at + 3), 3 * at);
      left.delete(at);
    }
  }
  for (const at of left) filled.fill(127, 3 * at, 3 * at + 3);
  return filled;
}

/** Reach of a pixel, in pixels, from near to far. */
const SIGMAS = [3, 12, 48, 192] as const;
/** Share of 255 from which on a mean is one of more than stray pixels. */
const ENOUGH = 12;
