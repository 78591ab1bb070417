import type { GraphBuilder } from '../graph.ts';
import { elementNumber } from '../proto/schema.ts';
import type { ElementType, Value } from '../types.ts';

/** Element-wise operators; two inputs broadcast as in NumPy. */
export function add(graph: GraphBuilder, a: Value, b: Value): Value {
  return graph.apply('Add', [a, b]);
}

export function sub(graph: GraphBuilder, a: Value, b: Value): Value {
  return graph.apply('Sub', [a, b]);
}

export function mul(graph: GraphBuilder, a: Value, b: Value): Value {
  return graph.apply('Mul', [a, b]);
}

export function div(graph: GraphBuilder, a: Value, b: Value): Value {
  return graph.apply('Div', [a, b]);
}

export function tanh(graph: GraphBuilder, x: Value): Value {
  return graph.apply('Tanh', [x]);
}

export function sigmoid(graph: GraphBuilder, x: Value): Value {
  return graph.apply('Sigmoid', [x]);
}

/** x · sigmoid(x); ONNX Runtime fuses the pair. */
export function silu(graph: GraphBuilder, x: Value): Value {
  return mul(graph, x, sigmoid(graph, x));
}

export function where(graph: GraphBuilder, condition: Value, yes: Value, no: Value): Value {
  return graph.apply('Where', [condition, yes, no]);
}

/** Converts the element type; a value that has it already is returned as it is. */
export function cast(graph: GraphBuilder, x: Value, to: ElementType): Value {
  return x.type === to ? x : graph.apply('Cast', [x], { to: elementNumber[to] });
}

/** Softmax over one axis. @default axis -1 */
export function softmax(graph: GraphBuilder, x: Value, axis: number = -1): Value {
  return graph.apply('Softmax', [x], { axis });
}
