import { checkModel } from './check.ts';
import { OnnxError } from './errors.ts';
import { inferNode } from './infer/infer-shape.ts';
import {
  type Attributes,
  byteLength,
  type ElementType,
  type ExternalData,
  formatShape,
  type Initializer,
  type Model,
  type Node,
  type Shape,
  type TensorType,
  type Value,
} from './types.ts';

export interface GraphOptions {
  readonly name: string;
  /** Version of the standard operator set. @default 23 */
  readonly opset?: number;
}

export interface NodeOptions {
  /** Operator domain. @default '' (ai.onnx) */
  readonly domain?: string;
  /** Types of the outputs, where inference cannot know them; otherwise they are inferred and these are checked. */
  readonly outputs?: readonly TensorType[];
  /** Part of the node's name, for people who read the graph. */
  readonly label?: string;
}

/**
 * Builds one ONNX graph. Every value is typed as soon as it exists: a wrong shape is an error at the call that made it.
 * Nodes are appended in topological order by construction.
 */
export class GraphBuilder {
  readonly #name: string;
  readonly #opsets: Map<string, number>;
  readonly #inputs: Value[] = [];
  readonly #outputs: Value[] = [];
  readonly #initializers: Map<string, Initializer> = new Map();
  readonly #nodes: Node[] = [];
  readonly #names: Set<string> = new Set();
  readonly #scalars: Map<string, Value> = new Map();
  #scope: string = '';

  constructor(options: GraphOptions) {
    this.#name = options.name;
    this.#opsets = new Map([['', options.opset ?? 23]]);
  }

  /** Runs `build` with `label/` in front of the names that it creates. */
  scope<T>(label: string, build: () => T): T {
    const outer = this.#scope;
    this.#scope = `${outer}${label}/`;
    try {
      return build();
    } finally {
      this.#scope = outer;
    }
  }

  /** Adds a graph input. @throws OnnxError `graph_invalid` when the name is taken. */
  input(name: string, type: ElementType, shape: Shape): Value {
    const value = { name: this.#claim(name), type, shape };
    this.#inputs.push(value);
    return value;
  }

  /** Declares a value as an output of the graph under a name of its own. */
  output(name: string, value: Value): Value {
    const output = { name: this.#claim(name), type: value.type, shape: value.shape };
    this.#nodes.push({
      name: `${name}/output`,
      op: 'Identity',
      domain: '',
      inputs: [value.name],
      outputs: [name],
      attributes: {},
    });
    this.#outputs.push(output);
    return output;
  }

  /** Adds an initializer whose bytes (little-endian) lie inside the model. */
  initializer(name: string, type: ElementType, shape: readonly number[], data: Uint8Array): Value {
    this.#checkLength(name, type, shape, data.byteLength);
    return this.#addInitializer({ name: this.#unique(name), type, shape, data });
  }

  /**
   * Adds an initializer whose bytes lie in a file. The same name may be asked for again and gives the same value.
   * @throws OnnxError `graph_invalid` when length and shape do not agree.
   */
  external(name: string, type: ElementType, shape: readonly number[], data: ExternalData): Value {
    const existing = this.#initializers.get(name);
    if (existing !== undefined) return existing;
    this.#checkLength(name, type, shape, data.length);
    return this.#addInitializer({ name: this.#claim(name), type, shape, data });
  }

  /** A small constant; equal constants share one initializer. */
  constant(
    type: 'f32' | 'i64' | 'i32' | 'u8' | 'i8' | 'f16',
    values: readonly number[],
    shape: readonly number[] = [values.length],
  ): Value {
    const key = `${type}:${shape.join('x')}:${values.join(',')}`;
    const existing = this.#scalars.get(key);
    if (existing !== undefined) return existing;
    const value = this.#addInitializer({
      name: this.#unique('constant', ''),
      type,
      shape,
      data: encodeConstant(type, values),
    });
    this.#scalars.set(key, value);
    return value;
  }

  scalar(value: number, type: 'f32' | 'i64' | 'i32' | 'f16' = 'f32'): Value {
    return this.constant(type, [value], []);
  }

  /** The whole numbers of a small `i64` constant, if `value` is one; shape rules read it. */
  readonly constantOf = (value: Value): readonly number[] | undefined => {
    const initializer = this.#initializers.get(value.name);
    if (initializer === undefined || initializer.type !== 'i64' || !(initializer.data instanceof Uint8Array))
      return undefined;
    const view = new DataView(initializer.data.buffer, initializer.data.byteOffset, initializer.data.byteLength);
    return Array.from({ length: initializer.data.byteLength / 8 }, (_, at) => Number(view.getBigInt64(at * 8, true)));
  };

  /**
   * Appends a node and returns its outputs.
   * @throws OnnxError `operator_invalid` when the inputs do not fit, `operator_unknown` without a rule and `outputs`.
   */
  node(
    op: string,
    inputs: readonly (Value | undefined)[],
    attributes: Attributes = {},
    options: NodeOptions = {},
  ): readonly Value[] {
    const domain = options.domain ?? '';
    if (domain !== '') this.#opsets.set(domain, 1);
    const types = inferNode({ op, domain, inputs, attributes, declared: options.outputs, constantOf: this.constantOf });
    const name = this.#unique(options.label ?? op);
    const outputs = types.map((type, at) => ({ ...type, name: this.#claim(at === 0 ? `${name}:0` : `${name}:${at}`) }));
    this.#nodes.push({
      name,
      op,
      domain,
      inputs: inputs.map((input) => input?.name ?? ''),
      outputs: outputs.map((output) => output.name),
      attributes,
    });
    return outputs;
  }

  /** {@link node} for the usual case of one output. */
  apply(
    op: string,
    inputs: readonly (Value | undefined)[],
    attributes: Attributes = {},
    options: NodeOptions = {},
  ): Value {
    const [first] = this.node(op, inputs, attributes, options);
    if (first === undefined) throw new OnnxError('operator_invalid', `${op} has no output`);
    return first;
  }

  /** The finished graph, checked. @throws OnnxError `graph_invalid`. */
  build(): Model {
    const model: Model = {
      name: this.#name,
      irVersion: 10,
      opsets: new Map(this.#opsets),
      inputs: [...this.#inputs],
      outputs: [...this.#outputs],
      initializers: [...this.#initializers.values()],
      nodes: [...this.#nodes],
    };
    checkModel(model);
    return model;
  }

  #addInitializer(initializer: Initializer): Value {
    this.#initializers.set(initializer.name, initializer);
    return initializer;
  }

  #checkLength(name: string, type: ElementType, shape: readonly number[], length: number): void {
    const expected = byteLength(type, shape);
    if (length === expected) return;
    throw new OnnxError(
      'graph_invalid',
      `${name}: ${type} ${formatShape(shape)} takes ${expected} bytes, but ${length} are given`,
    );
  }

  #claim(name: string): string {
    if (this.#names.has(name)) throw new OnnxError('graph_invalid', `The name ${name} is taken`);
    this.#names.add(name);
    return name;
  }

  #unique(label: string, scope: string = this.#scope): string {
    let name = `${scope}${label}`;
    for (let at = 1; this.#names.has(name); at += 1) name = `${scope}${label}.${at}`;
    return this.#claim(name);
  }
}

function encodeConstant(type: 'f32' | 'i64' | 'i32' | 'u8' | 'i8' | 'f16', values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(byteLength(type, [values.length]));
  const view = new DataView(bytes.buffer);
  values.forEach((value, at) => {
    if (type === 'f32') view.setFloat32(at * 4, value, true);
    else if (type === 'i64') view.setBigInt64(at * 8, BigInt(value), true);
    else if (type === 'i32') view.setInt32(at * 4, value, true);
    else if (type === 'u8') view.setUint8(at, value);
    else if (type === 'i8') view.setInt8(at, value);
    else view.setUint16(at * 2, encodeHalf(value), true);
  });
  return bytes;
}

/** IEEE 754 binary16 bits of a number, rounded to nearest even. */
function encodeHalf(value: number): number {
  const single = new Float32Array([value]);
  const bits = new Uint32Array(single.buffer)[0] ?? 0;
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 0xff) - 112;
  const mantissa = bits & 0x7fffff;
  if (exponent >= 31) return sign | (Number.isNaN(value) ? 0x7e00 : 0x7c00);
  if (exponent <= 0) {
    const smallest = 2 ** -24;
    return sign | roundHalfEven(Math.abs(value) / smallest);
  }
  return sign | roundHalfEven(exponent * 1024 + mantissa / 8192);
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
