import { broadcastShapes, opaqueDim } from '../dims.ts';
import type { Dim, Shape, TensorType, Value } from '../types.ts';
import { dimAt, inputAt, intAttribute, intsAttribute, invalid, type Rule, type RuleContext, sameType } from './rule.ts';

function matmulShape(context: RuleContext, a: Value, b: Value, transposed: { a: boolean; b: boolean }): Shape {
  if (a.shape.length < 2 || b.shape.length < 2) return invalid(context, 'matrices of rank 2 or more are expected');
  const [rows, inner] = transposed.a ? [-1, -2] : [-2, -1];
  const [innerB, columns] = transposed.b ? [-1, -2] : [-2, -1];
  const [k, kb] = [dimAt(context, a, inner), dimAt(context, b, innerB)];
  if (k !== kb) return invalid(context, `inner dimensions ${k} and ${kb} differ`);
  const batch = broadcastShapes(context.op, [a.shape.slice(0, -2), b.shape.slice(0, -2)]);
  return [...batch, dimAt(context, a, rows), dimAt(context, b, columns)];
}

const matmul: Rule = (context) => {
  const [a, b] = [inputAt(context, 0), inputAt(context, 1)];
  return [{ type: sameType(context, [a, b]), shape: matmulShape(context, a, b, { a: false, b: false }) }];
};

const fusedMatmul: Rule = (context) => {
  const [a, b] = [inputAt(context, 0), inputAt(context, 1)];
  const transposed = { a: intAttribute(context, 'transA', 0) === 1, b: intAttribute(context, 'transB', 0) === 1 };
  return [{ type: sameType(context, [a, b]), shape: matmulShape(context, a, b, transposed) }];
};

const gemm: Rule = (context) => {
  const [a, b] = [inputAt(context, 0), inputAt(context, 1)];
  if (a.shape.length !== 2 || b.shape.length !== 2) return invalid(context, 'two matrices are expected');
  const transposed = { a: intAttribute(context, 'transA', 0) === 1, b: intAttribute(context, 'transB', 0) === 1 };
  return [{ type: sameType(context, [a, b]), shape: matmulShape(context, a, b, transposed) }];
};

const matmulInteger: Rule = (context) => {
  const [a, b] = [inputAt(context, 0), inputAt(context, 1)];
  if (![a.type, b.type].every((type) => type === 'u8' || type === 'i8'))
    return invalid(context, 'u8 or i8 matrices are expected');
  return [{ type: 'i32', shape: matmulShape(context, a, b, { a: false, b: false }) }];
};

/** com.microsoft.MatMulIntegerToFloat: numbers, numbers, scale, scale, zero, zero, bias. */
const matmulIntegerToFloat: Rule = (context) => {
  const [product] = matmulInteger(context) ?? [];
  return product === undefined ? undefined : [{ type: 'f32', shape: product.shape }];
};

const quantizeLinear: Rule = (context) => {
  const { shape } = inputAt(context, 0);
  return [{ type: context.inputs[2]?.type ?? 'u8', shape }];
};

const dequantizeLinear: Rule = (context) => [{ type: inputAt(context, 1).type, shape: inputAt(context, 0).shape }];

/** com.microsoft.MatMulNBits: weight of `N` rows, `K` columns, packed in blocks. */
const matmulBits: Rule = (context) => {
  const a = inputAt(context, 0);
  const [k, n] = [intAttribute(context, 'K'), intAttribute(context, 'N')];
  if (dimAt(context, a, -1) !== k) return invalid(context, `the last dimension must be K = ${k}`);
  return [{ type: a.type, shape: [...a.shape.slice(0, -1), n] }];
};

const dynamicQuantizeLinear: Rule = (context) => {
  const input = inputAt(context, 0);
  return [
    { type: 'u8', shape: input.shape },
    { type: 'f32', shape: [] },
    { type: 'u8', shape: [] },
  ];
};

const conv: Rule = (context) => {
  const [x, w] = [inputAt(context, 0), inputAt(context, 1)];
  if (x.shape.length !== 4 || w.shape.length !== 4) return invalid(context, 'a 2-D convolution is expected');
  if (dimAt(context, x, 1) !== dimAt(context, w, 1)) return invalid(context, 'channels of input and weight differ');
  const pads = intsAttribute(context, 'pads') ?? [0, 0, 0, 0];
  const strides = intsAttribute(context, 'strides') ?? [1, 1];
  const spatial = [0, 1].map((axis) => {
    const kernel = dimAt(context, w, axis + 2);
    if (typeof kernel !== 'number') return invalid(context, 'the kernel must have a fixed size');
    return convolvedDim(
      dimAt(context, x, axis + 2),
      kernel,
      (pads[axis] ?? 0) + (pads[axis + 2] ?? 0),
      strides[axis] ?? 1,
    );
  });
  return [{ type: sameType(context, [x, w]), shape: [dimAt(context, x, 0), dimAt(context, w, 0), ...spatial] }];
};

function convolvedDim(dim: Dim, kernel: number, padding: number, stride: number): Dim {
  if (typeof dim === 'number') return Math.floor((dim + padding - kernel) / stride) + 1;
  if (stride === 1 && padding === kernel - 1) return dim;
  return opaqueDim(`${dim} by ${kernel}/${stride} pad ${padding}`);
}

/** Normalisations keep the type and shape of their first input; scale and bias must fit its last axis or channels. */
const normalization: Rule = (context): readonly TensorType[] => {
  const { type, shape } = inputAt(context, 0);
  return [{ type, shape }];
};

const rotaryEmbedding: Rule = (context) => {
  const { type, shape } = inputAt(context, 0);
  if (shape.length === 3 && intAttribute(context, 'num_heads', 0) === 0)
    return invalid(context, 'num_heads is needed for rank 3');
  return [{ type, shape }];
};

const multiHeadAttention: Rule = (context) => {
  const [query, key, value] = [inputAt(context, 0), inputAt(context, 1), inputAt(context, 2)];
  if (![query, key, value].every((input) => input.shape.length === 3))
    return invalid(context, '[batch, tokens, channels] is expected');
  if (dimAt(context, query, 2) !== dimAt(context, key, 2)) return invalid(context, 'query and key differ in channels');
  return [{ type: query.type, shape: [dimAt(context, query, 0), dimAt(context, query, 1), dimAt(context, value, 2)] }];
};

const groupQueryAttention: Rule = (context) => {
  const query = inputAt(context, 0);
  return [{ type: query.type, shape: query.shape }];
};

export const computeRules: Readonly<Record<string, Rule>> = {
  MatMul: matmul,
  FusedMatMul: fusedMatmul,
  Gemm: gemm,
  MatMulInteger: matmulInteger,
  MatMulIntegerToFloat: matmulIntegerToFloat,
  MatMulNBits: matmulBits,
  QuantizeLinear: quantizeLinear,
  DequantizeLinear: dequantizeLinear,
  DynamicQuantizeLinear: dynamicQuantizeLinear,
  Conv: conv,
  LayerNormalization: normalization,
  SimplifiedLayerNormalization: normalization,
  RMSNormalization: normalization,
  InstanceNormalization: normalization,
  GroupNormalization: normalization,
  RotaryEmbedding: rotaryEmbedding,
  MultiHeadAttention: multiHeadAttention,
  GroupQueryAttention: groupQueryAttention,
};
