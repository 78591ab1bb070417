import fc from 'fast-check';
import { expect, test } from 'vitest';
import { combineGuidance, isGuided } from './guidance.ts';

const floats = (length: number) =>
  fc.array(fc.float({ min: -100, max: 100, noNaN: true }), { minLength: length, maxLength: length });

test('the prediction moves away from the negative one by the scale', () => {
  const positive = Float32Array.of(1, 2, -2, 0.5);
  const result = combineGuidance({ positive, negative: Float32Array.of(0.5, 1, 1, 0) }, { scale: 3 });
  expect(result).toBe(positive);
  expect(result).toEqual(Float32Array.of(2.5, 5, -11, 2));
});

test('normalisation gives what diffusers computes', () => {
  const positive = Float32Array.of(1, 2, -2, 0.5);
  const negative = Float32Array.of(0.5, 1, 1, 0);
  const result = combineGuidance({ positive, negative }, { scale: 3, normalization: 1 });
  const expected = [0.608276248, 1.2165525, -2.67641568, 0.486621022];
  for (const [i, value] of expected.entries()) expect(result[i]).toBeCloseTo(value, 6);
});

test('normalisation bounds the length, keeps the direction and never lengthens', () => {
  const length = (values: Float32Array) => Math.hypot(...values);
  fc.assert(
    fc.property(
      floats(8),
      floats(8),
      fc.float({ min: 0, max: 10, noNaN: true }),
      fc.constantFrom(0.5, 1, 2),
      (p, n, scale, normalization) => {
        const negative = Float32Array.from(n);
        const free = combineGuidance({ positive: Float32Array.from(p), negative }, { scale });
        const bound = combineGuidance({ positive: Float32Array.from(p), negative }, { scale, normalization });
        const limit = normalization * length(Float32Array.from(p));
        expect(length(bound)).toBeLessThanOrEqual(Math.max(limit, 0) * (1 + 1e-5) + 1e-30);
        if (length(free) <= limit) expect(bound).toEqual(free);
        for (let i = 0; i < 8; i++) expect(Math.abs(bound[i]!)).toBeLessThanOrEqual(Math.abs(free[i]!) * (1 + 1e-6));
      },
    ),
    { seed: 8 },
  );
});

test('a scale of 0, and equal predictions, change nothing', () => {
  fc.assert(
    fc.property(floats(5), floats(5), (p, n) => {
      const same = Float32Array.from(p, (value) => value + 0); // no −0
      expect(combineGuidance({ positive: same.slice(), negative: Float32Array.from(n) }, { scale: 0 })).toEqual(same);
      expect(combineGuidance({ positive: same.slice(), negative: same }, { scale: 7 })).toEqual(same);
    }),
    { seed: 9 },
  );
});

test('guidance is off at 0 and below, and after the truncation time', () => {
  expect(isGuided({ scale: 0 }, 0.5)).toBe(false);
  expect(isGuided({ scale: -1 }, 0.5)).toBe(false);
  expect(isGuided({ scale: 0.5 }, 1)).toBe(true);
  expect(isGuided({ scale: 3, truncation: 0.5 }, 0.5)).toBe(true);
  expect(isGuided({ scale: 3, truncation: 0.5 }, 0.51)).toBe(false);
  expect(isGuided({ scale: 3, truncation: 2 }, 5)).toBe(true);
});
