/**
 * How far `w8a8` is from `packed` (f32): one block at the real width with random weights, and eight pictures of the
 * demo model pixel by pixel.
 *
 *     node benchmarks/precision-distance.ts
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ModelPool, type Runtime, SlotEngine, ZImagePipeline } from '@imagemill/diffusion';
import { openDevice } from '@imagemill/diffusion/onnxruntime';
import { openSyntheticBlock, writeSyntheticBlock } from '@imagemill/diffusion/testing';
import sharp from 'sharp';
import { spread } from './statistics.ts';

const size = { dim: 3840, heads: 30, tokens: 1024 };
const model = fileURLToPath(new URL('../models/demo', import.meta.url));
const prompts = [
  'a red apple on a blue background',
  '一只熊猫在绿色背景上',
  'a rocket on a purple background',
  'a fox',
  'a small car on a yellow background',
  'a strawberry on a white background',
  'a cat',
  'a guitar on an orange background',
];

const folder = await mkdtemp(join(tmpdir(), 'imagemill-precision-'));
const cacheDir = join(folder, 'cache');

async function drawBlock(runtime: Runtime): Promise<Float32Array> {
  const block = await openSyntheticBlock(folder, size, runtime, cacheDir);
  try {
    return await block.run();
  } finally {
    await block.release();
  }
}

/** Pixels of every prompt. */
async function drawPictures(runtime: Runtime): Promise<readonly Uint8Array[]> {
  const models = new ModelPool({ open: (path) => ZImagePipeline.open(path, runtime, { cacheDir }) });
  const engine = new SlotEngine({ models, slots: 4, maxBatchTokens: 4096 });
  const files = await Promise.all(
    prompts.map(
      (prompt, seed) =>
        new Promise<Uint8Array>((resolve, reject) => {
          const settings = { width: 256, height: 256, steps: 8, guidance: { scale: 0 }, previews: false };
          const file = { format: 'png', quality: 90 } as const;
          engine.submit({ id: `${seed}`, model, prompt, negativePrompt: '', seed, ...settings, ...file }, (notice) => {
            if (notice.type === 'failed') reject(notice.error);
            if (notice.type === 'finished') resolve(notice.image);
          });
        }),
    ),
  );
  await engine.idle();
  await models.close();
  return Promise.all(files.map((file) => sharp(file).removeAlpha().raw().toBuffer()));
}

/** Norm of the difference ÷ norm of what is expected. */
function relativeDistance(values: Float32Array, expected: Float32Array): number {
  let [difference, norm] = [0, 0];
  for (const [at, value] of expected.entries()) {
    difference += (values[at]! - value) ** 2;
    norm += value ** 2;
  }
  return Math.sqrt(difference / norm);
}

/** Peak signal-to-noise ratio in dB of 8-bit pixels. */
function psnr(pixels: Uint8Array, expected: Uint8Array): number {
  let sum = 0;
  for (const [at, value] of expected.entries()) sum += (pixels[at]! - value) ** 2;
  return 10 * Math.log10((255 ** 2 * expected.length) / sum);
}

try {
  await writeSyntheticBlock(folder, size);
  const { runtime: exact } = await openDevice({ device: 'cpu', weights: 'packed', threads: 2 });
  const { runtime: quantised } = await openDevice({ device: 'cpu', weights: 'w8a8', threads: 2 });
  const block = relativeDistance(await drawBlock(quantised), await drawBlock(exact));
  const expected = await drawPictures(exact);
  const ratios = (await drawPictures(quantised)).map((pixels, at) => psnr(pixels, expected[at] ?? new Uint8Array()));
  console.log(
    `w8a8 (${quantised.forms.integer ?? 'u8'}) against packed: block ${block.toExponential(1)}, pictures ${spread(ratios, 1)} dB PSNR`,
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}
