import type { Pixels } from '@imagemill/diffusion';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { hashDistance } from '../../domain/quality/picture-hash.ts';
import { measurePicture } from './measure-picture.ts';

function picture(side: number, colour: (x: number, y: number) => readonly [number, number, number]): Pixels {
  const data = new Uint8Array(3 * side * side);
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) data.set(colour(x / side, y / side), 3 * (y * side + x));
  return { data, width: side, height: side };
}

const plain = (red: number, green: number, blue: number) => picture(96, () => [red, green, blue]);
const scene = (side: number, shift = 0): Pixels =>
  picture(side, (x, y) => {
    const isInside = (x - 0.4 - shift) ** 2 + (y - 0.6) ** 2 < 0.05;
    return isInside ? [220, 40, 40] : [40 + 100 * y, 90 + 60 * x, 200 - 120 * x * y];
  });

async function changed(pixels: Pixels, change: (input: Sharp) => Sharp): Promise<Pixels> {
  const { data, info } = await change(sharp(pixels.data, { raw: { ...pixels, channels: 3 } }))
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}

describe('the measures of a picture', () => {
  it('tell one colour from many, whatever the colour', () => {
    expect(measurePicture(plain(200, 30, 30)).spread).toBe(0);
    expect(measurePicture(plain(128, 128, 128)).spread).toBe(0);
    expect(measurePicture(scene(96)).spread).toBeGreaterThan(30);
  });

  it('see a difference in one channel alone', () => {
    const blue = picture(64, (x) => [90, 90, 255 * x]);
    expect(measurePicture(blue).spread).toBeGreaterThan(60);
  });

  it('tell how much is black or white', () => {
    expect(measurePicture(plain(0, 0, 0))).toMatchObject({ darkShare: 1, lightShare: 0 });
    expect(measurePicture(plain(255, 255, 254))).toMatchObject({ darkShare: 0, lightShare: 1 });
    expect(measurePicture(picture(64, (x) => (x < 0.25 ? [0, 1, 0] : [0, 90, 0]))).darkShare).toBe(0.25);
    // Saturated colours are no lack of detail.
    expect(measurePicture(plain(255, 0, 0))).toMatchObject({ darkShare: 0, lightShare: 0 });
  });

  it.each([96, 640])('fall with blur at a side of %d', async (side) => {
    const sharpness = measurePicture(scene(side)).sharpness;
    const blurred = await changed(scene(side), (input) => input.blur(side / 64));
    expect(measurePicture(blurred).sharpness).toBeLessThan(sharpness / 3);
  });

  it('are the same for large pictures, which are measured by every second row, as for all rows of a small one', () => {
    const rows = scene(1_024);
    const strip = { ...rows, height: 512, data: rows.data.subarray(0, 3 * 1_024 * 512) };
    const [all, half] = [measurePicture(strip), measurePicture(rows)];
    expect(half.sharpness).toBeGreaterThan(all.sharpness * 0.5);
    expect(half.hash).not.toBe(all.hash);
  });

  it('hold a hash that survives scaling, compression and light, and tells other pictures apart', async () => {
    const { hash } = measurePicture(scene(256));
    const kept = await Promise.all([
      changed(scene(256), (input) => input.resize(192, 192, { fit: 'fill' })),
      changed(scene(256), (input) => input.modulate({ brightness: 1.1 })),
      changed(scene(256), (input) => input.blur(1)),
    ]);
    for (const pixels of kept) expect(hashDistance(hash, measurePicture(pixels).hash)).toBeLessThanOrEqual(4);
    expect(hashDistance(hash, measurePicture(scene(256, 0.3)).hash)).toBeGreaterThan(10);
  });

  it('can be taken of pictures smaller than the hash', () => {
    expect(measurePicture(scene(8)).hash).toMatch(/^[0-9a-f]{16}$/);
    expect(measurePicture({ data: Uint8Array.of(1, 2, 3), width: 1, height: 1 })).toMatchObject({
      spread: 0,
      sharpness: 0,
    });
  });
});
