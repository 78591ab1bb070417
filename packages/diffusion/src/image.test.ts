import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { readBytes, readFloat32, readSafetensorsHeader } from './checkpoint/safetensors.ts';
import { encodePicture, toPixels } from './image.ts';

const staged = fileURLToPath(new URL('../../../tests/fixtures/parity/staged/expected.safetensors', import.meta.url));

/** A smooth picture, so that lossy formats keep it. */
function gradient(width: number, height: number): Uint8Array {
  return Uint8Array.from({ length: 3 * width * height }, (_, i) => {
    const pixel = Math.floor(i / 3);
    return [(255 * (pixel % width)) / width, (255 * Math.floor(pixel / width)) / height, 128][i % 3]!;
  });
}

describe('pixels', () => {
  test('equal those of the reference byte by byte', async () => {
    const { tensors } = await readSafetensorsHeader(staged);
    for (const run of ['square32', 'padded20x28', 'longcap', 'cfg']) {
      const decoded = tensors.get(`${run}.vae_out`)!;
      const [, , height = 0, width = 0] = decoded.shape;
      const pixels = toPixels(await readFloat32(decoded), { width, height });
      expect(pixels).toEqual(await readBytes(tensors.get(`${run}.image_u8`)!));
    }
  });

  test('are colours side by side, row by row', () => {
    const image = Float32Array.of(-1, 1, 0, 0.5, 2, -7); // two pixels: planes of red, green, blue
    expect([...toPixels(image, { width: 2, height: 1 })]).toEqual([0, 128, 255, 255, 191, 0]);
  });

  test('round halves to the even neighbour', () => {
    const halfway = (value: number) => ((value + 0.5) / 255 - 0.5) * 2;
    const exact = [...Array(254).keys()].filter((i) => {
      const unit = Math.fround(Math.fround(Math.fround(halfway(i)) * 0.5 + 0.5) * 255);
      return unit === i + 0.5;
    });
    expect(exact.length).toBeGreaterThan(50);
    for (const i of exact) {
      const [red] = toPixels(Float32Array.of(halfway(i), 0, 0), { width: 1, height: 1 });
      expect(red).toBe(i % 2 === 0 ? i : i + 1);
    }
  });

  test('are within half a step of the value they stand for', () => {
    fc.assert(
      fc.property(fc.float({ min: -1, max: 1, noNaN: true }), (value) => {
        const [red = 0] = toPixels(Float32Array.of(value, value, value), { width: 1, height: 1 });
        expect(Math.abs(red / 255 - (value / 2 + 0.5))).toBeLessThanOrEqual(0.5 / 255 + 1e-7);
      }),
      { seed: 11 },
    );
  });

  test('are refused when a value is no number, with how many', () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      expect(() => toPixels(Float32Array.of(0, bad, bad), { width: 1, height: 1 })).toThrow(
        expect.objectContaining({ code: 'picture_invalid', retryable: true, details: { unsound: 2, values: 3 } }),
      );
    }
  });

  test('are refused when their number does not fit the size', () => {
    expect(() => toPixels(new Float32Array(12), { width: 2, height: 3 })).toThrow(
      expect.objectContaining({ code: 'tensor_shape_mismatch' }),
    );
    expect(() => toPixels(new Float32Array(0), { width: 0, height: 0 })).toThrow('needs 0');
  });
});

describe('files', () => {
  test('of PNG keep every byte', async () => {
    const pixels = gradient(37, 21).map((value, i) => value ^ (i * 7));
    const file = await encodePicture(pixels, { width: 37, height: 21, format: 'png' });
    const { data, info } = await sharp(file).raw().toBuffer({ resolveWithObject: true });
    expect(info).toMatchObject({ width: 37, height: 21, channels: 3 });
    expect(new Uint8Array(data)).toEqual(new Uint8Array(pixels));
    expect((await sharp(file).metadata()).format).toBe('png');
  });

  test.each(['jpeg', 'webp'] as const)(
    'of %s look like the picture, and are smaller at less quality',
    async (format) => {
      const pixels = gradient(64, 48);
      const size = { width: 64, height: 48, format };
      const file = await encodePicture(pixels, size);
      expect((await sharp(file).metadata()).format).toBe(format);
      const data = await sharp(file).raw().toBuffer();
      const error = data.reduce((sum, value, i) => sum + Math.abs(value - pixels[i]!), 0) / data.length;
      expect(error).toBeLessThan(4);
      const low = await encodePicture(pixels, { ...size, quality: 20 });
      expect(low.length).toBeLessThan(file.length);
    },
  );

  test('of JPEG keep the full colour resolution at high quality', async () => {
    const size = { width: 16, height: 16, format: 'jpeg' } as const;
    const high = await sharp(await encodePicture(gradient(16, 16), size)).metadata();
    const low = await sharp(await encodePicture(gradient(16, 16), { ...size, quality: 80 })).metadata();
    expect([high.chromaSubsampling, low.chromaSubsampling]).toEqual(['4:4:4', '4:2:0']);
  });

  test('are refused for a quality or a number of bytes that does not fit', async () => {
    const size = { width: 2, height: 2, format: 'webp' } as const;
    for (const quality of [0, 101, 50.5, Number.NaN]) {
      await expect(encodePicture(new Uint8Array(12), { ...size, quality })).rejects.toMatchObject({
        code: 'option_invalid',
        details: { option: 'quality' },
      });
    }
    await expect(encodePicture(new Uint8Array(11), size)).rejects.toMatchObject({ code: 'tensor_shape_mismatch' });
  });
});
