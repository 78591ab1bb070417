/** Element types of ONNX tensors that the builder knows, in short names. */
export type ElementType =
  | 'f32'
  | 'f16'
  | 'bf16'
  | 'f64'
  | 'i64'
  | 'i32'
  | 'i16'
  | 'i8'
  | 'u8'
  | 'u16'
  | 'u32'
  | 'bool'
  | 'u4'
  | 'i4';

/**
 * One dimension: a fixed size, or a symbolic expression such as `tokens` or `2*height`.
 * Two dimensions with the same expression are taken to be equal at run time.
 */
export type Dim = number | string;

export type Shape = readonly Dim[];

export interface TensorType {
  readonly type: ElementType;
  readonly shape: Shape;
}

/** A typed edge of the graph: an input, an initializer, or the output of a node. */
export interface Value extends TensorType {
  readonly name: string;
}

/** Where the bytes of an initializer lie when they are not inside the model: ONNX "external data". */
export interface ExternalData {
  /** Path relative to the folder that the runtime is told, with forward slashes. */
  readonly location: string;
  /** First byte, from the start of the file. */
  readonly offset: number;
  /** Number of bytes. */
  readonly length: number;
}

export interface Initializer extends Value {
  /** Little-endian bytes, or a place in a file. */
  readonly data: Uint8Array | ExternalData;
}

export type AttributeValue = number | string | readonly number[] | readonly string[] | FloatAttribute | TensorAttribute;

/** A number that must be written as FLOAT even if it is whole, for example `eps: float(1)`. */
export interface FloatAttribute {
  readonly kind: 'float';
  readonly value: number;
}

export interface TensorAttribute {
  readonly kind: 'tensor';
  readonly tensor: TensorType & { readonly shape: readonly number[]; readonly data: Uint8Array };
}

export type Attributes = Readonly<Record<string, AttributeValue>>;

export interface Node {
  readonly name: string;
  readonly op: string;
  /** Empty string is the standard domain `ai.onnx`. */
  readonly domain: string;
  /** An absent optional input is an empty string. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
}

/** A finished graph: immutable, checked by {@link checkModel}, written by {@link writeModel}. */
export interface Model {
  readonly name: string;
  readonly irVersion: number;
  readonly opsets: ReadonlyMap<string, number>;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly initializers: readonly Initializer[];
  readonly nodes: readonly Node[];
}

/** Bits of one element; packed types count in bits because two `u4` share a byte. */
const bitsOf: Readonly<Record<ElementType, number>> = {
  f32: 32,
  f16: 16,
  bf16: 16,
  f64: 64,
  i64: 64,
  i32: 32,
  i16: 16,
  i8: 8,
  u8: 8,
  u16: 16,
  u32: 32,
  bool: 8,
  u4: 4,
  i4: 4,
};

/** Bytes that a tensor of this type and fixed shape takes. */
export function byteLength(type: ElementType, shape: readonly number[]): number {
  const elements = shape.reduce((product, size) => product * size, 1);
  return Math.ceil((elements * bitsOf[type]) / 8);
}

/** Marks a number as a FLOAT attribute. */
export function float(value: number): FloatAttribute {
  return { kind: 'float', value };
}

export function isFloatType(type: ElementType): boolean {
  return type === 'f32' || type === 'f16' || type === 'bf16' || type === 'f64';
}

export function formatShape(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}

export function isExternal(data: Uint8Array | ExternalData): data is ExternalData {
  return !(data instanceof Uint8Array);
}
