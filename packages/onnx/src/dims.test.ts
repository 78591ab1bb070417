import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addDims, broadcastShapes, divideDims, multiplyDims } from './dims.ts';
import type { Dim } from './types.ts';

const dim: fc.Arbitrary<Dim> = fc.oneof(
  fc.integer({ min: 1, max: 64 }),
  fc.constantFrom('batch', 'tokens', 'height', 'width', '(a+b)'),
);

describe('symbolic dimensions', () => {
  it('multiply in any order to the same text', () => {
    fc.assert(
      fc.property(fc.array(dim, { minLength: 1, maxLength: 5 }), (dims) => {
        expect(multiplyDims(...dims)).toBe(multiplyDims(...[...dims].reverse()));
      }),
    );
  });

  it('are divided exactly by any of their factors', () => {
    fc.assert(
      fc.property(fc.array(dim, { maxLength: 4 }), fc.array(dim, { maxLength: 4 }), (left, right) => {
        expect(divideDims([...left, ...right], right)).toBe(multiplyDims(...left));
      }),
    );
  });

  it('have no quotient when a factor is missing or a number does not divide', () => {
    expect(divideDims(['height'], ['width'])).toBeUndefined();
    expect(divideDims([10, 'height'], [4])).toBeUndefined();
    expect(divideDims([10], [0])).toBeUndefined();
  });

  it('add up: numbers to a number, equal symbols to a multiple, others to a sum in one order', () => {
    expect(addDims(3, 4)).toBe(7);
    expect(addDims('tokens', 'tokens')).toBe('2*tokens');
    expect(addDims('image', 'caption')).toBe('(caption+image)');
    expect(addDims('caption', 'image')).toBe('(caption+image)');
    expect(addDims('height', 1)).toBe('(height+1)');
    expect(addDims('2*height', 'height')).toBe('3*height');
  });
});

describe('broadcasting', () => {
  it('is commutative', () => {
    fc.assert(
      fc.property(fc.array(dim, { maxLength: 4 }), fc.array(dim, { maxLength: 4 }), (a, b) => {
        let forward: unknown;
        let backward: unknown;
        try {
          forward = broadcastShapes('Add', [a, b]);
        } catch {
          forward = 'refused';
        }
        try {
          backward = broadcastShapes('Add', [b, a]);
        } catch {
          backward = 'refused';
        }
        expect(forward).toEqual(backward);
      }),
    );
  });

  it('widens ones and refuses two different sizes', () => {
    expect(
      broadcastShapes('Add', [
        ['batch', 1, 4],
        [3, 1],
      ]),
    ).toEqual(['batch', 3, 4]);
    expect(() => broadcastShapes('Add', [[2], [3]])).toThrow('Add: shapes [2] and [3] do not broadcast');
  });
});
