import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Checkpoint, openCheckpoint } from '../checkpoint/checkpoint.ts';
import { readFloat32 } from '../checkpoint/safetensors.ts';
import { openWeights } from '../checkpoint/weights.ts';
import { type TensorToWrite, writeSafetensors } from '../checkpoint/write-safetensors.ts';
import type { DenoiserInput } from '../denoise.ts';
import { loraModules } from '../families/z-image/lora-names.ts';
import { ZImagePipeline } from '../families/z-image/pipeline.ts';
import { Transformer } from '../families/z-image/transformer.ts';
import { relativeError } from '../parity/report.ts';
import { torchRandn } from '../random.ts';
import type { WeightMode } from '../runtime.ts';
import { cpuRuntime, observeRuntime } from '../testing/observed-runtime.ts';
import type { AppliedLora } from './lora-batch.ts';
import type { LoraFactors } from './lora-factors.ts';
import { readLora } from './read-lora.ts';

const fixture = fileURLToPath(new URL('../../../../tests/fixtures/parity/float32/', import.meta.url));
const known = join(fixture, 'lora/kohya.safetensors');

let folder = '';
let checkpoint: Checkpoint;
let pipeline: ZImagePipeline;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'imagemill-lora-forward-'));
  checkpoint = await openCheckpoint(join(fixture, 'checkpoint'));
  pipeline = new ZImagePipeline(checkpoint, cpuRuntime());
});
afterAll(async () => {
  await pipeline.release();
  await rm(folder, { recursive: true });
});

const grid = { rows: 4, columns: 4 };

/** Any latent, time and caption; the caption is of the prompt's own length. */
async function input(seed: number, captionTokens = 20): Promise<DenoiserInput> {
  const { capFeatDim, inChannels, patchSize } = checkpoint.transformer.config;
  const caption = await pipeline.transformer.encodeCaption(torchRandn(seed, captionTokens * capFeatDim), captionTokens);
  const latent = torchRandn(seed + 100, grid.rows * grid.columns * patchSize ** 2 * inChannels);
  return { latent, time: 0.1 * seed, caption };
}

async function apply(file: string, strength = 1): Promise<AppliedLora> {
  const [lora] = await pipeline.resolveLoras([{ adapter: file, strength }]);
  if (lora === undefined) throw new RangeError('A strength other than 0 is expected');
  return lora;
}

async function forward(item: DenoiserInput, loras: readonly AppliedLora[] = []): Promise<Float32Array> {
  const [output] = await pipeline.predict([{ ...item, loras }], grid);
  return output ?? new Float32Array();
}

type Files = Readonly<Record<string, TensorToWrite>>;

let made = 0;
async function write(tensors: Files, metadata: Readonly<Record<string, string>> = {}): Promise<string> {
  made += 1;
  const file = join(folder, `${made}.safetensors`);
  await writeSafetensors(file, new Map(Object.entries(tensors)), metadata);
  return file;
}

function tensor(shape: readonly number[], data: Float32Array): TensorToWrite {
  return { type: 'f32', shape, data };
}

/** Random factors for layers of the model, in the layout of diffusers. */
function randomLora(accepts: RegExp, rank: number, seed: number): Files {
  const entries = [...loraModules(checkpoint.transformer.config)].filter(([name]) => accepts.test(name));
  return Object.fromEntries(
    entries.flatMap(([name, widths], at) => {
      const down = torchRandn(seed + 2 * at, rank * widths.in).map((value) => value / Math.sqrt(widths.in));
      const up = torchRandn(seed + 2 * at + 1, widths.out * rank).map((value) => 0.3 * value);
      return [
        [`transformer.${name}.lora_A.weight`, tensor([rank, widths.in], down)],
        [`transformer.${name}.lora_B.weight`, tensor([widths.out, rank], up)],
      ];
    }),
  );
}

/** The model with adapters added to its weights, in f64 and rounded once. */
async function merged(adapters: readonly { file: string; strength: number }[]): Promise<Transformer> {
  const { weights, config } = checkpoint.transformer;
  const sums = new Map<string, Float64Array>();
  for (const name of weights.names()) sums.set(name, Float64Array.from(await readFloat32(weights.get(name))));
  for (const { file, strength } of adapters) {
    for await (const { name, factors } of (await readLora(file)).factors()) {
      addProduct(sums.get(`${name}.weight`)!, factors, strength * factors.scale);
    }
  }
  const tensors = weights.names().map((name) => {
    return [name, tensor(weights.get(name).shape, Float32Array.from(sums.get(name)!))] as const;
  });
  const into = await mkdtemp(join(folder, 'merged-'));
  await writeSafetensors(join(into, 'diffusion_pytorch_model.safetensors'), new Map(tensors));
  const own = await openWeights(into, { component: 'transformer', stem: 'diffusion_pytorch_model' });
  return new Transformer({ config, weights: own, runtime: cpuRuntime() });
}

function addProduct(sum: Float64Array, { down, up }: LoraFactors, scale: number): void {
  for (let row = 0; row < up.rows; row += 1)
    for (let k = 0; k < up.columns; k += 1)
      for (let column = 0; column < down.columns; column += 1)
        sum[row * down.columns + column]! +=
          scale * up.values[row * up.columns + k]! * down.values[k * down.columns + column]!;
}

async function expectMerged(adapters: readonly { file: string; strength: number }[]): Promise<void> {
  const item = await input(1);
  const loras = await Promise.all(adapters.map(({ file, strength }) => apply(file, strength)));
  const model = await merged(adapters);
  try {
    const [expected] = await model.predict([item], grid);
    const found = await forward(item, loras);
    expect(relativeError(found, expected ?? new Float32Array())).toBeLessThanOrEqual(1e-4);
    expect(relativeError(await forward(item), found)).toBeGreaterThan(1e-2);
  } finally {
    await model.release();
  }
}

describe('a batch', () => {
  test('gives each item its own adapters, of different ranks and numbers, and none to an item without', async () => {
    const small = await apply(await write(randomLora(/^layers\.\d+\.attention/, 2, 7)), 0.7);
    const large = await apply(await write(randomLora(/feed_forward|adaLN/, 9, 50)), -1.3);
    const fixed = await apply(known);
    const items = [
      { ...(await input(1)), loras: [fixed] },
      await input(2),
      { ...(await input(3)), loras: [small, large] },
      { ...(await input(4)), loras: [large] },
      { ...(await input(5, 40)), loras: [small] },
    ];
    const together = await pipeline.predict(items, grid);
    for (const [at, item] of items.entries()) {
      const alone = await forward(item, item.loras);
      expect(relativeError(together[at]!, alone)).toBeLessThanOrEqual(2e-6);
    }
  });

  test('leaves an item without adapters as it is: to the bit beside as many, to 1e-6 alone', async () => {
    const plain = await input(1);
    const alone = await forward(plain);
    const loras = [await apply(known)];
    for (const neighbour of [await input(2), await input(2, 40)]) {
      const [withPlain] = await pipeline.predict([plain, neighbour], grid);
      const [withAdapted] = await pipeline.predict([plain, { ...neighbour, loras }], grid);
      expect(withAdapted).toEqual(withPlain);
      expect(relativeError(withAdapted!, alone)).toBeLessThanOrEqual(1e-6);
    }
  });
});

describe('an adapter', () => {
  test('of strength 0 changes no bit', async () => {
    const item = await input(1);
    const loras = [{ ...(await apply(known)), strength: 0 }];
    expect(await forward(item, loras)).toEqual(await forward(item));
    expect(await pipeline.resolveLoras([{ adapter: known, strength: 0 }])).toEqual([]);
  });

  test('equals the same change of the weights; several add up', async () => {
    const other = await write(randomLora(/^(layers|noise_refiner)/, 3, 11));
    await expectMerged([{ file: known, strength: 0.8 }]);
    await expectMerged([
      { file: known, strength: 0.8 },
      { file: other, strength: -0.5 },
      { file: known, strength: 0.1 },
    ]);
  });

  test('may change embedders and the final layer', async () => {
    const file = await write(randomLora(/^(t_embedder|all_x_embedder|all_final_layer)/, 3, 21));
    await expectMerged([{ file, strength: 0.5 }]);
  });

  test('may change the caption, which is then computed with it and kept apart', async () => {
    const file = await write(randomLora(/^(cap_embedder|context_refiner)/, 3, 31));
    const lora = await apply(file, 0.5);
    const model = await merged([{ file, strength: 0.5 }]);
    const features = torchRandn(9, 20 * checkpoint.transformer.config.capFeatDim);
    const expected = await model.encodeCaption(features, 20);
    const found = await pipeline.transformer.encodeCaption(features, 20, [lora]);
    await model.release();
    expect(relativeError(found.rows, expected.rows)).toBeLessThanOrEqual(1e-4);

    const plain = await pipeline.encodePrompt('a cup');
    expect(await pipeline.encodePrompt('a cup', [await apply(known)])).toBe(plain);
    const changed = await pipeline.encodePrompt('a cup', [lora]);
    expect(relativeError(changed.rows, plain.rows)).toBeGreaterThan(1e-2);
    expect(await pipeline.encodePrompt('a cup', [lora])).toBe(changed);
    expect(await pipeline.encodePrompt('a cup', [{ ...lora, strength: 0.4 }])).not.toBe(changed);
  });

  test('is changed for another without a session being opened', async () => {
    const opened: string[] = [];
    const runtime = observeRuntime(cpuRuntime(), { onOpen: (graph) => opened.push(graph) });
    const transformer = new Transformer({ ...checkpoint.transformer, runtime });
    const item = await input(1);
    await transformer.predict([{ ...item, loras: [await apply(known)] }], grid);
    const before = [...opened];
    expect(before).toEqual(['image-lora', 'layers.0-1-lora', 'final']);
    const other = await apply(await write(randomLora(/attention/, 5, 41)), 2);
    await transformer.predict([{ ...item, loras: [other, await apply(known, 0.2)] }, await input(2)], grid);
    expect(opened).toEqual(before);
    await transformer.predict([item], grid);
    expect(opened.slice(before.length)).toEqual(['image', 'layers.0-1']);
    await transformer.release();
    expect(runtime.openSessions.size).toBe(0);
    expect(runtime.liveTensors.size).toBe(0);
  });

  test.each<[WeightMode, number]>([
    ['mapped', 1e-5],
    ['fp16', 5e-3],
    ['w8a8', 0.1],
  ])('acts on %s weights as on f32 ones', async (mode, tolerance) => {
    const held = await ZImagePipeline.open(checkpoint.folder, cpuRuntime(mode), { cacheDir: join(folder, mode) });
    const item = await input(1);
    const loras = [await apply(known)];
    const [changed, plain] = [await held.predict([{ ...item, loras }], grid), await held.predict([item], grid)];
    await held.release();
    const expected = await forward(item, loras);
    expect(relativeError(changed[0]!, expected)).toBeLessThanOrEqual(tolerance);
    expect(relativeError(plain[0]!, expected)).toBeGreaterThan(2 * tolerance);
  });
});

/** The known adapter of the fixture: `lora_unet_<layer>.{lora_down.weight,lora_up.weight,alpha}`, rank 4, alpha 8. */
async function knownFactors(): Promise<Map<string, LoraFactors>> {
  const found = new Map<string, LoraFactors>();
  for await (const { name, factors } of (await readLora(known)).factors()) found.set(name, factors);
  return found;
}

describe('the known adapter written in another flavour gives the same forward:', () => {
  async function expectSame(tensors: Files, metadata?: Readonly<Record<string, string>>): Promise<void> {
    const item = await input(1);
    const found = await forward(item, [await apply(await write(tensors, metadata), 0.6)]);
    expect(relativeError(found, await forward(item, [await apply(known, 0.6)]))).toBeLessThanOrEqual(1e-5);
  }

  const pair = (
    name: string,
    { down, up }: LoraFactors,
    ends: readonly [string, string],
  ): [string, TensorToWrite][] => [
    [`${name}${ends[0]}`, tensor([down.rows, down.columns], down.values)],
    [`${name}${ends[1]}`, tensor([up.rows, up.columns], up.values)],
  ];

  /** Query, key and value as one product of three times the rank, out as `attention.out`. */
  async function fused(): Promise<Files> {
    const factors = await knownFactors();
    const tensors: [string, TensorToWrite][] = [];
    for (const [name, own] of factors) {
      const block = name.replace(/\.attention\..*/, '');
      if (name.endsWith('attention.to_q')) {
        const parts = ['q', 'k', 'v'].map((end) => factors.get(`${block}.attention.to_${end}`)!);
        const { rows: rank, columns: width } = own.down;
        const down = Float32Array.from(parts.flatMap((part) => [...part.down.values]));
        const up = new Float32Array(3 * width * 3 * rank);
        parts.forEach((part, at) => {
          part.up.values.forEach((value, from) => {
            const row = at * width + Math.floor(from / rank);
            up[row * 3 * rank + at * rank + (from % rank)] = value;
          });
        });
        const layer = `diffusion_model.${block}.attention.qkv`;
        tensors.push([`${layer}.lora_down.weight`, tensor([3 * rank, width], down)]);
        tensors.push([`${layer}.lora_up.weight`, tensor([3 * width, 3 * rank], up)]);
        tensors.push([`${layer}.alpha`, tensor([], Float32Array.of(24))]);
      } else if (!/to_[kv]$/.test(name)) {
        const layer = `diffusion_model.${name.replace('to_out.0', 'out')}`;
        tensors.push(...pair(layer, own, ['.lora_down.weight', '.lora_up.weight']));
        tensors.push([`${layer}.alpha`, tensor([1], Float32Array.of(8))]);
      }
    }
    return Object.fromEntries(tensors);
  }

  test('single-file, with fused projections', async () => {
    await expectSame(await fused());
  });

  test('dotted, with redundant copies', async () => {
    const copies = Object.entries(await fused()).filter(([name]) => /attention\.(qkv|out)/.test(name));
    const tensors = [...(await knownFactors())].flatMap(([name, factors]) => {
      const layer = name.replace('to_', 'to.');
      return [
        ...pair(layer, factors, ['.lora.down.weight', '.lora.up.weight']),
        [`${layer}.alpha`, tensor([], Float32Array.of(8))] as const,
      ];
    });
    await expectSame(Object.fromEntries([...tensors, ...copies]));
  });

  test('PEFT, with its configuration and adapter name', async () => {
    const tensors = [...(await knownFactors())].flatMap(([name, factors]) =>
      pair(`transformer.${name}`, factors, ['.lora_A.default.weight', '.lora_B.default.weight']),
    );
    const config = { 'transformer.r': 4, 'transformer.lora_alpha': 8, 'transformer.rank_pattern': {} };
    await expectSame(Object.fromEntries(tensors), { lora_adapter_metadata: JSON.stringify(config) });
  });

  test('LoKr whose first side is a single number', async () => {
    const tensors = [...(await knownFactors())].flatMap(([name, factors]) => {
      const layer = `lora_unet_${name.replaceAll('.', '_')}`;
      return [
        [`${layer}.lokr_w1`, tensor([1, 1], Float32Array.of(0.5))] as const,
        ...pair(layer, { ...factors, down: factors.up, up: factors.down }, ['.lokr_w2_a', '.lokr_w2_b']),
        [`${layer}.alpha`, tensor([], Float32Array.of(16))] as const,
      ];
    });
    await expectSame(Object.fromEntries(tensors));
  });
});

test('LoKr of whole matrices, which is of full rank, equals the same change of the weights', async () => {
  const { dim } = checkpoint.transformer.config;
  const file = await write({
    'lora_unet_layers_0_attention_to_v.lokr_w1': tensor([4, 4], torchRandn(1, 16)),
    'lora_unet_layers_0_attention_to_v.lokr_w2': tensor([dim / 4, dim / 4], torchRandn(2, (dim / 4) ** 2)),
  });
  const { modules } = await readLora(file);
  expect(modules.get('layers.0.attention.to_v')?.rank).toBe(dim);
  await expectMerged([{ file, strength: 0.2 }]);
});

test('an adapter of another model is refused with the layers that differ', async () => {
  const wide = join(fixture, '../bfloat16-sharded/lora/comfyui.safetensors');
  await expect(apply(wide)).rejects.toMatchObject({
    code: 'lora_incompatible',
    message: expect.stringMatching(/layers\.0\.adaLN_modulation\.0 \[384, 96\] \(expected \[256, 64\]\)/),
  });
});
