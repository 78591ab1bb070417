import type { GraphBuilder } from '../graph.ts';
import { float, type Value } from '../types.ts';
import { add, cast, mul, softmax, where } from './elementwise.ts';
import { matmul } from './matmul.ts';
import { reshape, transpose, unsqueeze } from './shape.ts';

/** How attention is expressed. */
export type AttentionForm =
  /** `com.microsoft.MultiHeadAttention`: fused, no score matrix on the CPU. */
  | 'fused'
  /** MatMul, Softmax, MatMul: every provider computes it right; holds the scores. */
  | 'primitive';

export interface AttentionOptions {
  readonly heads: number;
  readonly form?: AttentionForm;
  /** i32 `[batch, keys]`: 1 where a key may be attended to, 0 where it is padding. */
  readonly keyMask?: Value | undefined;
  /** f32 `[batch or 1, 1, tokens, keys]`, added to the scores before the softmax. */
  readonly bias?: Value | undefined;
  /** @default 1/√(channels/heads) */
  readonly scale?: number;
}

/**
 * Multi-head attention: softmax(q·kᵀ·scale + bias)·v for each head.
 * @param q,k,v `[batch, tokens, heads·size]`
 * @returns `[batch, tokens, heads·size]`
 */
export function attention(graph: GraphBuilder, q: Value, k: Value, v: Value, options: AttentionOptions): Value {
  const scale = options.scale ?? 1 / Math.sqrt(Number(q.shape[2]) / options.heads);
  const { heads, keyMask, bias } = options;
  if (options.form === 'primitive') return primitiveAttention(graph, q, k, v, { heads, keyMask, bias, scale });
  const optional = bias !== undefined ? [undefined, keyMask, bias] : keyMask !== undefined ? [undefined, keyMask] : [];
  const attributes = { num_heads: heads, scale: float(scale) };
  return graph.apply('MultiHeadAttention', [q, k, v, ...optional], attributes, { domain: 'com.microsoft' });
}

function primitiveAttention(
  graph: GraphBuilder,
  q: Value,
  k: Value,
  v: Value,
  options: { heads: number; keyMask: Value | undefined; bias: Value | undefined; scale: number },
): Value {
  const split = (x: Value, order: readonly number[]): Value =>
    transpose(graph, reshape(graph, x, [0, 0, options.heads, -1]), order);
  const query = mul(graph, split(q, [0, 2, 1, 3]), graph.scalar(options.scale)); // [batch, heads, tokens, size]
  let scores = matmul(graph, query, split(k, [0, 2, 3, 1])); // [batch, heads, tokens, keys]
  if (options.bias !== undefined) scores = add(graph, scores, options.bias);
  if (options.keyMask !== undefined) scores = add(graph, scores, maskBias(graph, options.keyMask));
  const mixed = matmul(graph, softmax(graph, scores), split(v, [0, 2, 1, 3])); // [batch, heads, tokens, size]
  return reshape(graph, transpose(graph, mixed, [0, 2, 1, 3]), [0, 0, -1]);
}

/** 0 where a key counts, the most negative usable number where not. @returns f32 `[batch, 1, 1, keys]` */
function maskBias(graph: GraphBuilder, keyMask: Value): Value {
  const keep = unsqueeze(graph, unsqueeze(graph, cast(graph, keyMask, 'bool'), 1), 1);
  return where(graph, keep, graph.scalar(0), graph.scalar(-1e30));
}

/**
 * Rotary position embedding by tables (RotaryEmbedding-23).
 * @param x `[batch, tokens, heads·size]`
 * @param cos,sin `[batch, tokens, size/2]`
 * @param interleaved true rotates the pairs (2m, 2m+1), false the pairs (m, m+size/2)
 */
export function rotaryEmbedding(
  graph: GraphBuilder,
  x: Value,
  cos: Value,
  sin: Value,
  options: { readonly heads: number; readonly interleaved: boolean },
): Value {
  return graph.apply('RotaryEmbedding', [x, cos, sin], {
    num_heads: options.heads,
    interleaved: options.interleaved ? 1 : 0,
  });
}
