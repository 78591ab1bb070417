import type { GraphBuilder } from '../graph.ts';
import type { Value } from '../types.ts';
import { transpose } from './shape.ts';

/** Matrix product over the last two axes; the axes in front broadcast. */
export function matmul(graph: GraphBuilder, a: Value, b: Value): Value {
  return graph.apply('MatMul', [a, b]);
}

/** How a product with a weight of `[out, in]`, the layout of PyTorch, is expressed. */
export type LinearForm =
  /** `com.microsoft.FusedMatMul` with transB: takes the weight as it lies; CPU and CUDA. */
  | 'fused'
  /** `MatMul` with a transposed weight; every provider. The runtime folds the transposition once, into a copy. */
  | 'transposed';

/**
 * x · weightᵀ + bias.
 * @param x `[..., in]`
 * @param weight `[out, in]`
 * @param bias `[out]`
 * @returns `[..., out]`
 */
export function linear(
  graph: GraphBuilder,
  x: Value,
  weight: Value,
  options: { readonly bias?: Value | undefined; readonly form?: LinearForm } = {},
): Value {
  const product =
    (options.form ?? 'fused') === 'fused'
      ? graph.apply('FusedMatMul', [x, weight], { transA: 0, transB: 1 }, { domain: 'com.microsoft' })
      : matmul(graph, x, transpose(graph, weight, [1, 0]));
  return options.bias === undefined ? product : graph.apply('Add', [product, options.bias]);
}
