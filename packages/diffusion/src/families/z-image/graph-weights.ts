import {
  cast,
  type GraphBuilder,
  linear,
  type QuantizedRows,
  quantizedLinear,
  quantizeRows,
  type Value,
} from '@imagemill/onnx';
import { scaleName } from '../../checkpoint/held-weights.ts';
import type { TensorRef } from '../../checkpoint/safetensors.ts';
import { isFloatType, type StoredType } from '../../checkpoint/stored-type.ts';
import type { Weights } from '../../checkpoint/weights.ts';
import { DiffusionError } from '../../errors.ts';
import type { GraphForms } from '../../runtime.ts';
import { addLora, type TakesLora } from './lora-graph.ts';

/**
 * Puts tensors of a checkpoint into a graph as external data, in the file's own type, and converts them to f32; linear
 * layers whose weights are quantised multiply whole numbers.
 */
export interface GraphWeights {
  /** The tensor as f32. @throws DiffusionError `tensor_missing` */
  get(name: string): Value;
  /** Whether the checkpoint has a tensor of that name. */
  has(name: string): boolean;
  /**
   * x · weightᵀ + bias with the tensors `<prefix>.weight` `[out, in]` and, if there is one, `<prefix>.bias`; plus what
   * adapters add, if the layer takes them.
   * @param x f32 `[…, in]`
   */
  linear(x: Value, prefix: string): Value;
  /** The tensor in its stored type, for ops that convert after picking rows. */
  stored(name: string): Value;
}

export function graphWeights(
  graph: GraphBuilder,
  weights: Weights,
  forms: GraphForms,
  takesLora: TakesLora = () => false,
): GraphWeights {
  const stored = (name: string): Value => externalWeight(graph, name, weights.get(name));
  const converted = new Map<string, Value>();
  const get = (name: string): Value => {
    const known = converted.get(name);
    if (known !== undefined) return known;
    const value = cast(graph, stored(name), 'f32');
    converted.set(name, value);
    return value;
  };
  const has = (name: string): boolean => weights.has(name);
  const quantised = new Map<string, QuantizedRows>();
  // Projections of one input share its quantised rows.
  const rowsOf = (x: Value, digits: 1 | 2): QuantizedRows => {
    const key = `${digits} ${x.name}`;
    const rows = quantised.get(key) ?? quantizeRows(graph, x, digits);
    quantised.set(key, rows);
    return rows;
  };
  const base = (x: Value, prefix: string): Value => {
    const bias = has(`${prefix}.bias`) ? get(`${prefix}.bias`) : undefined;
    const name = `${prefix}.weight`;
    const ref = weights.get(name);
    const digits = activationDigits(ref.type, prefix);
    if (digits === undefined) return linear(graph, x, get(name), { bias, form: forms.linear });
    const weight = { numbers: external(graph, name, ref), scale: stored(scaleName(name)) };
    return quantizedLinear(graph, rowsOf(x, digits), weight, bias);
  };
  return {
    get,
    stored,
    has,
    linear: (x, prefix) => (takesLora(prefix) ? addLora(graph, x, base(x, prefix), prefix) : base(x, prefix)),
  };
}

/**
 * Digits of the activations for a quantised weight; undefined for a weight that is not. One digit does where the input
 * has just been normalised and the two largest products of a block start; docs/numerics.md has what each choice costs.
 */
function activationDigits(type: StoredType, prefix: string): 1 | 2 | undefined {
  if (type === 'u8') return 1;
  if (type !== 'i8') return undefined;
  return /\.feed_forward\.w[13]$/.test(prefix) ? 1 : 2;
}

function externalWeight(graph: GraphBuilder, name: string, ref: TensorRef): Value {
  const { type } = ref;
  if (isFloatType(type)) return external(graph, name, ref);
  const message = `Tensor ${name} in ${ref.file} is stored as ${type}; f32, f16, bf16 or f64 is expected.`;
  throw new DiffusionError('tensor_type_unsupported', message, { details: { tensor: name, file: ref.file, type } });
}

/**
 * External locations are relative to the root of the file system, which the runtime is told as its folder, so that a
 * weight is used where it lies.
 */
function external(graph: GraphBuilder, name: string, ref: TensorRef): Value {
  const location = ref.file.replaceAll('\\', '/').replace(/^([A-Za-z]:)?\/+/, '');
  return graph.external(name, ref.type, ref.shape, { location, offset: ref.offset, length: ref.length });
}
