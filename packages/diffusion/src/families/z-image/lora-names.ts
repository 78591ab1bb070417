import type { TransformerConfig } from './config.ts';
import { expectedTransformerTensors } from './expected-tensors.ts';

/** Widths of a linear layer. */
export interface LinearWidths {
  readonly in: number;
  readonly out: number;
}

/** The layers that a spelling in a LoRA file stands for. */
export interface LoraTarget {
  /** Names of the checkpoint; three for a fused projection, whose rows are theirs in this order. */
  readonly modules: readonly string[];
  /**
   * Whether this is a spelling of another layout (`qkv`, `out`). Some files repeat the official names so, and then the
   * official ones count.
   */
  readonly isAlternative: boolean;
}

/**
 * Finds the layers behind a name without prefix and suffix. Files spell names with dots (`layers.0.attention.to_q`), with
 * underscores (`layers_0_attention_to_q`) or with more dots (`layers.0.attention.to.q`), in the official layout or in that
 * of single files; with all separators made equal no two layers have the same name.
 */
export function findLoraTarget(spelled: string): LoraTarget | undefined {
  const flat = flatten(spelled);
  const outside = outsideBlocks.get(flat);
  if (outside !== undefined) return outside;
  const [, block, index, layer = ''] = /^(layers|noise_refiner|context_refiner)_(\d+)_(.+)$/.exec(flat) ?? [];
  const found = insideBlocks.get(layer);
  return found && { ...found, modules: found.modules.map((name) => `${block}.${index}.${name}`) };
}

/** All linear layers of the transformer, which are what an adapter may change, by name. */
export function loraModules(config: TransformerConfig): ReadonlyMap<string, LinearWidths> {
  const suffix = '.weight';
  const modules = new Map<string, LinearWidths>();
  for (const [name, [out = 0, into]] of expectedTransformerTensors(config)) {
    if (into !== undefined && name.endsWith(suffix)) modules.set(name.slice(0, -suffix.length), { in: into, out });
  }
  return modules;
}

function flatten(name: string): string {
  return name.replaceAll(/[.-]/g, '_');
}

function targets(
  official: readonly string[],
  alternatives: Readonly<Record<string, readonly string[]>>,
): ReadonlyMap<string, LoraTarget> {
  return new Map<string, LoraTarget>([
    ...Object.entries(alternatives).map(
      ([name, modules]) => [flatten(name), { modules, isAlternative: true }] as const,
    ),
    ...official.map((name) => [flatten(name), { modules: [name], isAlternative: false }] as const),
  ]);
}

const insideBlocks = targets(
  [
    'attention.to_q',
    'attention.to_k',
    'attention.to_v',
    'attention.to_out.0',
    'feed_forward.w1',
    'feed_forward.w2',
    'feed_forward.w3',
    'adaLN_modulation.0',
  ],
  {
    'attention.qkv': ['attention.to_q', 'attention.to_k', 'attention.to_v'],
    'attention.out': ['attention.to_out.0'],
    'attention.to_out': ['attention.to_out.0'],
  },
);

const outsideBlocks = targets(
  [
    't_embedder.mlp.0',
    't_embedder.mlp.2',
    'cap_embedder.1',
    'all_x_embedder.2-1',
    'all_final_layer.2-1.linear',
    'all_final_layer.2-1.adaLN_modulation.1',
  ],
  {
    x_embedder: ['all_x_embedder.2-1'],
    'final_layer.linear': ['all_final_layer.2-1.linear'],
    'final_layer.adaLN_modulation.1': ['all_final_layer.2-1.adaLN_modulation.1'],
  },
);
