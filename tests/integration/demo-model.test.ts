import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  denoiseStep,
  readFloat32,
  readIntegers,
  readSafetensorsHeader,
  type TensorRef,
  ZImagePipeline,
} from '@imagemill/diffusion';
import { createOnnxRuntime } from '@imagemill/diffusion/onnxruntime';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';

/** What diffusers computes from models/demo in float32; training/make_expected.py writes it together with the model. */
const folder = fileURLToPath(new URL('../fixtures/demo-expected/', import.meta.url));
const model = fileURLToPath(new URL('../../models/demo', import.meta.url));

const cases = z
  .array(
    z.strictObject({
      case: z.int(),
      prompt: z.string(),
      seed: z.int(),
      steps: z.int(),
      guidance_scale: z.number(),
      width: z.int(),
      height: z.int(),
    }),
  )
  .parse(JSON.parse(await readFile(join(folder, 'expected.json'), 'utf8')));

const expected = await readSafetensorsHeader(join(folder, 'expected.safetensors'));

let pipeline: ZImagePipeline;
beforeAll(async () => {
  const runtime = createOnnxRuntime({
    name: 'cpu',
    executionProvider: 'cpu',
    weights: 'packed',
    threads: 2,
    forms: { attention: 'fused', linear: 'fused' },
  });
  pipeline = await ZImagePipeline.open(model, runtime);
});
afterAll(() => pipeline.release());

function refOf(name: string): TensorRef {
  const ref = expected.tensors.get(name);
  if (ref === undefined) throw new RangeError(`expected.safetensors holds no ${name}`);
  return ref;
}

function relative(actual: Float32Array, reference: Float32Array): number {
  expect(actual.length).toBe(reference.length);
  const [difference, length] = reference.reduce(
    ([d = 0, l = 0], value, at) => [d + (actual[at]! - value) ** 2, l + value ** 2],
    [0, 0],
  );
  return Math.sqrt(difference! / length!);
}

function largest(values: Iterable<number>): number {
  let most = 0;
  for (const value of values) most = Number.isNaN(value) ? Number.POSITIVE_INFINITY : Math.max(most, Math.abs(value));
  return most;
}

function prepare(settings: Partial<Parameters<ZImagePipeline['prepare']>[0]>): ReturnType<ZImagePipeline['prepare']> {
  return pipeline.prepare({
    prompt: 'a panda on a green background',
    negativePrompt: '',
    width: 256,
    height: 256,
    seed: 7,
    steps: 8,
    guidance: { scale: 0 },
    ...settings,
  });
}

describe.each(cases)(
  'the demo model draws "$prompt"',
  ({ case: index, prompt, seed, steps, guidance_scale, ...size }) => {
    it('as the reference does: the same noise, latents within 1e-3, pixels within 1 of 255', async () => {
      const item = await prepare({ prompt, seed, steps, guidance: { scale: guidance_scale }, ...size });
      const noise = await readFloat32(refOf(`case${index}.latents_in`));
      expect(largest(item.latent.map((value, at) => value - noise[at]!))).toBeLessThanOrEqual(1e-6);
      while (item.step < steps) await denoiseStep(pipeline, [item]);
      expect(relative(item.latent, await readFloat32(refOf(`case${index}.latents_out`)))).toBeLessThanOrEqual(1e-3);
      const pixels = await pipeline.decode(item.latent, item.grid);
      expect(pixels).toMatchObject(size);
      const image = await readFloat32(refOf(`case${index}.image`)); // [1, 3, height, width], 0 to 1
      const plane = size.width * size.height;
      const reference = Float32Array.from(pixels.data, (_, at) =>
        Math.round(image[(at % 3) * plane + Math.floor(at / 3)]! * 255),
      );
      expect(largest(reference.map((value, at) => value - pixels.data[at]!))).toBeLessThanOrEqual(1);
    });
  },
);

it('the demo model encodes a picture as the reference does', async () => {
  const ref = refOf('encode.picture');
  const [height = 0, width = 0] = ref.shape;
  const picture = await readIntegers(ref); // [height, width, 3], 0 to 255
  const plane = width * height;
  const values = Float32Array.from(picture, (_, at) => picture[(at % plane) * 3 + Math.floor(at / plane)]! / 127.5 - 1);
  const { mean } = await pipeline.vae.encode({ values, width, height });
  expect(relative(mean.values, await readFloat32(refOf('encode.mean')))).toBeLessThanOrEqual(1e-3);
});

describe('the sizes of the demo model', () => {
  it.each([
    [32, 32],
    [64, 320],
    [480, 96],
    [256, 288],
  ])('%i × %i is drawn', async (width, height) => {
    const item = await prepare({ width, height, steps: 2 });
    while (item.step < 2) await denoiseStep(pipeline, [item]);
    const pixels = await pipeline.decode(item.latent, item.grid);
    expect([pixels.width, pixels.height, pixels.data.length]).toEqual([width, height, 3 * width * height]);
    const mean = pixels.data.reduce((sum, value) => sum + value, 0) / pixels.data.length;
    expect(pixels.data.reduce((sum, value) => sum + (value - mean) ** 2, 0)).toBeGreaterThan(0);
  });

  it('are all multiples of the grain up to the number of positions, and nothing else', () => {
    const { grain, maxWidth, maxHeight } = pipeline.limits;
    expect(grain).toBe(32);
    fc.assert(
      fc.property(
        fc.integer({ min: -64, max: 2 * maxWidth }),
        fc.integer({ min: 1, max: maxHeight / grain }),
        (width, rows) => {
          const fits = width > 0 && width <= maxWidth && width % grain === 0;
          const check = (): unknown => pipeline.checkSize(width, rows * grain);
          if (fits) expect(check()).toEqual({ columns: width / grain, rows });
          else expect(check).toThrow(`width is ${width}`);
        },
      ),
      { numRuns: 200 },
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: maxWidth / grain }), (columns) => {
        expect(pipeline.checkSize(columns * grain, maxHeight)).toEqual({ columns, rows: maxHeight / grain });
      }),
    );
  });
});
