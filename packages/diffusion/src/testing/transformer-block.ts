import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { holdWeights } from '../checkpoint/held-weights.ts';
import { openWeights } from '../checkpoint/weights.ts';
import { writeSafetensors } from '../checkpoint/write-safetensors.ts';
import type { TransformerConfig } from '../families/z-image/config.ts';
import { expectedTransformerTensors } from '../families/z-image/expected-tensors.ts';
import { heldForm } from '../families/z-image/hold-checkpoint.ts';
import { buildBlocksGraph, timeWidth } from '../families/z-image/transformer-graph.ts';
import { torchRandn } from '../random.ts';
import type { Runtime } from '../runtime.ts';
import { syntheticTransformerConfig, writeRandomTensors } from './synthetic-checkpoint.ts';

export interface BlockSize {
  readonly dim: number;
  readonly heads: number;
  readonly tokens: number;
}

/** One block of a transformer of this width with random weights and inputs, in `<folder>/{diffusion_pytorch_model,inputs}.safetensors`. */
export async function writeSyntheticBlock(folder: string, size: BlockSize): Promise<void> {
  await mkdir(folder, { recursive: true });
  const all = expectedTransformerTensors(blockConfig(size));
  const own = new Map([...all].filter(([name]) => name.startsWith(`${blockName}.`)));
  await writeRandomTensors(folder, 'diffusion_pytorch_model', own, {});
  const inputs = blockInputs(size);
  await writeSafetensors(
    join(folder, 'inputs.safetensors'),
    new Map(Object.entries(inputs).map(([name, { data, shape }]) => [name, { type: 'f32', data, shape }])),
  );
}

export interface OpenedBlock {
  /** One forward. @returns f32 `[1, tokens, dim]` */
  run(): Promise<Float32Array>;
  release(): Promise<void>;
}

/** The block that `writeSyntheticBlock` wrote, on the runtime and with its weights held as the runtime's mode asks. */
export async function openSyntheticBlock(
  folder: string,
  size: BlockSize,
  runtime: Runtime,
  cacheDir?: string,
): Promise<OpenedBlock> {
  const config = blockConfig(size);
  const mode = runtime.weights;
  const own = await openWeights(folder, { component: 'transformer', stem: 'diffusion_pytorch_model' });
  const weights =
    mode === 'mapped' || mode === 'packed'
      ? own
      : await holdWeights(own, {
          mode,
          formOf: (name) => heldForm(own, name, mode),
          integer: runtime.forms.integer ?? 'u8',
          cacheDir,
        });
  const model = buildBlocksGraph({ config, weights, forms: runtime.forms, from: 1, to: 2, masked: false });
  const session = await runtime.open(model);
  const inputs = Object.entries(blockInputs(size)).map(
    ([name, { data, shape }]) => [name, runtime.tensor('f32', data, shape)] as const,
  );
  return {
    async run() {
      const { next } = await session.run(Object.fromEntries(inputs));
      if (next === undefined) throw new TypeError('The block returned nothing');
      return next.read();
    },
    release: () => session.release(),
  };
}

/** The second block: the first one joins image and caption. */
const blockName = 'layers.1';

function blockConfig({ dim, heads }: BlockSize): TransformerConfig {
  return syntheticTransformerConfig({ dim, heads, layers: 2 });
}

function blockInputs(size: BlockSize): Record<string, { data: Float32Array; shape: readonly number[] }> {
  const { dim, heads, tokens } = size;
  const half = dim / heads / 2;
  const time = timeWidth(blockConfig(size));
  const angles = torchRandn(3, tokens * half);
  return {
    tokens: { data: torchRandn(1, tokens * dim), shape: [1, tokens, dim] },
    time: { data: torchRandn(2, time), shape: [1, time] },
    cos: { data: angles.map(Math.cos), shape: [1, tokens, half] },
    sin: { data: angles.map(Math.sin), shape: [1, tokens, half] },
  };
}
