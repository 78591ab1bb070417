import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fitSize } from './size-policy.ts';

const bounds = { grain: 16, maxSide: 4096, maxPixels: 1024 ** 2 };

test('a size within the bounds is kept, multiple of 64 or not', () => {
  expect(fitSize({ width: 1008, height: 16 }, bounds)).toEqual({ width: 1008, height: 16 });
});

test('a size over the area is scaled down in its shape', () => {
  expect(fitSize({ width: 2048, height: 2048 }, bounds)).toEqual({ width: 1024, height: 1024 });
  expect(fitSize({ width: 3840, height: 2160 }, bounds)).toEqual({ width: 1344, height: 768 });
});

test('a side that is too long is shortened with the other', () => {
  expect(fitSize({ width: 8192, height: 256 }, { ...bounds, maxPixels: 2 ** 28 })).toEqual({
    width: 4096,
    height: 128,
  });
});

test('whatever is asked for, the result is within the bounds, a multiple of 64 and of about the same shape', () => {
  const side = fc.integer({ min: 64, max: 16_384 });
  fc.assert(
    fc.property(side, side, (width, height) => {
      const size = fitSize({ width, height }, bounds);
      expect(size.width * size.height).toBeLessThanOrEqual(bounds.maxPixels);
      expect(Math.max(size.width, size.height)).toBeLessThanOrEqual(bounds.maxSide);
      if (size.width === width && size.height === height) return;
      expect([size.width % 64, size.height % 64]).toEqual([0, 0]);
      expect(Math.sign(size.width - size.height) * Math.sign(width - height)).toBeGreaterThanOrEqual(0);
    }),
    { seed: 1, numRuns: 500 },
  );
});
