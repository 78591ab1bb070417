import { describe, expect, test } from 'vitest';
import { cleanNumber, fitNumber, parseNumber, steppedNumber } from './number-rules.ts';

const side = { min: 32, max: 2048, step: 32 };
const strength = { min: -4, max: 4, step: 0.1, isDecimal: true };

describe('a field of a number', () => {
  test.each([
    ['１２８', '128'],
    ['1,024', '1024'],
    ['2.7', '2'],
    ['abc', ''],
    ['-5', '5'],
    [' 256 px', '256'],
  ])('of a whole number takes %s for %s', (text, expected) => {
    expect(cleanNumber(text, side)).toBe(expected);
  });

  test.each([
    ['0,8', '0.8'],
    ['－０。５', '-0.5'],
    ['1.2.3', '1.23'],
    ['.', '.'],
    ['-', '-'],
  ])('of a fraction takes %s for %s', (text, expected) => {
    expect(cleanNumber(text, strength)).toBe(expected);
  });

  test('knows no number before there is a digit, and long ones to the last digit that a number keeps', () => {
    expect(['', '-', '.', '-.'].map(parseNumber)).toEqual([undefined, undefined, undefined, undefined]);
    expect(parseNumber('1089124566777123')).toBe(1_089_124_566_777_123);
  });

  test('goes to the nearest number that fits: between the limits, on the grain', () => {
    expect([10, 250, 99_999].map((value) => fitNumber(value, side))).toEqual([32, 256, 2048]);
    expect(fitNumber(99, { min: 33, max: 100, step: 32 })).toBe(96);
    expect(fitNumber(9, strength)).toBe(4);
    expect(fitNumber(1e20, { min: 0, max: Number.MAX_SAFE_INTEGER })).toBe(Number.MAX_SAFE_INTEGER);
  });

  test('is led up and down by steps, within its limits', () => {
    expect(steppedNumber(250, 1, side)).toBe(288);
    expect(steppedNumber(2048, 1, side)).toBe(2048);
    expect(steppedNumber(undefined, 1, side)).toBe(32);
    expect(steppedNumber(0.7, 1, strength)).toBe(0.8);
  });
});
