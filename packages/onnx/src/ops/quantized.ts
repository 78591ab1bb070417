import type { GraphBuilder } from '../graph.ts';
import type { Value } from '../types.ts';
import { add, div, mul, sub } from './elementwise.ts';

/**
 * Weights of a linear layer as whole numbers:
 * `weight[in, out] ≈ (numbers[in, out] − zero) · scale[out]`, with zero 128 for u8 and 0 for i8.
 */
export interface QuantizedWeight {
  /** i8 or u8 `[in, out]` */
  readonly numbers: Value;
  /** f32 `[out]` */
  readonly scale: Value;
}

/** Rows of activations as u8 around 128, with a scale of their own for each row. */
export interface QuantizedRows {
  /** `x ≈ scale · Σ digit.weight · (digit.numbers − 128)`, the first digit coarse, the second 254 times finer. */
  readonly digits: readonly { readonly numbers: Value; readonly weight: number }[];
  /** f32 `[..., 1]` */
  readonly scale: Value;
}

/**
 * Quantises each row of x on its own, symmetrically: scale = max|row| / 127. A second digit quantises what rounding to
 * the first one lost, so that the rows are exact to 16 bits and only the weights' rounding is left.
 * @param x f32 `[..., channels]`
 */
export function quantizeRows(graph: GraphBuilder, x: Value, digits: 1 | 2): QuantizedRows {
  const last = graph.constant('i64', [-1]);
  const highest = graph.apply('ReduceMax', [x, last], { keepdims: 1 });
  const lowest = graph.apply('ReduceMin', [x, last], { keepdims: 1 });
  const magnitude = graph.apply('Max', [highest, graph.apply('Neg', [lowest]), graph.scalar(smallestMagnitude)]);
  const scale = mul(graph, magnitude, graph.scalar(1 / 127));
  const scaled = mul(graph, x, div(graph, graph.scalar(127), magnitude)); // −127 to 127
  const first = { numbers: toUnsigned(graph, scaled, 1), weight: 1 };
  if (digits === 1) return { digits: [first], scale };
  const coarse = graph.apply('DequantizeLinear', [first.numbers, graph.scalar(1), zeroPoint(graph, 'u8')]);
  const second = { numbers: toUnsigned(graph, sub(graph, scaled, coarse), 1 / 254), weight: 1 / 254 };
  return { digits: [first, second], scale };
}

/**
 * x · weight + bias with whole-number products (MatMulInteger, with both scalings inside its kernel where they are
 * constant).
 * @returns f32 `[..., out]`
 */
export function quantizedLinear(
  graph: GraphBuilder,
  rows: QuantizedRows,
  weight: QuantizedWeight,
  bias?: Value | undefined,
): Value {
  const { numbers, scale } = weight;
  const zeros = [zeroPoint(graph, 'u8'), zeroPoint(graph, numbers.type === 'i8' ? 'i8' : 'u8')];
  const products = rows.digits.map((digit) =>
    graph.apply(
      'MatMulIntegerToFloat',
      [digit.numbers, numbers, graph.scalar(digit.weight), scale, ...zeros],
      {},
      { domain: 'com.microsoft' },
    ),
  );
  const sum = products.reduce((left, right) => add(graph, left, right));
  const product = mul(graph, sum, rows.scale);
  return bias === undefined ? product : add(graph, product, bias);
}

/** A row of zeros must not be divided by zero. */
const smallestMagnitude = 1e-30;

function toUnsigned(graph: GraphBuilder, x: Value, step: number): Value {
  return graph.apply('QuantizeLinear', [x, graph.scalar(step), zeroPoint(graph, 'u8')]);
}

function zeroPoint(graph: GraphBuilder, type: 'u8' | 'i8'): Value {
  return graph.constant(type, [type === 'u8' ? 128 : 0], []);
}
