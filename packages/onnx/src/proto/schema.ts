import type { ElementType } from '../types.ts';

/**
 * Field and type numbers of ONNX messages.
 * https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
export const modelField = { irVersion: 1, producerName: 2, graph: 7, opsetImport: 8 } as const;
export const opsetField = { domain: 1, version: 2 } as const;
export const graphField = { node: 1, name: 2, initializer: 5, input: 11, output: 12 } as const;
export const nodeField = { input: 1, output: 2, name: 3, op: 4, attribute: 5, domain: 7 } as const;
export const attributeField = {
  name: 1,
  float: 2,
  int: 3,
  string: 4,
  tensor: 5,
  floats: 7,
  ints: 8,
  strings: 9,
  type: 20,
} as const;
export const attributeType = { float: 1, int: 2, string: 3, tensor: 4, floats: 6, ints: 7, strings: 8 } as const;
export const tensorField = { dims: 1, type: 2, name: 8, raw: 9, external: 13, location: 14 } as const;
export const entryField = { key: 1, value: 2 } as const;
export const valueField = { name: 1, type: 2 } as const;
export const typeField = { tensor: 1 } as const;
export const tensorTypeField = { elementType: 1, shape: 2 } as const;
export const shapeField = { dim: 1 } as const;
export const dimField = { value: 1, symbol: 2 } as const;

/** TensorProto.DataLocation.EXTERNAL */
export const externalLocation = 1;

/** TensorProto.DataType */
export const elementNumber: Readonly<Record<ElementType, number>> = {
  f32: 1,
  u8: 2,
  i8: 3,
  u16: 4,
  i16: 5,
  i32: 6,
  i64: 7,
  bool: 9,
  f16: 10,
  f64: 11,
  u32: 12,
  bf16: 16,
  u4: 21,
  i4: 22,
};
