import type { GraphBuilder } from '../graph.ts';
import type { Value } from '../types.ts';

export interface ConvOptions {
  readonly bias?: Value | undefined;
  /** @default 1 */
  readonly stride?: number;
  /** Zeros on all four sides. @default 0 */
  readonly padding?: number;
  /** Zeros at top, left, bottom, right; wins over `padding`. */
  readonly pads?: readonly [number, number, number, number];
}

/**
 * 2-D convolution.
 * @param x `[batch, in, height, width]`
 * @param weight `[out, in, kernel, kernel]`
 */
export function conv2d(graph: GraphBuilder, x: Value, weight: Value, options: ConvOptions = {}): Value {
  const stride = options.stride ?? 1;
  const padding = options.padding ?? 0;
  const inputs = options.bias === undefined ? [x, weight] : [x, weight, options.bias];
  return graph.apply('Conv', inputs, {
    pads: options.pads ?? [padding, padding, padding, padding],
    strides: [stride, stride],
  });
}
