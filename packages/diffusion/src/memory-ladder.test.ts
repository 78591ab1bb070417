import { fileURLToPath } from 'node:url';
import { GraphBuilder } from '@imagemill/onnx';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openCheckpoint } from './checkpoint/checkpoint.ts';
import { type EngineNotice, type EngineRequest, SlotEngine } from './engine.ts';
import { ZImagePipeline } from './families/z-image/pipeline.ts';
import type { DeviceMemory } from './memory-ladder.ts';
import { ModelPool } from './model-pool.ts';
import { cpuRuntime, observeRuntime, type RuntimeObserver } from './testing/observed-runtime.ts';

const fixture = fileURLToPath(new URL('../../../tests/fixtures/parity/float32/checkpoint', import.meta.url));

/** What ONNX Runtime says when it cannot allocate: that of a graph which asks for 256 TiB. */
let refusal: Error;
beforeAll(async () => {
  const runtime = cpuRuntime();
  const graph = new GraphBuilder({ name: 'huge' });
  const shape = graph.constant('i64', [2 ** 20, 2 ** 20, 64]);
  graph.output('y', graph.apply('Expand', [graph.input('x', 'f32', [1, 1, 1]), shape]));
  const session = await runtime.open(graph.build());
  refusal = await session.run({ x: runtime.tensor('f32', Float32Array.of(1), [1, 1, 1]) }).then(
    () => new Error('256 TiB were allocated'),
    (error: Error) => error,
  );
  await session.release();
});

const open: ModelPool[] = [];
afterEach(async () => {
  for (const models of open.splice(0)) await models.close();
});

function createBench(options: { observer?: RuntimeObserver; memory?: DeviceMemory; slots?: number; tile?: number }) {
  const { observer = {}, memory, slots = 4, tile = 1024 } = options;
  const runtime = observeRuntime(cpuRuntime(), observer);
  const models = new ModelPool({
    open: async () => {
      const checkpoint = await openCheckpoint(fixture);
      const vae = { ...checkpoint.vae, config: { ...checkpoint.vae.config, sampleSize: tile } };
      return new ZImagePipeline({ ...checkpoint, vae }, runtime);
    },
  });
  open.push(models);
  const engine = new SlotEngine({ models, slots, maxBatchTokens: 65_536, ...(memory && { memory }) });
  let count = 0;
  const draw = (fields: Partial<EngineRequest> = {}): Promise<EngineNotice> =>
    new Promise((resolve) => {
      count += 1;
      engine.submit({ ...defaults, id: `${count}`, ...fields }, (notice) => {
        if (notice.type === 'finished' || notice.type === 'failed' || notice.type === 'cancelled') resolve(notice);
      });
    });
  return { models, draw };
}

const defaults: EngineRequest = {
  ...{ id: '', model: 'fixture', prompt: 'a red apple', negativePrompt: '', width: 128, height: 128 },
  ...{ seed: 1, steps: 2, guidance: { scale: 0 }, format: 'png', quality: 90, previews: false },
};

function rungsOf(notice: EngineNotice): readonly string[] {
  if (notice.type !== 'finished') throw new TypeError(`finished is expected, not ${JSON.stringify(notice)}`);
  return (notice.rungs ?? []).map(({ rung }) => rung);
}

describe('when the device refuses memory', () => {
  test('a batch is halved, at once for the next ones of its shape', async () => {
    let refused = 0;
    const { draw } = createBench({
      observer: {
        onRun(_graph, dims) {
          if ((dims['time']?.[0] ?? 1) <= 2) return;
          refused += 1;
          throw refusal;
        },
      },
    });
    const first = await Promise.all([1, 2, 3, 4].map((seed) => draw({ seed })));
    for (const notice of first) expect(rungsOf(notice)).toEqual(['smaller_batch']);
    expect(refused).toBe(1);
    await Promise.all([1, 2, 3, 4].map((seed) => draw({ seed })));
    expect(refused).toBe(1);
  });

  test('a picture is decoded in tiles', async () => {
    const { draw } = createBench({
      tile: 64,
      observer: {
        onRun(graph, dims) {
          if (graph === 'vae-decoder' && (dims['latent']?.[3] ?? 0) > 8) throw refusal;
        },
      },
    });
    expect(rungsOf(await draw())).toEqual(['tiled_decode']);
  });

  test('models that nobody uses are freed, and the step is tried again', async () => {
    let isFull = true;
    const { draw, models } = createBench({
      observer: {
        onRun(graph, dims) {
          if (isFull && graph === 'final' && dims['tokens'] !== undefined && models.unused().length > 0) throw refusal;
        },
      },
    });
    isFull = false;
    await draw({ model: 'other' });
    isFull = true;
    const notice = await draw();
    expect(rungsOf(notice)).toEqual(['models_freed']);
    expect(models.unused()).toEqual(['fixture']);
  });

  test('a picture is drawn smaller when its request allows it, and refused with the reason when not', async () => {
    const { draw } = createBench({
      observer: {
        onRun(graph, dims) {
          if (graph === 'vae-decoder' && (dims['latent']?.[3] ?? 0) > 8) throw refusal;
        },
      },
    });
    const fitted = await draw({ oversize: 'fit' });
    expect(fitted).toMatchObject({ type: 'finished', width: 64, height: 64 });
    expect(rungsOf(fitted)).toEqual(['smaller_size']);
    expect(await draw()).toMatchObject({ type: 'failed', error: { code: 'out_of_memory' } });
  });
});

describe('when less memory is free than a picture is predicted to take', () => {
  const memoryOf = (freeBytes: number, reserveBytes = 0): DeviceMemory => ({
    freeBytes: () => freeBytes,
    reserveBytes,
  });

  test('it is refused before anything is drawn, with what it needs and what there is', async () => {
    let steps = 0;
    const observer: RuntimeObserver = {
      onRun(graph) {
        if (graph === 'final') steps += 1;
      },
    };
    const { draw } = createBench({ observer, memory: memoryOf(1e9, 999_900_000) });
    expect(await draw()).toMatchObject({
      type: 'failed',
      error: { code: 'out_of_memory', details: { freeBytes: 100_000, rungs: [] } },
    });
    expect(steps).toBe(0);
  });

  test('it is drawn smaller if it may be', async () => {
    const { draw } = createBench({ memory: memoryOf(2_000_000) });
    const notice = await draw({ width: 256, height: 256, oversize: 'fit' });
    expect(rungsOf(notice)).toContain('smaller_size');
    expect(notice).toMatchObject({ type: 'finished' });
  });

  test('it is decoded in tiles', async () => {
    const { draw } = createBench({ memory: memoryOf(4_000_000), tile: 64 });
    expect(rungsOf(await draw())).toEqual(['tiled_decode']);
  });

  test('fewer pictures share a step than would have', async () => {
    let most = 0;
    const observer: RuntimeObserver = {
      onRun(_graph, dims) {
        most = Math.max(most, dims['time']?.[0] ?? 0);
      },
    };
    const { draw } = createBench({ observer, memory: memoryOf(6_400_000), slots: 30 });
    const notices = await Promise.all(Array.from({ length: 30 }, (_, seed) => draw({ seed, steps: 1 })));
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThan(30);
    expect(rungsOf(notices[0]!)).toEqual(['smaller_batch']);
  });
});
