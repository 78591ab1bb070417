import { describe, expect, test } from 'vitest';
import {
  aspectRatioOf,
  aspectRatios,
  fitSize,
  type SizeLimits,
  sizeForAspectRatio,
  sizeForPicture,
  snapSide,
} from './size-rules.ts';

const demo: SizeLimits = { nativeSide: 256, grain: 32, minSide: 64, maxSide: 512, maxPixels: 512 * 512 };
const turbo: SizeLimits = { nativeSide: 1024, grain: 16, minSide: 256, maxSide: 2048, maxPixels: 2048 * 1024 };

describe('sizes', () => {
  test('a side is moved to the nearest multiple of the grain', () => {
    expect(snapSide(250, demo)).toBe(256);
    expect(snapSide(271, demo)).toBe(256);
    expect(snapSide(273, demo)).toBe(288);
  });

  test('a side stays within the limits, which are themselves moved inwards to the grain', () => {
    expect(snapSide(1, demo)).toBe(64);
    expect(snapSide(9000, demo)).toBe(512);
    expect(snapSide(1, { ...demo, minSide: 65 })).toBe(96);
    expect(snapSide(9000, { ...demo, maxSide: 500 })).toBe(480);
  });

  test('the square chip is the native size', () => {
    expect(sizeForAspectRatio(aspectRatios[0]!, demo)).toEqual({ width: 256, height: 256 });
    expect(sizeForAspectRatio(aspectRatios[0]!, turbo)).toEqual({ width: 1024, height: 1024 });
  });

  test.each([demo, turbo])('every chip keeps the grain and about the native area (side $nativeSide)', (limits) => {
    for (const ratio of aspectRatios) {
      const { width, height } = sizeForAspectRatio(ratio, limits);
      expect(width % limits.grain).toBe(0);
      expect(height % limits.grain).toBe(0);
      expect((width * height) / limits.nativeSide ** 2).toBeGreaterThan(0.85);
      expect((width * height) / limits.nativeSide ** 2).toBeLessThan(1.15);
    }
  });

  test.each([demo, turbo])('no two chips stand for the same size (side $nativeSide)', (limits) => {
    const sizes = aspectRatios.map((ratio) => JSON.stringify(sizeForAspectRatio(ratio, limits)));
    expect(new Set(sizes).size).toBe(aspectRatios.length);
  });

  test('where the sides make too many pixels together, the side that was not edited gives way', () => {
    expect(fitSize({ width: 2048, height: 2048 }, turbo, 'width')).toEqual({ width: 2048, height: 1024 });
    expect(fitSize({ width: 2048, height: 2048 }, turbo, 'height')).toEqual({ width: 1024, height: 2048 });
  });

  test('a side gives way itself when the other cannot shrink far enough', () => {
    const narrow: SizeLimits = { ...turbo, minSide: 1024, maxPixels: 1536 * 1024 };
    expect(fitSize({ width: 2048, height: 2048 }, narrow, 'width')).toEqual({ width: 1536, height: 1024 });
  });

  test('a picture to draw from keeps its size where the model draws it, and its proportions where not', () => {
    expect(sizeForPicture({ width: 1200, height: 800 }, turbo)).toEqual({ width: 1200, height: 800 });
    expect(sizeForPicture({ width: 9000, height: 6000 }, turbo)).toEqual({ width: 1248, height: 832 });
    expect(sizeForPicture({ width: 3000, height: 4000 }, demo)).toEqual({ width: 224, height: 288 });
    expect(sizeForPicture({ width: 1, height: 1 }, turbo)).toEqual({ width: 1024, height: 1024 });
  });

  test('a size names its chip, and a size of its own names none', () => {
    for (const ratio of aspectRatios) {
      expect(aspectRatioOf(sizeForAspectRatio(ratio, turbo), turbo)).toBe(ratio);
    }
    expect(aspectRatioOf({ width: 512, height: 1024 }, turbo)).toBeUndefined();
  });
});
