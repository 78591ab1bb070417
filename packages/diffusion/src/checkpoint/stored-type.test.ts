import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeFloats, elementCount, encodeFloats } from './stored-type.ts';

const halves = decodeFloats(new Uint8Array(Uint16Array.from({ length: 65_536 }, (_, i) => i).buffer), 'f16');

test('every half decodes to the value that its sign, exponent and fraction spell', () => {
  for (let bits = 0; bits < 65_536; bits++) {
    const exponent = (bits >>> 10) & 31;
    const fraction = bits & 1023;
    const sign = bits >>> 15 === 1 ? -1 : 1;
    const magnitude = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
    const special = fraction === 0 ? Number.POSITIVE_INFINITY : Number.NaN;
    expect(Object.is(halves[bits], sign * (exponent === 31 ? special : magnitude))).toBe(true);
  }
});

test('a stored half or bfloat16 survives decoding and encoding bit by bit', () => {
  for (const type of ['f16', 'bf16'] as const) {
    const bits = Uint16Array.from({ length: 65_536 }, (_, i) => i);
    const values = decodeFloats(new Uint8Array(bits.buffer), type);
    const back = new Uint16Array(encodeFloats(values, type).slice().buffer);
    for (let i = 0; i < bits.length; i++) {
      if (!Number.isNaN(values[i]!)) expect(back[i]).toBe(bits[i]);
      else expect(Number.isNaN(decodeFloats(new Uint8Array(back.slice(i, i + 1).buffer), type)[0]!)).toBe(true);
    }
  }
});

test('encoding to a half picks the nearest one, and the even one of two', () => {
  const finite = halves.slice(0, 0x7c00); // ascending
  const interesting = fc.oneof(
    fc.float({ noNaN: true, min: -70_000, max: 70_000 }),
    fc.float({ noNaN: true, min: Math.fround(-1e-4), max: Math.fround(1e-4) }),
    // exactly between two halves
    fc.integer({ min: 0, max: 0x7bfe }).map((i) => Math.fround((finite[i]! + finite[i + 1]!) / 2)),
  );
  fc.assert(
    fc.property(interesting, (value) => {
      const [bits = 0] = new Uint16Array(encodeFloats(Float32Array.of(value), 'f16').slice().buffer);
      const magnitude = Math.abs(value);
      expect(bits >>> 15).toBe(value < 0 || Object.is(value, -0) ? 1 : 0);
      if (magnitude >= 65_520) {
        expect(bits & 0x7fff).toBe(0x7c00);
        return;
      }
      const chosen = bits & 0x7fff;
      const error = Math.abs(finite[chosen]! - magnitude);
      for (const other of [chosen - 1, chosen + 1]) {
        if (other < 0 || other >= finite.length) continue;
        const otherError = Math.abs(finite[other]! - magnitude);
        expect(error < otherError || (error === otherError && chosen % 2 === 0)).toBe(true);
      }
    }),
    { seed: 1, numRuns: 2000 },
  );
});

test('encoding to bfloat16 picks the nearest one, and the even one of two', () => {
  fc.assert(
    fc.property(fc.float({ noNaN: true, max: Math.fround(1e38), min: Math.fround(-1e38) }), (value) => {
      const encoded = encodeFloats(Float32Array.of(value), 'bf16').slice();
      const [bits = 0] = new Uint16Array(encoded.buffer);
      const at = (pattern: number) => decodeFloats(new Uint8Array(Uint16Array.of(pattern).buffer), 'bf16')[0]!;
      const error = Math.abs(at(bits) - value);
      for (const other of [bits - 1, bits + 1]) {
        const otherError = Math.abs(at(other) - value);
        if (Number.isNaN(otherError)) continue;
        expect(error < otherError || (error === otherError && bits % 2 === 0)).toBe(true);
      }
    }),
    { seed: 2, numRuns: 2000 },
  );
});

test('not a number stays not a number in every float type', () => {
  for (const type of ['f32', 'f16', 'bf16'] as const) {
    expect(decodeFloats(encodeFloats(Float32Array.of(Number.NaN), type).slice(), type)[0]).toBeNaN();
  }
});

test('bytes at an odd offset of a bigger buffer decode like any others', () => {
  const bytes = new Uint8Array(13);
  bytes.set(new Uint8Array(Float64Array.of(0.1).buffer), 3);
  expect(decodeFloats(bytes.subarray(3, 11), 'f64')).toEqual(Float32Array.of(0.1));
});

test('a scalar has one element and an empty dimension none', () => {
  expect(elementCount([])).toBe(1);
  expect(elementCount([3, 0, 2])).toBe(0);
  expect(elementCount([2, 3])).toBe(6);
});
