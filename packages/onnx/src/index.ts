/** @module ONNX graph builder: typed values, operators by family, shape inference, a checker, a protobuf writer. */
export { checkModel } from './check.ts';
export { addDims, broadcastShapes, divideDims, multiplyDims } from './dims.ts';
export { OnnxError, type OnnxErrorCode } from './errors.ts';
export { GraphBuilder, type GraphOptions, type NodeOptions } from './graph.ts';
export { type AttentionForm, type AttentionOptions, attention, rotaryEmbedding } from './ops/attention.ts';
export { type ConvOptions, conv2d } from './ops/conv.ts';
export { add, cast, div, mul, sigmoid, silu, softmax, sub, tanh, where } from './ops/elementwise.ts';
export { type LinearForm, linear, matmul } from './ops/matmul.ts';
export { groupNorm, layerNorm, rmsNorm } from './ops/norm.ts';
export { type QuantizedRows, type QuantizedWeight, quantizedLinear, quantizeRows } from './ops/quantized.ts';
export {
  concat,
  gather,
  padEnd,
  reshape,
  reshapeLike,
  shapeOf,
  slice,
  split,
  transpose,
  unsqueeze,
  upsampleNearest,
} from './ops/shape.ts';
export { printModel } from './print.ts';
export { readModel } from './read-model.ts';
export {
  type Attributes,
  type AttributeValue,
  byteLength,
  type Dim,
  type ElementType,
  type ExternalData,
  float,
  formatShape,
  type Initializer,
  isExternal,
  isFloatType,
  type Model,
  type Node,
  type Shape,
  type TensorType,
  type Value,
} from './types.ts';
export { writeModel } from './write-model.ts';
