import { torchRandn } from '@imagemill/diffusion';

/** A tensor as plain numbers in float64, row-major: what operators are compared with. */
export interface PlainTensor {
  readonly shape: readonly number[];
  readonly values: Float64Array;
  /** The number at an index; an index beyond an axis of size 1 stays there, as in broadcasting. */
  at(...index: readonly number[]): number;
}

/** A tensor whose number at each index is computed. */
export function plain(shape: readonly number[], valueAt: (...index: number[]) => number): PlainTensor {
  const count = shape.reduce((product, size) => product * size, 1);
  const values = new Float64Array(count);
  const index = shape.map(() => 0);
  for (let at = 0; at < count; at += 1) {
    let rest = at;
    for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
      index[axis] = rest % shape[axis]!;
      rest = Math.floor(rest / shape[axis]!);
    }
    values[at] = valueAt(...index);
  }
  return fromValues(shape, values);
}

/** Normal numbers, rounded to float32. */
export function randomTensor(seed: number, shape: readonly number[]): PlainTensor {
  const count = shape.reduce((product, size) => product * size, 1);
  return fromValues(shape, Float64Array.from(torchRandn(seed, count)));
}

export function fromValues(shape: readonly number[], values: Float64Array): PlainTensor {
  return {
    shape,
    values,
    at(...index) {
      const own = index.slice(index.length - shape.length);
      return values[own.reduce((sum, i, axis) => sum * shape[axis]! + (shape[axis] === 1 ? 0 : i), 0)]!;
    },
  };
}

/** Shape of two tensors under broadcasting. */
export function broadcast(a: PlainTensor, b: PlainTensor, combine: (a: number, b: number) => number): PlainTensor {
  const rank = Math.max(a.shape.length, b.shape.length);
  const sizeOf = (tensor: PlainTensor, axis: number): number => tensor.shape[axis - rank + tensor.shape.length] ?? 1;
  const shape = Array.from({ length: rank }, (_, axis) => Math.max(sizeOf(a, axis), sizeOf(b, axis)));
  return plain(shape, (...index) => combine(a.at(...index), b.at(...index)));
}

export function map(a: PlainTensor, change: (value: number) => number): PlainTensor {
  return fromValues(a.shape, a.values.map(change));
}

export function sum(count: number, term: (at: number) => number): number {
  let total = 0;
  for (let at = 0; at < count; at += 1) total += term(at);
  return total;
}
