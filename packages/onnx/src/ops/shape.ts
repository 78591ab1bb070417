import { multiplyDims } from '../dims.ts';
import type { GraphBuilder } from '../graph.ts';
import type { Dim, Shape, Value } from '../types.ts';

/**
 * Reshape. In `sizes` 0 copies the dimension at the same place, −1 takes what is left; a value of type i64 gives a
 * shape that is only known at run time, and `as` then states what it is.
 */
export function reshape(graph: GraphBuilder, x: Value, sizes: readonly number[] | Value, as?: Shape): Value {
  const isValue = 'name' in sizes;
  const target = isValue ? sizes : graph.constant('i64', sizes);
  return graph.apply('Reshape', [x, target], {}, as === undefined ? {} : { outputs: [{ type: x.type, shape: as }] });
}

/** Reshapes x to the run-time shape of another value. */
export function reshapeLike(graph: GraphBuilder, x: Value, like: Value): Value {
  return reshape(graph, x, shapeOf(graph, like), like.shape);
}

export function shapeOf(graph: GraphBuilder, x: Value): Value {
  return graph.apply('Shape', [x]);
}

export function transpose(graph: GraphBuilder, x: Value, order: readonly number[]): Value {
  return graph.apply('Transpose', [x], { perm: order });
}

export function concat(graph: GraphBuilder, values: readonly Value[], axis: number): Value {
  return graph.apply('Concat', values, { axis });
}

/** Splits one axis into equal parts. */
export function split(graph: GraphBuilder, x: Value, parts: number, axis: number): readonly Value[] {
  return graph.node('Split', [x], { axis, num_outputs: parts });
}

/** Rows `from` (included) to `to` (excluded) of one axis; a `to` given as value is a bound of run time. */
export function slice(
  graph: GraphBuilder,
  x: Value,
  axis: number,
  from: number,
  to: number | Value,
  length?: Dim,
): Value {
  const end = typeof to === 'number' ? graph.constant('i64', [to]) : to;
  const inputs = [x, graph.constant('i64', [from]), end, graph.constant('i64', [axis])];
  if (length === undefined) return graph.apply('Slice', inputs);
  const at = axis < 0 ? axis + x.shape.length : axis;
  const shape = x.shape.map((dim, index) => (index === at ? length : dim));
  return graph.apply('Slice', inputs, {}, { outputs: [{ type: x.type, shape }] });
}

/** Rows of `table` along axis 0. @param indices i64 of any shape */
export function gather(graph: GraphBuilder, table: Value, indices: Value): Value {
  return graph.apply('Gather', [table, indices], { axis: 0 });
}

export function unsqueeze(graph: GraphBuilder, x: Value, axis: number): Value {
  return graph.apply('Unsqueeze', [x, graph.constant('i64', [axis])]);
}

/** Pads the end of axes with a value. @param after how many to add behind each axis */
export function padEnd(graph: GraphBuilder, x: Value, after: readonly number[], value = 0): Value {
  return graph.apply('Pad', [x, graph.constant('i64', [...after.map(() => 0), ...after]), graph.scalar(value)], {
    mode: 'constant',
  });
}

/** Nearest-neighbour enlargement of `[batch, channels, height, width]` by whole factors. */
export function upsampleNearest(graph: GraphBuilder, x: Value, factor: number): Value {
  const [batch, channels, height, width] = x.shape;
  const shape = [batch ?? 1, channels ?? 1, multiplyDims(height ?? 1, factor), multiplyDims(width ?? 1, factor)];
  const attributes = { mode: 'nearest', nearest_mode: 'floor', coordinate_transformation_mode: 'asymmetric' };
  const scales = graph.constant('f32', [1, 1, factor, factor]);
  return graph.apply('Resize', [x, undefined, scales], attributes, { outputs: [{ type: x.type, shape }] });
}
