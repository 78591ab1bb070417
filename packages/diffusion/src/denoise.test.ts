import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openCheckpoint } from './checkpoint/checkpoint.ts';
import { type DenoiseItem, denoiseStep, estimatePicture, rowsOf } from './denoise.ts';
import { type PictureSettings, ZImagePipeline } from './families/z-image/pipeline.ts';
import { createOnnxRuntime } from './onnxruntime/runtime.ts';
import { relativeError } from './parity/report.ts';

const folder = fileURLToPath(new URL('../../../tests/fixtures/parity/float32/checkpoint', import.meta.url));
const long = 'a photo of the quick brown fox and a ceramic mug '.repeat(6);

let pipeline: ZImagePipeline;
beforeAll(async () => {
  const runtime = createOnnxRuntime({
    name: 'cpu',
    executionProvider: 'cpu',
    weights: 'packed',
    threads: 2,
    forms: { attention: 'fused', linear: 'fused' },
  });
  pipeline = new ZImagePipeline(await openCheckpoint(folder), runtime);
});
afterAll(() => pipeline.release());

function prepare(settings: Partial<PictureSettings> = {}): Promise<DenoiseItem> {
  return pipeline.prepare({
    prompt: 'a red apple on a blue table',
    negativePrompt: '',
    width: 96,
    height: 64,
    seed: 1,
    steps: 4,
    guidance: { scale: 0 },
    ...settings,
  });
}

/** Moves an item to the end, alone. */
async function finish(item: DenoiseItem): Promise<Float32Array> {
  while (item.step < item.schedule.steps) await denoiseStep(pipeline, [item]);
  return item.latent;
}

describe('a denoise step of a group', () => {
  test('moves two items as it moves each alone, with captions of different length', async () => {
    const settings = [{ seed: 1 }, { seed: 2, prompt: long }];
    const together = await Promise.all(settings.map(prepare));
    expect(together[0]?.caption.tokens).not.toBe(together[1]?.caption.tokens);
    for (let step = 0; step < 4; step += 1) await denoiseStep(pipeline, together);
    for (const [at, own] of settings.entries()) {
      const alone = await finish(await prepare(own));
      expect(relativeError(together[at]!.latent, alone)).toBeLessThan(1e-4);
    }
  });

  test('moves items that stand at different steps of different schedules', async () => {
    const [early, late] = [await prepare({ seed: 3 }), await prepare({ seed: 4, steps: 6 })];
    for (let step = 0; step < 3; step += 1) await denoiseStep(pipeline, [late]);
    for (let step = 0; step < 3; step += 1) await denoiseStep(pipeline, [early, late]);
    await finish(early);
    expect([early.step, late.step]).toEqual([4, 6]);
    expect(relativeError(early.latent, await finish(await prepare({ seed: 3 })))).toBeLessThan(1e-4);
    expect(relativeError(late.latent, await finish(await prepare({ seed: 4, steps: 6 })))).toBeLessThan(1e-4);
  });

  test('moves guided items beside unguided ones, each against its own negative prompt', async () => {
    const settings = [
      { seed: 5, guidance: { scale: 3 }, negativePrompt: long },
      { seed: 6 },
      { seed: 7, prompt: long, guidance: { scale: 1.5, normalization: 1 }, negativePrompt: 'x' },
    ];
    const together = await Promise.all(settings.map(prepare));
    expect(together.map(rowsOf)).toEqual([2, 1, 2]);
    for (let step = 0; step < 4; step += 1) await denoiseStep(pipeline, together);
    for (const [at, own] of settings.entries()) {
      const alone = await finish(await prepare(own));
      expect(relativeError(together[at]!.latent, alone)).toBeLessThan(1e-4);
    }
  });

  test('stops guiding an item whose time has passed its truncation', async () => {
    const item = await prepare({ guidance: { scale: 3, truncation: 0.2 }, negativePrompt: 'x' });
    const rows: number[] = [];
    while (item.step < 4) {
      rows.push(rowsOf(item));
      await denoiseStep(pipeline, [item]);
    }
    expect(rows).toEqual([2, 2, 1, 1]); // times 0, 0.1, 0.25, 0.5
  });

  test('leaves every item where it was when it is cancelled', async () => {
    const items = [await prepare({ seed: 1 }), await prepare({ seed: 2 })];
    await denoiseStep(pipeline, items);
    const before = items.map((item) => item.latent.slice());
    await expect(denoiseStep(pipeline, items, AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' });
    expect(items.map((item) => item.step)).toEqual([1, 1]);
    expect(items.map((item) => item.latent)).toEqual(before);
    await denoiseStep(pipeline, items);
    expect(items.map((item) => item.step)).toEqual([2, 2]);
  });

  test('of nobody is nothing', async () => {
    expect(await denoiseStep(pipeline, [])).toEqual({ velocities: [] });
  });
});

describe('the estimate of the picture', () => {
  test('is where the straight line of the flow ends', async () => {
    const item = await prepare();
    const noise = item.latent.slice();
    const { velocities } = await denoiseStep(pipeline, [item]);
    const estimate = estimatePicture(item, velocities[0]!);
    // From pure noise at sigma 1 along the first velocity, whatever part of the way the step went.
    expect(
      relativeError(
        estimate,
        noise.map((value, at) => value - velocities[0]![at]!),
      ),
    ).toBeLessThan(1e-6);
  });

  test('after the last step is the latent itself', async () => {
    const item = await prepare({ steps: 1 });
    const { velocities } = await denoiseStep(pipeline, [item]);
    expect(estimatePicture(item, velocities[0]!)).toEqual(item.latent);
  });
});
