/** Element types as files store them. */
export type StoredType = 'f64' | 'f32' | 'f16' | 'bf16' | 'i64' | 'i32' | 'i16' | 'i8' | 'u8' | 'bool';

/** Bytes of one element. */
export const bytesPerElement: Readonly<Record<StoredType, number>> = {
  f64: 8,
  f32: 4,
  f16: 2,
  bf16: 2,
  i64: 8,
  i32: 4,
  i16: 2,
  i8: 1,
  u8: 1,
  bool: 1,
};

/** True for types that a weight may be stored in. */
export function isFloatType(type: StoredType): boolean {
  return type === 'f64' || type === 'f32' || type === 'f16' || type === 'bf16';
}

/** Number of elements of a shape; 1 for a scalar `[]`. */
export function elementCount(shape: readonly number[]): number {
  let count = 1;
  for (const dim of shape) count *= dim;
  return count;
}

/**
 * Converts little-endian stored floats to float32. f64 is rounded to nearest; the others convert exactly.
 * `bytes` may start at any offset of its buffer.
 */
export function decodeFloats(bytes: Uint8Array, type: StoredType): Float32Array {
  if (type === 'f32') return new Float32Array(aligned(bytes, 4));
  if (type === 'f64') return new Float32Array(new Float64Array(aligned(bytes, 8)));
  const halves = new Uint16Array(aligned(bytes, 2));
  const bits = new Uint32Array(halves.length);
  if (type === 'bf16') {
    for (let i = 0; i < halves.length; i++) bits[i] = halves[i]! << 16;
  } else {
    const table = halfTable();
    for (let i = 0; i < halves.length; i++) bits[i] = table[halves[i]!]!;
  }
  return new Float32Array(bits.buffer);
}

/** Converts float32 to stored little-endian bytes, rounding to nearest even. Values past the range become infinite. */
export function encodeFloats(values: Float32Array, type: 'f32' | 'f16' | 'bf16'): Uint8Array {
  if (type === 'f32') return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  // Two loops: one that calls either function runs at a third of the speed.
  if (type === 'bf16') for (let i = 0; i < halves.length; i++) halves[i] = roundToBfloat16(bits[i]!);
  else for (let i = 0; i < halves.length; i++) halves[i] = roundToHalf(bits[i]!);
  return new Uint8Array(halves.buffer);
}

/** The bytes as a buffer of their own when their offset or length does not fit the element size. */
function aligned(bytes: Uint8Array, size: number): ArrayBuffer {
  const whole = bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength;
  if (whole && bytes.byteLength % size === 0) return bytes.buffer as ArrayBuffer;
  return bytes.slice(0, bytes.byteLength - (bytes.byteLength % size)).buffer as ArrayBuffer;
}

function roundToBfloat16(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40; // NaN stays NaN
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

function roundToHalf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // 65520 and above round to infinity
  if (magnitude >= 0x38800000) {
    const rebased = magnitude - 0x38000000; // exponent bias 127 to 15
    return sign | ((rebased + 0xfff + ((rebased >>> 13) & 1)) >>> 13);
  }
  if (magnitude < 0x33000000) return sign; // below half the smallest subnormal, 2^-25
  const shift = 126 - (magnitude >>> 23);
  const mantissa = (magnitude & 0x7fffff) | 0x800000;
  const kept = mantissa >>> shift;
  const rest = mantissa & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return sign | (kept + (rest > half || (rest === half && (kept & 1) === 1) ? 1 : 0));
}

let halfBits: Uint32Array | undefined;

/** float32 bit patterns of all 65 536 halves; a table is four times faster than arithmetic and costs 256 KiB. */
function halfTable(): Uint32Array {
  if (halfBits !== undefined) return halfBits;
  const table = new Uint32Array(65_536);
  const float = new Float32Array(1);
  const pattern = new Uint32Array(float.buffer);
  for (let half = 0; half < table.length; half++) {
    const exponent = (half >>> 10) & 0x1f;
    const mantissa = half & 0x3ff;
    const sign = (half & 0x8000) << 16;
    if (exponent === 0x1f) table[half] = sign | 0x7f800000 | (mantissa << 13);
    else if (exponent !== 0) table[half] = sign | ((exponent + 112) << 23) | (mantissa << 13);
    else {
      float[0] = mantissa * 2 ** -24;
      table[half] = sign | pattern[0]!;
    }
  }
  halfBits = table;
  return table;
}
