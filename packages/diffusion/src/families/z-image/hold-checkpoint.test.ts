import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDevice } from '../../onnxruntime/index.ts';
import { exactIntegerForm } from '../../onnxruntime/integer-form.ts';
import { createOnnxRuntime } from '../../onnxruntime/runtime.ts';
import { torchRandn } from '../../random.ts';
import type { IntegerForm, Runtime, WeightMode } from '../../runtime.ts';
import { type SyntheticCheckpointOptions, writeSyntheticCheckpoint } from '../../testing/index.ts';
import { ZImagePipeline } from './pipeline.ts';

let folder: string;
let exact: Forward;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'imagemill-hold-'));
  await writeSyntheticCheckpoint(join(folder, 'f32'), model);
  exact = await forward('f32', runtimeOf('packed'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const model: SyntheticCheckpointOptions = { dim: 96, heads: 4, textWidth: 64, shardBytes: 200_000 };

interface Forward {
  readonly features: Float32Array;
  readonly caption: Float32Array;
  readonly velocity: Float32Array;
  readonly picture: Float32Array;
}

function runtimeOf(weights: WeightMode, integer?: IntegerForm): Runtime {
  const forms = { attention: 'fused', linear: 'fused', ...(integer !== undefined && { integer }) } as const;
  return createOnnxRuntime({ name: 'cpu', executionProvider: 'cpu', weights, threads: 1, forms });
}

/** Every part of the model once. */
async function forward(checkpoint: string, runtime: Runtime): Promise<Forward> {
  const pipeline = await ZImagePipeline.open(join(folder, checkpoint), runtime, { cacheDir: join(folder, 'cache') });
  try {
    const text = await pipeline.textEncoder.encode([1, 2, 3, 4, 5, 6, 7]);
    const caption = await pipeline.transformer.encodeCaption(text.rows, text.tokens);
    const grid = { rows: 6, columns: 8 };
    const latent = torchRandn(1, 16 * 12 * 16);
    const [velocity = new Float32Array()] = await pipeline.predict([{ latent, time: 0.4, caption }], grid);
    const { values } = await pipeline.vae.decode({ values: latent, width: 16, height: 12 });
    return { features: text.rows, caption: caption.rows, velocity, picture: values };
  } finally {
    await pipeline.release();
  }
}

/** ‖a − b‖ ÷ ‖b‖ of each part. */
function distances(from: Forward, to: Forward): Record<keyof Forward, number> {
  const distance = (part: keyof Forward): number => {
    const [a, b] = [from[part], to[part]];
    expect(a.length).toBe(b.length);
    const squares = (values: Float32Array): number => values.reduce((sum, value) => sum + value * value, 0);
    return Math.sqrt(squares(a.map((value, at) => value - b[at]!)) / squares(b));
  };
  return {
    features: distance('features'),
    caption: distance('caption'),
    velocity: distance('velocity'),
    picture: distance('picture'),
  };
}

test('mapped weights give what packed weights give', async () => {
  for (const distance of Object.values(distances(await forward('f32', runtimeOf('mapped')), exact))) {
    expect(distance).toBeLessThan(1e-5);
  }
});

test('fp16 weights are off by no more than their rounding, 2⁻¹¹, over a few layers, and leave the VAE exact', async () => {
  const { picture, ...held } = distances(await forward('f32', runtimeOf('fp16')), exact);
  expect(picture).toBeLessThan(1e-5);
  for (const distance of Object.values(held)) {
    expect(distance).toBeGreaterThan(1e-5);
    expect(distance).toBeLessThan(3e-3);
  }
});

test.each([
  { integer: 'i8', limit: 2e-2 },
  { integer: 'u8', limit: 4e-2 },
] as const)(
  'w8a8 weights as $integer stay within $limit of f32 in the blocks and leave the VAE exact',
  async ({ integer, limit }) => {
    const runtime = runtimeOf('w8a8', integer === 'i8' ? await exactIntegerForm(runtimeOf('w8a8')) : integer);
    const { picture, ...blocks } = distances(await forward('f32', runtime), exact);
    for (const distance of Object.values(blocks)) {
      expect(distance).toBeGreaterThan(1e-4);
      expect(distance).toBeLessThan(limit);
    }
    expect(picture).toBeLessThan(1e-5);
  },
);

test('the device chooses a type of quantised weights that it multiplies exactly', async () => {
  const { runtime } = await openDevice({ device: 'cpu', weights: 'w8a8', threads: 1 });
  expect(runtime.forms.integer).toBe(await exactIntegerForm(runtime));
  const { runtime: packed } = await openDevice({ device: 'cpu', weights: 'packed', threads: 1 });
  expect(packed.forms.integer).toBeUndefined();
});

test('a bf16 checkpoint is used in place in fp16 mode', async () => {
  await writeSyntheticCheckpoint(join(folder, 'bf16'), { ...model, type: 'bf16' });
  const before = await readdir(join(folder, 'cache'));
  const held = await forward('bf16', runtimeOf('fp16'));
  expect(distances(held, await forward('bf16', runtimeOf('packed'))).velocity).toBeLessThan(1e-5);
  expect(await readdir(join(folder, 'cache'))).toEqual(before);
});

test('a synthetic checkpoint of the same options has the same bytes, and another seed others', async () => {
  await writeSyntheticCheckpoint(join(folder, 'again'), model);
  await writeSyntheticCheckpoint(join(folder, 'other'), { ...model, seed: 1 });
  const packed = runtimeOf('packed');
  expect((await forward('again', packed)).velocity).toEqual(exact.velocity);
  expect((await forward('other', packed)).velocity).not.toEqual(exact.velocity);
});
