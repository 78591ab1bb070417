import { cp, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CaptionCache } from '../../caption-cache.ts';
import { denoiseStep } from '../../denoise.ts';
import { cpuRuntime, observeRuntime } from '../../testing/observed-runtime.ts';
import { ZImagePipeline } from './pipeline.ts';

const fixture = fileURLToPath(new URL('../../../../../tests/fixtures/parity/float32/checkpoint', import.meta.url));
const settings = {
  prompt: 'x',
  negativePrompt: '',
  width: 64,
  height: 64,
  seed: 1,
  steps: 2,
  guidance: { scale: 0 },
} as const;

describe('tensors that stay on the device', () => {
  test('are disposed of after a forward, after a cancelled one and after one that failed', async () => {
    const controller = new AbortController();
    let fault: Error | undefined;
    const runtime = observeRuntime(cpuRuntime(), {
      onRun(graph) {
        if (graph.startsWith('layers.0')) controller.abort();
        if (graph === 'final' && fault !== undefined) throw fault;
      },
    });
    const pipeline = await ZImagePipeline.open(fixture, runtime);
    const { latent, grid, caption } = await pipeline.prepare(settings);
    const inputs = [{ latent, time: 0, caption }];
    await pipeline.predict(inputs, grid);
    expect(runtime.liveTensors.size).toBe(0);
    await expect(pipeline.predict(inputs, grid, controller.signal)).rejects.toMatchObject({ code: 'cancelled' });
    expect(runtime.liveTensors.size).toBe(0);
    fault = new Error('The device fell over');
    await expect(pipeline.predict(inputs, grid)).rejects.toBe(fault);
    expect(runtime.liveTensors.size).toBe(0);
    await pipeline.release();
    expect([...runtime.openSessions]).toEqual([]);
  });
});

describe('a part that could not be loaded', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'imagemill-pipeline-'));
    await cp(fixture, folder, { recursive: true });
  });
  afterEach(() => rm(folder, { recursive: true }));

  test.each([
    ['transformer', 'device_failed'],
    ['text_encoder', 'device_failed'],
    ['vae', 'device_failed'],
    ['tokenizer', 'checkpoint_file_missing'],
  ])('is loaded at the next try: %s', async (part, code) => {
    const pipeline = await ZImagePipeline.open(folder, cpuRuntime());
    const draw = async (): Promise<void> => {
      const { latent, grid, caption } = await pipeline.prepare(settings);
      await pipeline.predict([{ latent, time: 0, caption }], grid);
      await pipeline.decode(latent, grid);
    };
    await rename(join(folder, part), join(folder, 'away'));
    await expect(draw()).rejects.toMatchObject({ code });
    await rename(join(folder, 'away'), join(folder, part));
    await draw();
    await pipeline.release();
  });

  test('leaves nothing loaded when it is met in a warm-up', async () => {
    const runtime = observeRuntime(cpuRuntime());
    const pipeline = await ZImagePipeline.open(folder, runtime);
    await rm(join(folder, 'vae'), { recursive: true });
    await expect(pipeline.warmUp()).rejects.toMatchObject({ code: 'device_failed' });
    expect([...runtime.openSessions]).toEqual([]);
  });

  test('does not keep the others from being released', async () => {
    const runtime = observeRuntime(cpuRuntime());
    const pipeline = await ZImagePipeline.open(folder, runtime);
    await pipeline.warmUp();
    await rm(join(folder, 'vae'), { recursive: true });
    const image = { values: new Float32Array(3 * 64 * 64), width: 64, height: 64 };
    await expect(pipeline.vae.encode(image)).rejects.toMatchObject({ code: 'device_failed' });
    await pipeline.release();
    expect([...runtime.openSessions]).toEqual([]);
  });
});

describe('the size of a picture', () => {
  let pipeline: ZImagePipeline;
  beforeAll(async () => {
    pipeline = await ZImagePipeline.open(fixture, cpuRuntime());
  });
  afterAll(() => pipeline.release());

  test('may be any multiple of patch size times VAE factor up to the number of positions', () => {
    expect(pipeline.limits).toEqual({ grain: 16, maxWidth: 1024, maxHeight: 1024 });
    const side = fc.integer({ min: 1, max: 64 });
    fc.assert(
      fc.property(side, side, (columns, rows) => {
        expect(pipeline.checkSize(16 * columns, 16 * rows)).toEqual({ rows, columns });
      }),
    );
  });

  test('is refused otherwise, naming the side and what is expected', () => {
    const bad = fc.oneof(
      fc.integer({ min: -100, max: 5000 }).filter((value) => value % 16 !== 0 || value < 16 || value > 1024),
      fc.constantFrom(0, -16, 1040, 16.5, Number.NaN, Number.POSITIVE_INFINITY),
    );
    fc.assert(
      fc.property(bad, fc.boolean(), (value, isWidth) => {
        const refused = expect(() => (isWidth ? pipeline.checkSize(value, 64) : pipeline.checkSize(64, value)));
        refused.toThrow(`${isWidth ? 'width' : 'height'} is ${value}; a multiple of 16 from 16 to 1024 is expected.`);
      }),
    );
  });
});

describe('prompts', () => {
  test('are encoded once, and the ones used longest ago are forgotten', async () => {
    let runs = 0;
    const runtime = observeRuntime(cpuRuntime(), {
      onRun(graph) {
        if (graph === 'caption') runs += 1;
      },
    });
    const captionCache = new CaptionCache({ maxEntries: 64 });
    const pipeline = await ZImagePipeline.open(fixture, runtime, { captionCache });
    const first = await pipeline.encodePrompt('0');
    expect(await pipeline.encodePrompt('0')).toBe(first);
    expect(runs).toBe(1);
    for (let at = 1; at <= 64; at += 1) await pipeline.encodePrompt(`${at}`);
    expect(runs).toBe(65);
    expect(await pipeline.encodePrompt('0')).toEqual(first);
    expect(runs).toBe(66);
    await pipeline.release();
    expect(captionCache.bytes).toBe(0);
  });

  test('of one tenant are encoded anew for another, with the same numbers', async () => {
    let runs = 0;
    const runtime = observeRuntime(cpuRuntime(), {
      onRun(graph) {
        if (graph === 'caption') runs += 1;
      },
    });
    const pipeline = await ZImagePipeline.open(fixture, runtime);
    const first = await pipeline.encodePrompt('a boat', [], 'tenant-a');
    expect(await pipeline.encodePrompt('a boat', [], 'tenant-b')).toEqual(first);
    expect(runs).toBe(2);
    await pipeline.encodePrompt('a boat', [], 'tenant-a');
    expect(runs).toBe(2);
    await pipeline.release();
  });

  test('longer than the model has positions for are cut, and still drawn', async () => {
    const pipeline = await ZImagePipeline.open(fixture, cpuRuntime());
    const { caption } = await pipeline.prepare({ ...settings, prompt: 'many words and ever more '.repeat(200) });
    expect(caption.tokens).toBe(224); // axes_lens[0] is 256; the picture stands one behind the caption
    await pipeline.release();
  });
});

test('weights that are mapped draw what packed weights draw', async () => {
  const pictures: Uint8Array[] = [];
  for (const mode of ['mapped', 'packed'] as const) {
    const pipeline = await ZImagePipeline.open(fixture, cpuRuntime(mode));
    const item = await pipeline.prepare(settings);
    while (item.step < 2) await denoiseStep(pipeline, [item]);
    pictures.push((await pipeline.decode(item.latent, item.grid)).data);
    await pipeline.release();
  }
  const [mapped = new Uint8Array(), packed = new Uint8Array()] = pictures;
  expect(Math.max(...mapped.map((value, at) => Math.abs(value - packed[at]!)))).toBeLessThanOrEqual(1);
});
