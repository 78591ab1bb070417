import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterEach, describe, expect, test } from 'vitest';
import { type EngineNotice, type EngineRequest, SlotEngine } from './engine.ts';
import { DiffusionError } from './errors.ts';
import { ZImagePipeline } from './families/z-image/pipeline.ts';
import { ModelPool } from './model-pool.ts';
import { cpuRuntime, observeRuntime, type RuntimeObserver } from './testing/observed-runtime.ts';

const fixture = fileURLToPath(new URL('../../../tests/fixtures/parity/float32/checkpoint', import.meta.url));

interface Bench {
  readonly engine: SlotEngine;
  readonly models: ModelPool;
  /** Names of notices in the order in which they came, `id type`. */
  readonly log: string[];
  /** Draws a picture; resolves with all its notices when the last one came. */
  draw(request?: Partial<EngineRequest>, on?: (notice: EngineNotice) => void): Promise<readonly EngineNotice[]>;
}

const open: ModelPool[] = [];
afterEach(async () => {
  for (const models of open.splice(0)) await models.close();
});

function createBench(options: { slots?: number; maxBatchTokens?: number; observer?: RuntimeObserver } = {}): Bench {
  const runtime = observeRuntime(cpuRuntime(), options.observer);
  const models = new ModelPool({ open: (path) => ZImagePipeline.open(path, runtime) });
  open.push(models);
  const engine = new SlotEngine({
    models,
    slots: options.slots ?? 4,
    maxBatchTokens: options.maxBatchTokens ?? 4096,
  });
  const log: string[] = [];
  let count = 0;
  return {
    engine,
    models,
    log,
    draw: (request = {}, on) =>
      new Promise((resolve) => {
        count += 1;
        const notices: EngineNotice[] = [];
        const full = { ...defaults, id: `${count}`, ...request };
        engine.submit(full, (notice) => {
          notices.push(notice);
          log.push(`${full.id} ${notice.type}`);
          on?.(notice);
          if (isLast(notice)) resolve(notices);
        });
      }),
  };
}

const defaults: EngineRequest = {
  id: '',
  model: fixture,
  prompt: 'a red apple on a blue table',
  negativePrompt: '',
  width: 64,
  height: 64,
  seed: 1,
  steps: 4,
  guidance: { scale: 0 },
  format: 'png',
  quality: 90,
  previews: false,
};

function isLast({ type }: EngineNotice): boolean {
  return type === 'finished' || type === 'failed' || type === 'cancelled';
}

function typesOf(notices: readonly EngineNotice[]): string[] {
  return notices.map((notice) => (notice.type === 'step' ? `step ${notice.step}/${notice.steps}` : notice.type));
}

function last<Type extends EngineNotice['type']>(notices: readonly EngineNotice[], type: Type) {
  const notice = notices.at(-1);
  if (notice?.type !== type) throw new TypeError(`${type} is expected, not ${JSON.stringify(notice)}`);
  return notice as Extract<EngineNotice, { type: Type }>;
}

async function pixelsOf(notices: readonly EngineNotice[]): Promise<Uint8Array> {
  return sharp(last(notices, 'finished').image).raw().toBuffer();
}

const wholeRun = ['started', 'step 1/4', 'step 2/4', 'step 3/4', 'step 4/4', 'finished'];

describe('an engine', () => {
  test('draws many pictures of two sizes, each with its notices in order and the last one once', async () => {
    const { engine, draw } = createBench();
    const sizes = [
      { width: 64, height: 64 },
      { width: 96, height: 32 },
    ];
    const runs = await Promise.all(Array.from({ length: 9 }, (_, seed) => draw({ seed, ...sizes[seed % 2]! })));
    await engine.idle();
    for (const [at, notices] of runs.entries()) {
      expect(typesOf(notices)).toEqual(wholeRun);
      const { image, width, height, timings } = last(notices, 'finished');
      expect({ width, height }).toEqual(sizes[at % 2]);
      expect(await sharp(image).metadata()).toMatchObject({ format: 'png', width, height });
      expect(timings.totalMs).toBeGreaterThanOrEqual(timings.denoiseMs + timings.decodeMs);
    }
  });

  test('lets a picture of a lower rank overtake at the next step and parks another for it', async () => {
    const { draw, log } = createBench({ slots: 1 });
    let urgent: Promise<readonly EngineNotice[]> | undefined;
    const bulk = await draw({ rank: 2 }, (notice) => {
      if (notice.type === 'step' && notice.step === 2) urgent = draw({ rank: 0, seed: 5 });
    });
    expect(typesOf(bulk)).toEqual(wholeRun);
    expect(typesOf((await urgent) ?? [])).toEqual(wholeRun);
    expect(log.indexOf('2 finished')).toBeLessThan(log.indexOf('1 finished'));
    const between = log.slice(log.indexOf('2 started'), log.lastIndexOf('2 step'));
    expect(between.filter((line) => line.startsWith('1 '))).toEqual([]);
  });

  test('draws the same picture whether it was parked on the way or not', async () => {
    const alone = await createBench().draw({ seed: 3 });
    const { draw } = createBench({ slots: 1 });
    let urgent: Promise<unknown> | undefined;
    const parked = await draw({ seed: 3, rank: 2 }, (notice) => {
      if (notice.type === 'step' && notice.step === 1) urgent = draw({ rank: 0 });
    });
    await urgent;
    expect(await pixelsOf(parked)).toEqual(await pixelsOf(alone));
  });

  test('cancels a picture that is parked', async () => {
    const { engine, draw } = createBench({ slots: 1 });
    let urgent: Promise<unknown> | undefined;
    const parked = draw({ id: 'parked', rank: 2 }, (notice) => {
      if (notice.type !== 'step' || notice.step !== 1) return;
      urgent = draw({ rank: 0 }, (own) => {
        if (own.type === 'step' && own.step === 1) engine.cancel('parked');
      });
    });
    expect(typesOf(await parked)).toEqual(['started', 'step 1/4', 'cancelled']);
    await urgent;
  });

  test('charges each picture its share of the batch, so that the shares add up to what the device did', async () => {
    const { draw } = createBench();
    const runs = await Promise.all([draw({ seed: 1 }), draw({ seed: 2 })]);
    const timings = runs.map((notices) => last(notices, 'finished').timings);
    const charged = timings.reduce((sum, { deviceMs }) => sum + deviceMs, 0);
    const longest = Math.max(...timings.map(({ totalMs }) => totalMs));
    expect(charged).toBeGreaterThan(0);
    expect(charged).toBeLessThanOrEqual(longest);
  });

  test('draws the same bytes from the same seed and others from another', async () => {
    const { draw } = createBench();
    const [first, second, other] = [await draw({ seed: 5 }), await draw({ seed: 5 }), await draw({ seed: 6 })];
    expect(last(first, 'finished').image).toEqual(last(second, 'finished').image);
    expect(last(first, 'finished').image).not.toEqual(last(other, 'finished').image);
  });

  test('draws a picture alike whoever else is in its batch', async () => {
    const { draw } = createBench();
    const alone = await pixelsOf(await draw({ seed: 7 }));
    const [among] = await Promise.all([
      draw({ seed: 7 }),
      draw({ seed: 8, prompt: 'a photo of the quick brown fox '.repeat(8) }),
      draw({ seed: 9, steps: 6, guidance: { scale: 3 }, negativePrompt: 'x' }),
    ]);
    const batched = await pixelsOf(among);
    expect(Math.max(...alone.map((value, at) => Math.abs(value - batched[at]!)))).toBeLessThanOrEqual(1);
  });

  test.each(['jpeg', 'webp'] as const)('encodes %s when asked', async (format) => {
    const { draw } = createBench();
    const { image } = last(await draw({ format, steps: 1 }), 'finished');
    expect((await sharp(image).metadata()).format).toBe(format);
  });

  test('is idle again after its work and takes more', async () => {
    const { engine, draw, models } = createBench();
    await engine.idle();
    await draw({ steps: 1 });
    await engine.idle();
    expect(typesOf(await draw({ steps: 1 }))).toEqual(['started', 'step 1/1', 'finished']);
    await models.unload(fixture); // refused if the model had not been given back
  });

  test('lets a picture enter while others are under way', async () => {
    const { draw, log } = createBench();
    const entering: Promise<unknown>[] = [];
    await draw({ id: 'first', steps: 6 }, (notice) => {
      if (notice.type === 'step' && notice.step === 2) entering.push(draw({ id: 'second', steps: 2 }));
    });
    await Promise.all(entering);
    expect(log.indexOf('second finished')).toBeLessThan(log.indexOf('first finished'));
  });

  test('lets groups of two sizes take turns', async () => {
    const { draw, log } = createBench();
    await Promise.all([
      draw({ id: 'a' }),
      draw({ id: 'b', width: 96 }),
      draw({ id: 'c' }),
      draw({ id: 'd', width: 96 }),
    ]);
    const steps = log.filter((line) => line.endsWith('step')).map((line) => line[0]);
    expect(steps.slice(0, 8)).toEqual(['a', 'c', 'b', 'd', 'a', 'c', 'b', 'd']);
  });

  test('puts no more tokens into one call than it was told, and one picture even if that is more', async () => {
    const calls: number[] = [];
    const observer: RuntimeObserver = {
      onRun(graph, dims) {
        if (graph === 'image') calls.push(dims['patches']![0]!);
      },
    };
    // 64 × 64 pixels are 16 tokens, with the caption 48: two fit into 100.
    const two = createBench({ maxBatchTokens: 100, observer });
    await Promise.all(Array.from({ length: 5 }, (_, seed) => two.draw({ seed, steps: 2 })));
    expect(Math.max(...calls)).toBe(2);
    calls.length = 0;
    const none = createBench({ maxBatchTokens: 1, observer });
    await Promise.all([none.draw({ steps: 1 }), none.draw({ steps: 1, guidance: { scale: 2 } })]);
    expect(calls.toSorted()).toEqual([1, 2]);
  });
});

describe('a cancelled picture', () => {
  test('that waits is dropped at once and never started', async () => {
    const { engine, draw, log } = createBench({ slots: 1 });
    const first = draw({ id: 'first' });
    const second = draw({ id: 'waiting' });
    engine.cancel('waiting');
    expect(log).toEqual(['first started', 'waiting cancelled']);
    expect(typesOf(await second)).toEqual(['cancelled']);
    expect(typesOf(await first)).toEqual(wholeRun);
  });

  test('that is drawn stops before its next step; the others in its batch go on', async () => {
    const { engine, draw } = createBench();
    const [stopped, other] = await Promise.all([
      draw({ id: 'stopped' }, (notice) => {
        if (notice.type === 'step' && notice.step === 2) engine.cancel('stopped');
      }),
      draw({ seed: 2 }),
    ]);
    expect(typesOf(stopped)).toEqual(['started', 'step 1/4', 'step 2/4', 'cancelled']);
    expect(typesOf(other)).toEqual(wholeRun);
  });

  test('whose model is still being loaded takes no step', async () => {
    const { engine, models, draw } = createBench();
    const notices = await draw({ id: 'early' }, (notice) => {
      if (notice.type === 'started') engine.cancel('early');
    });
    expect(typesOf(notices)).toEqual(['started', 'cancelled']);
    await engine.idle();
    await models.unload(fixture);
  });

  test('that is unknown or done is ignored', async () => {
    const { engine, draw } = createBench();
    engine.cancel('nobody');
    const notices = await draw({ id: 'done', steps: 1 });
    engine.cancel('done');
    await engine.idle();
    expect(typesOf(notices)).toEqual(['started', 'step 1/1', 'finished']);
  });
});

describe('a picture that fails', () => {
  test.each([
    ['a size that the model cannot draw', { width: 65 }, 'size_invalid'],
    ['no steps', { steps: 0 }, 'option_invalid'],
    ['a negative seed', { seed: -1 }, 'option_invalid'],
    ['a model that is not there', { model: '/nowhere/at/all' }, 'checkpoint_not_found'],
    ['a quality out of range', { format: 'jpeg', quality: 0 }, 'option_invalid'],
    ['a guidance that overflows', { guidance: { scale: 1e38 }, negativePrompt: 'x' }, 'picture_invalid'],
  ] as const)('fails alone: %s', async (_, fault, code) => {
    const { engine, models, draw } = createBench();
    const [before, failed, after] = await Promise.all([draw(), draw(fault), draw({ seed: 3 })]);
    expect(last(failed, 'failed').error).toBeInstanceOf(DiffusionError);
    expect(last(failed, 'failed').error.code).toBe(code);
    expect(typesOf(before)).toEqual(wholeRun);
    expect(typesOf(after)).toEqual(wholeRun);
    await engine.idle();
    await models.unload(fixture);
  });

  test('at its preview is not drawn on, and the others of its batch miss no step and make none twice', async () => {
    const { draw } = createBench();
    const alone = await pixelsOf(await draw({ seed: 3 }));
    const [failed, other] = await Promise.all([
      draw({ guidance: { scale: 1e38 }, negativePrompt: 'x', previews: true }),
      draw({ seed: 3 }),
    ]);
    expect(last(failed, 'failed').error.code).toBe('picture_invalid');
    expect(typesOf(failed)).toEqual(['started', 'step 1/4', 'step 2/4', 'failed']);
    expect(typesOf(other)).toEqual(wholeRun);
    const batched = await pixelsOf(other);
    expect(Math.max(...alone.map((value, at) => Math.abs(value - batched[at]!)))).toBeLessThanOrEqual(1);
  });

  test('because the weights hold no numbers says so', async () => {
    const { draw } = createBench({
      observer: {
        onOutput(graph, _output, values) {
          if (graph === 'final') values.fill(Number.NaN);
        },
      },
    });
    expect(last(await draw(), 'failed').error.code).toBe('picture_invalid');
  });

  test('for a fault that is not ours fails with a code and the reason', async () => {
    const { draw } = createBench({
      observer: {
        onRun(graph) {
          if (graph === 'vae-decoder') throw new Error('The device fell over');
        },
      },
    });
    const { error } = last(await draw(), 'failed');
    expect(error).toMatchObject({ code: 'device_failed', message: 'Drawing failed: The device fell over' });
    expect(error.cause).toBeInstanceOf(Error);
  });
});

test('a batch that does not fit the memory is drawn one by one', async () => {
  const { draw } = createBench({
    observer: {
      onRun(_graph, dims) {
        if ((dims['time']?.[0] ?? 1) > 1) throw new DiffusionError('out_of_memory', 'Two are too many.');
      },
    },
  });
  const runs = await Promise.all([draw(), draw({ seed: 2 }), draw({ seed: 3 })]);
  for (const notices of runs) expect(typesOf(notices)).toEqual(wholeRun);
});

test('a preview of the picture comes in the middle of the run, no longer than 16 latent pixels', async () => {
  const { draw } = createBench();
  const notices = await draw({ previews: true, width: 256, height: 128, steps: 5 });
  const previews = notices.filter((notice) => notice.type === 'preview');
  expect(previews.map(({ step }) => step)).toContain(3);
  const { format, width, height } = await sharp(previews[0]?.image).metadata();
  expect({ format, width, height }).toEqual({ format: 'jpeg', width: 128, height: 64 });
  expect(
    typesOf(notices)
      .filter((type) => type !== 'preview')
      .at(-1),
  ).toBe('finished');
});

describe('adapters', () => {
  const adapter = fileURLToPath(
    new URL('../../../tests/fixtures/parity/float32/lora/comfyui.safetensors', import.meta.url),
  );
  const finish = async (draw: Promise<readonly EngineNotice[]>) => {
    const last = (await draw).at(-1);
    if (last?.type !== 'finished') throw new TypeError(`The picture ended with ${last?.type}`);
    return last;
  };

  test('draw in one batch with pictures without, and are named with the picture', async () => {
    const { draw } = createBench();
    const [plain, weak, strong] = await Promise.all([
      finish(draw()),
      finish(draw({ loras: [{ adapter, strength: 0.4 }] })),
      finish(draw({ loras: [{ adapter, strength: 1 }] })),
    ]);
    expect(plain).not.toHaveProperty('loras');
    expect(weak.loras).toEqual([{ sha256: expect.stringMatching(/^[0-9a-f]{64}$/), strength: 0.4 }]);
    expect(new Set([plain, weak, strong].map(({ image }) => Buffer.from(image).toString('base64'))).size).toBe(3);
  });

  test('that cannot be applied fail their picture alone', async () => {
    const { draw } = createBench();
    const wide = adapter.replace('float32', 'bfloat16-sharded');
    const [fine, absent, misfit, endless] = await Promise.all([
      draw(),
      draw({ loras: [{ adapter: `${adapter}.absent`, strength: 1 }] }),
      draw({ loras: [{ adapter: wide, strength: 1 }] }),
      draw({ loras: [{ adapter, strength: Number.POSITIVE_INFINITY }] }),
    ]);
    expect(fine.at(-1)).toMatchObject({ type: 'finished' });
    expect(absent.at(-1)).toMatchObject({ type: 'failed', error: { code: 'lora_not_found' } });
    expect(misfit.at(-1)).toMatchObject({ type: 'failed', error: { code: 'lora_incompatible' } });
    expect(endless.at(-1)).toMatchObject({ type: 'failed', error: { code: 'option_invalid' } });
  });
});
