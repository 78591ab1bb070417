import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createTorchGenerator } from '../random.ts';
import { createQuantizedMatrix, quantizeRowsInto } from './quantize.ts';

/** The weight `[rows, columns]` that the numbers stand for. */
function dequantise(numbers: Uint8Array, scales: Float32Array, type: 'i8' | 'u8', columns: number): Float32Array {
  const rows = scales.length;
  const signed = new Int8Array(numbers.buffer);
  const out = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const at = column * rows + row;
      out[row * columns + column] = (type === 'i8' ? signed[at]! : numbers[at]! - 128) * scales[row]!;
    }
  }
  return out;
}

const matrices = fc
  .record({ rows: fc.integer({ min: 1, max: 150 }), columns: fc.integer({ min: 1, max: 40 }), seed: fc.nat() })
  .map(({ rows, columns, seed }) => {
    const magnitudes = createTorchGenerator(seed + 1).randn(rows);
    const values = createTorchGenerator(seed)
      .randn(rows * columns)
      .map((value, at) => value * 10 ** (3 * magnitudes[Math.floor(at / columns)]!));
    return { rows, columns, values };
  });

test('every weight comes back within half a step of its row, whatever the magnitudes of the rows', () => {
  fc.assert(
    fc.property(matrices, fc.constantFrom('i8' as const, 'u8' as const), ({ rows, columns, values }, type) => {
      const matrix = createQuantizedMatrix(rows, columns);
      expect(quantizeRowsInto(matrix, values, { type, columns, firstRow: 0 })).toBe(true);
      const back = dequantise(matrix.numbers, matrix.scales, type, columns);
      const steps = values.map((value, at) => Math.abs(back[at]! - value) / matrix.scales[Math.floor(at / columns)]!);
      expect(Math.max(...steps)).toBeLessThanOrEqual(0.5001);
    }),
    { numRuns: 60, seed: 1 },
  );
});

test('the largest magnitude of a row takes the largest number', () => {
  const matrix = createQuantizedMatrix(2, 3);
  quantizeRowsInto(matrix, Float32Array.of(1, -2, 0, 0.5, 0.25, -0.125), { type: 'i8', columns: 3, firstRow: 0 });
  expect([...new Int8Array(matrix.numbers.buffer)]).toEqual([64, 127, -127, 64, 0, -32]);
  expect([...matrix.scales]).toEqual([Math.fround(2 / 127), Math.fround(0.5 / 127)]);
});

test('rows given in pieces give what they give at once', () => {
  const values = createTorchGenerator(5).randn(130 * 7);
  const whole = createQuantizedMatrix(130, 7);
  quantizeRowsInto(whole, values, { type: 'i8', columns: 7, firstRow: 0 });
  const pieces = createQuantizedMatrix(130, 7);
  quantizeRowsInto(pieces, values.slice(0, 70 * 7), { type: 'i8', columns: 7, firstRow: 0 });
  quantizeRowsInto(pieces, values.slice(70 * 7), { type: 'i8', columns: 7, firstRow: 70 });
  expect(pieces).toEqual(whole);
});

test('a row of zeros stays zero, and one that holds no number is refused', () => {
  const matrix = createQuantizedMatrix(1, 2);
  expect(quantizeRowsInto(matrix, new Float32Array(2), { type: 'u8', columns: 2, firstRow: 0 })).toBe(true);
  expect([...matrix.numbers, ...matrix.scales]).toEqual([128, 128, 0]);
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const values = Float32Array.of(bad, 1);
    expect(quantizeRowsInto(matrix, values, { type: 'u8', columns: 2, firstRow: 0 })).toBe(false);
  }
});
