import { addDims, broadcastShapes, divideDims, multiplyDims } from '../dims.ts';
import type { Dim, Shape, TensorType } from '../types.ts';
import {
  dimAt,
  inputAt,
  intAttribute,
  intsAttribute,
  invalid,
  type Rule,
  type RuleContext,
  resolveAxis,
  sameType,
} from './rule.ts';

const reshape: Rule = (context) => {
  const input = inputAt(context, 0);
  const target = context.constantOf(inputAt(context, 1));
  if (target === undefined) return undefined;
  const shape: (Dim | undefined)[] = target.map((size, at) => {
    if (size === -1) return undefined;
    if (size === 0) return input.shape[at] ?? invalid(context, `0 at ${at} copies a dimension that the input lacks`);
    return size;
  });
  const known = shape.filter((dim): dim is Dim => dim !== undefined);
  const rest = divideDims(input.shape, known);
  if (known.length === shape.length) {
    if (rest !== 1) return invalid(context, `cannot be reshaped to [${target.join(', ')}]`);
    return [{ type: input.type, shape: known }];
  }
  if (shape.length - known.length > 1) return invalid(context, 'only one -1 is allowed');
  if (rest === undefined) return invalid(context, `cannot be reshaped to [${target.join(', ')}]`);
  return [{ type: input.type, shape: shape.map((dim) => dim ?? rest) }];
};

const transpose: Rule = (context) => {
  const input = inputAt(context, 0);
  const order = intsAttribute(context, 'perm') ?? input.shape.map((_, at) => input.shape.length - 1 - at);
  if ([...order].sort((a, b) => a - b).some((axis, at) => axis !== at) || order.length !== input.shape.length) {
    return invalid(context, `perm [${order.join(', ')}] does not name every axis once`);
  }
  return [{ type: input.type, shape: order.map((axis) => dimAt(context, input, axis)) }];
};

const concat: Rule = (context) => {
  const inputs = context.inputs.map((_, at) => inputAt(context, at));
  const type = sameType(context, inputs);
  const first = inputAt(context, 0);
  const axis = resolveAxis(context, intAttribute(context, 'axis'), first.shape.length);
  for (const input of inputs) {
    const fits =
      input.shape.length === first.shape.length &&
      input.shape.every((dim, at) => at === axis || dim === first.shape[at]);
    if (!fits) return invalid(context, `inputs differ outside axis ${axis}`);
  }
  return [
    { type, shape: replaceDim(first.shape, axis, addDims(...inputs.map((input) => dimAt(context, input, axis)))) },
  ];
};

const split: Rule = (context) => {
  const input = inputAt(context, 0);
  const axis = resolveAxis(context, intAttribute(context, 'axis', 0), input.shape.length);
  const dim = dimAt(context, input, axis);
  const sizesInput = context.inputs[1];
  const sizes = sizesInput === undefined ? undefined : context.constantOf(sizesInput);
  if (sizes !== undefined) {
    const sum = sizes.reduce((total, size) => total + size, 0);
    if (typeof dim === 'number' && sum !== dim)
      return invalid(context, `parts add up to ${sum}, axis ${axis} has ${dim}`);
    return sizes.map((size) => ({ type: input.type, shape: replaceDim(input.shape, axis, size) }));
  }
  const parts = intAttribute(context, 'num_outputs');
  const part = divideDims([dim], [parts]);
  if (part === undefined) return invalid(context, `axis ${axis} does not split into ${parts} equal parts`);
  return Array.from({ length: parts }, () => ({ type: input.type, shape: replaceDim(input.shape, axis, part) }));
};

/** Only slices with constant bounds on axes of known size are inferred. */
const slice: Rule = (context) => {
  const input = inputAt(context, 0);
  const [starts, ends, axes, steps] = [1, 2, 3, 4].map((at) => {
    const bound = context.inputs[at];
    return bound === undefined ? undefined : context.constantOf(bound);
  });
  if (starts === undefined || ends === undefined) return undefined;
  let shape: Shape | undefined = input.shape;
  starts.forEach((start, at) => {
    const axis = resolveAxis(context, axes?.[at] ?? at, input.shape.length);
    const size =
      shape === undefined
        ? undefined
        : sliceLength(dimAt(context, input, axis), start, ends[at] ?? 0, steps?.[at] ?? 1);
    shape = size === undefined || shape === undefined ? undefined : replaceDim(shape, axis, size);
  });
  return shape === undefined ? undefined : [{ type: input.type, shape }];
};

function sliceLength(dim: Dim, start: number, end: number, step: number): number | undefined {
  if (typeof dim === 'string') {
    return start >= 0 && end >= start && end < 2 ** 31 && step === 1 ? end - start : undefined;
  }
  const from = Math.min(start < 0 ? start + dim : start, dim);
  const to = Math.min(end < 0 ? end + dim : end, dim);
  return step > 0 ? Math.max(0, Math.ceil((to - from) / step)) : undefined;
}

const gather: Rule = (context) => {
  const [data, indices] = [inputAt(context, 0), inputAt(context, 1)];
  const axis = resolveAxis(context, intAttribute(context, 'axis', 0), data.shape.length);
  if (indices.type !== 'i64' && indices.type !== 'i32') return invalid(context, 'indices must be i64 or i32');
  return [{ type: data.type, shape: [...data.shape.slice(0, axis), ...indices.shape, ...data.shape.slice(axis + 1)] }];
};

const expand: Rule = (context) => {
  const input = inputAt(context, 0);
  const target = context.constantOf(inputAt(context, 1));
  return target === undefined
    ? undefined
    : [{ type: input.type, shape: broadcastShapes('Expand', [input.shape, target]) }];
};

const unsqueeze: Rule = (context) => {
  const input = inputAt(context, 0);
  const axes = context.constantOf(inputAt(context, 1)) ?? invalid(context, 'axes must be a constant');
  const rank = input.shape.length + axes.length;
  const added = new Set(axes.map((axis) => resolveAxis(context, axis, rank)));
  const rest = [...input.shape];
  return [
    { type: input.type, shape: Array.from({ length: rank }, (_, at) => (added.has(at) ? 1 : (rest.shift() ?? 1))) },
  ];
};

const squeeze: Rule = (context) => {
  const input = inputAt(context, 0);
  const axes = context.constantOf(inputAt(context, 1)) ?? invalid(context, 'axes must be a constant');
  const removed = new Set(axes.map((axis) => resolveAxis(context, axis, input.shape.length)));
  for (const axis of removed) if (input.shape[axis] !== 1) return invalid(context, `axis ${axis} is not 1`);
  return [{ type: input.type, shape: input.shape.filter((_, at) => !removed.has(at)) }];
};

const pad: Rule = (context) => {
  const input = inputAt(context, 0);
  const pads = context.constantOf(inputAt(context, 1)) ?? invalid(context, 'pads must be a constant');
  const rank = input.shape.length;
  if (pads.length !== 2 * rank) return invalid(context, `pads must have ${2 * rank} numbers`);
  return [
    { type: input.type, shape: input.shape.map((dim, at) => addDims(dim, (pads[at] ?? 0) + (pads[at + rank] ?? 0))) },
  ];
};

/** Resize by constant scales; the scales are FLOAT, so the caller states them again in the attribute-free output. */
const resize: Rule = () => undefined;

const tensorShape: Rule = (context) => [{ type: 'i64', shape: [inputAt(context, 0).shape.length] }];

const depthToSpace: Rule = (context) => {
  const input = inputAt(context, 0);
  const block = intAttribute(context, 'blocksize');
  const [batch, channels, height, width] = input.shape;
  const depth = channels === undefined ? undefined : divideDims([channels], [block * block]);
  if (batch === undefined || depth === undefined || height === undefined || width === undefined) {
    return invalid(
      context,
      `[batch, channels, height, width] with channels a multiple of ${block * block} is expected`,
    );
  }
  return [{ type: input.type, shape: [batch, depth, multiplyDims(height, block), multiplyDims(width, block)] }];
};

const reduce: Rule = (context: RuleContext): readonly TensorType[] => {
  const input = inputAt(context, 0);
  const axesInput = context.inputs[1];
  const axes = axesInput === undefined ? input.shape.map((_, at) => at) : context.constantOf(axesInput);
  if (axes === undefined) return invalid(context, 'axes must be a constant');
  const reduced = new Set(axes.map((axis) => resolveAxis(context, axis, input.shape.length)));
  const keep = intAttribute(context, 'keepdims', 1) === 1;
  const shape = input.shape.flatMap((dim, at) => (reduced.has(at) ? (keep ? [1] : []) : [dim]));
  return [{ type: input.type, shape }];
};

function replaceDim(shape: Shape, axis: number, dim: Dim): Shape {
  return shape.map((old, at) => (at === axis ? dim : old));
}

export const shapeRules: Readonly<Record<string, Rule>> = {
  Reshape: reshape,
  Transpose: transpose,
  Concat: concat,
  Split: split,
  Slice: slice,
  Gather: gather,
  Expand: expand,
  Unsqueeze: unsqueeze,
  Squeeze: squeeze,
  Pad: pad,
  Resize: resize,
  Shape: tensorShape,
  DepthToSpace: depthToSpace,
  ReduceMean: reduce,
  ReduceSum: reduce,
  ReduceMax: reduce,
  ReduceMin: reduce,
};
