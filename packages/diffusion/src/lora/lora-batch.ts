import type { LinearWidths } from '../families/z-image/lora-names.ts';
import type { Runtime, Tensor } from '../runtime.ts';

/** An adapter in memory, laid out for products with rows of activations: x · a · b. */
export interface LoraAdapter {
  readonly file: string;
  /** SHA-256 of the file, lower-case hexadecimal: names the adapter in provenance. */
  readonly sha256: string;
  /** Of all factors. */
  readonly sizeBytes: number;
  readonly modules: ReadonlyMap<string, AdapterModule>;
}

export interface AdapterModule extends LinearWidths {
  readonly name: string;
  readonly rank: number;
  /** `[in, rank]` */
  readonly a: Float32Array;
  /** `[rank, out]`, with the scale of the file. */
  readonly b: Float32Array;
}

/** An adapter and how strongly it acts: 1 as trained, 0 not at all, negative the other way. */
export interface AppliedLora {
  readonly adapter: LoraAdapter;
  readonly strength: number;
}

/** A linear layer of a graph that takes adapters as inputs. */
export interface LoraLayer extends LinearWidths {
  readonly name: string;
}

/** Names of the inputs of a layer: `a` f32 `[batch, in, rank]`, `b` f32 `[batch, rank, out]`. */
export function loraInputNames(layer: string): { readonly a: string; readonly b: string } {
  return { a: `${layer}.lora_a`, b: `${layer}.lora_b` };
}

/** Names the adapters of one picture, equal for equal effects. */
export function loraKey(loras: readonly AppliedLora[]): string {
  return loras.map(({ adapter, strength }) => `${adapter.sha256}*${strength}`).join('+');
}

/** The adapters of a batch as inputs of graphs. */
export interface LoraBatch {
  /** Whether an adapter of an item changes a layer whose name starts so. */
  touches(prefixes: readonly string[]): boolean;
  feeds(layers: readonly LoraLayer[]): Record<string, Tensor>;
}

/** Packed batches kept: groups of pictures that take turns step by step each have theirs. */
const maxBatches = 4;

/**
 * Lays out the adapters of batches. The same adapters at the same places are laid out once for all steps; layers that
 * no adapter of the batch changes get zeros of rank 1.
 */
export class LoraPacker {
  readonly #runtime: Runtime;
  readonly #batches: Map<string, Map<string, Packed>> = new Map();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** @param items adapters of each item of the batch; undefined when none of them acts */
  pack(items: readonly (readonly AppliedLora[])[]): LoraBatch | undefined {
    const acting = items.map((loras) => loras.filter(({ strength }) => strength !== 0));
    if (acting.every((loras) => loras.length === 0)) return undefined;
    const names = [...new Set(acting.flat().flatMap(({ adapter }) => [...adapter.modules.keys()]))];
    const packed = this.#packedOf(acting.map(loraKey).join('|'));
    return {
      touches: (prefixes) => names.some((name) => prefixes.some((prefix) => name.startsWith(prefix))),
      feeds: (layers) =>
        Object.fromEntries(layers.flatMap((layer) => this.#feed(layer, acting, layerOf(packed, layer, acting)))),
    };
  }

  #packedOf(key: string): Map<string, Packed> {
    const packed = this.#batches.get(key) ?? new Map<string, Packed>();
    this.#batches.delete(key);
    this.#batches.set(key, packed);
    if (this.#batches.size > maxBatches) this.#batches.delete(this.#batches.keys().next().value ?? '');
    return packed;
  }

  #feed(layer: LoraLayer, items: readonly unknown[], { rank, a, b }: Packed): [string, Tensor][] {
    const names = loraInputNames(layer.name);
    return [
      [names.a, this.#runtime.tensor('f32', a, [items.length, layer.in, rank])],
      [names.b, this.#runtime.tensor('f32', b, [items.length, rank, layer.out])],
    ];
  }
}

interface Packed {
  readonly rank: number;
  /** `[batch, in, rank]` */
  readonly a: Float32Array;
  /** `[batch, rank, out]` */
  readonly b: Float32Array;
}

function layerOf(packed: Map<string, Packed>, layer: LoraLayer, items: readonly (readonly AppliedLora[])[]): Packed {
  const known = packed.get(layer.name);
  if (known !== undefined) return known;
  const made = packLayer(layer, items);
  packed.set(layer.name, made);
  return made;
}

/**
 * One layer of a batch: the factors of an item's adapters stand side by side along the rank, which adds up their
 * products; strengths go into b. Items of a lower rank than the highest of the batch are filled up with zeros. The rank
 * is 1 at least, because a product over an empty axis ends the process on WebGPU (ONNX Runtime 1.30).
 */
function packLayer(layer: LoraLayer, items: readonly (readonly AppliedLora[])[]): Packed {
  const parts = items.map((loras) =>
    loras.flatMap(({ adapter, strength }) => {
      const module = adapter.modules.get(layer.name);
      return module === undefined ? [] : [{ module, strength }];
    }),
  );
  const [first, second] = parts.flat();
  if (items.length === 1 && first !== undefined && second === undefined) return scaled(first.module, first.strength);
  const rank = Math.max(1, ...parts.map((own) => own.reduce((sum, { module }) => sum + module.rank, 0)));
  const a = new Float32Array(items.length * layer.in * rank);
  const b = new Float32Array(items.length * rank * layer.out);
  parts.forEach((own, item) => {
    let column = 0;
    for (const { module, strength } of own) {
      for (let row = 0; row < layer.in; row += 1) {
        const from = row * module.rank;
        const into = (item * layer.in + row) * rank + column;
        for (let at = 0; at < module.rank; at += 1) a[into + at] = module.a[from + at]!;
      }
      b.set(scaled(module, strength).b, (item * rank + column) * layer.out);
      column += module.rank;
    }
  });
  return { rank, a, b };
}

/** The factors of one adapter, without a copy where none is needed. */
function scaled(module: AdapterModule, strength: number): Packed {
  const { rank, a, b } = module;
  if (strength === 1) return { rank, a, b };
  const weaker = new Float32Array(b.length);
  for (let at = 0; at < b.length; at += 1) weaker[at] = strength * b[at]!;
  return { rank, a, b: weaker };
}
