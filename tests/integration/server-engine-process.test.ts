import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../apps/server/src/adapters/clock.ts';
import { EngineProcess } from '../../apps/server/src/adapters/inference/engine-process.ts';
import type { DrawOutcome, EngineItem, EngineState } from '../../apps/server/src/application/engine-port.ts';
import { keepAll } from '../support/keep-all.ts';
import { quietLog } from '../support/quiet-log.ts';

const item: EngineItem = {
  id: 'a',
  modelPath: '/models/demo',
  precision: undefined,
  prompt: 'a red apple',
  negativePrompt: '',
  width: 64,
  height: 32,
  seed: 1,
  steps: 4,
  guidanceScale: 0,
  format: 'png',
  quality: 90,
  previews: true,
  loras: [],
  cacheScope: 'test',
  rank: 1,
  oversize: 'reject',
};

const silent = { step: () => undefined, preview: () => undefined };

describe('an engine process', () => {
  let engine: EngineProcess;
  afterEach(() => engine.close());

  function start(device: string, options: { slots?: number; stuckAfterMs?: number } = {}): EngineProcess {
    const { slots = 4, stuckAfterMs = 0 } = options;
    engine = new EngineProcess({
      engine: {
        device,
        weights: 'mapped',
        threads: 0,
        slots,
        cacheDir: '/nowhere',
        memoryReserveBytes: 0,
        models: keepAll,
      },
      environment: {},
      clock: systemClock,
      log: quietLog,
      firstRestartPauseMs: 1,
      stuckAfterMs,
    });
    return engine;
  }

  function reach(state: EngineState): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (engine.status.state === state) {
          unsubscribe();
          resolve();
        }
      };
      const unsubscribe = engine.onChange(look);
      look();
    });
  }

  it('draws items side by side and tells each step, a preview and the picture', async () => {
    start('fixed:20');
    await reach('ready');
    expect(engine.status).toMatchObject({ executionProvider: 'fixed-time', crashes: 0, problem: undefined });
    const seen: string[] = [];
    const observer = (id: string) => ({
      step: (step: number, steps: number) => seen.push(`${id} step ${step}/${steps}`),
      preview: (preview: { step: number; mediaType: string; image: Uint8Array }) =>
        seen.push(`${id} preview ${preview.step} ${preview.mediaType}`),
    });
    const outcomes = await Promise.all(['a', 'b'].map((id) => engine.draw({ ...item, id }, observer(id))));
    expect(seen.filter((line) => line.startsWith('a'))).toEqual([
      ...['a step 1/4', 'a step 2/4', 'a preview 2 image/png', 'a step 3/4', 'a step 4/4'],
    ]);
    expect(seen.indexOf('b step 1/4')).toBeLessThan(seen.indexOf('a step 4/4'));
    expect(outcomes).toMatchObject([
      { kind: 'finished', picture: { width: 64, height: 32, seed: 1, steps: 4, mediaType: 'image/png' } },
      { kind: 'finished' },
    ]);
    const [a, b] = outcomes.map((outcome) => (outcome.kind === 'finished' ? Buffer.from(outcome.picture.image) : null));
    expect(a?.subarray(1, 4).toString()).toBe('PNG');
    expect(a?.equals(b ?? Buffer.alloc(0))).toBe(false);
  });

  it.each(['jpeg', 'webp'] as const)('encodes %s', async (format) => {
    start('fixed:0');
    await reach('ready');
    const outcome = await engine.draw({ ...item, format }, silent);
    expect(outcome).toMatchObject({ kind: 'finished', picture: { mediaType: `image/${format}` } });
  });

  it('stops an item at the next step when it is cancelled', async () => {
    start('fixed:60000');
    await reach('ready');
    const { promise, resolve } = deferred<DrawOutcome>();
    const step = (): void => engine.cancel('a');
    void engine.draw({ ...item, steps: 2_000 }, { ...silent, step }).then(resolve);
    expect(await promise).toEqual({ kind: 'cancelled' });
  });

  it('fails the items of a process that is killed, and draws on with a new one', async () => {
    start('fixed:60000');
    await reach('ready');
    const outcome = engine.draw(item, silent);
    const killed = engine.pid;
    process.kill(killed ?? 0, 'SIGKILL');
    expect(await outcome).toMatchObject({ kind: 'failed', fault: { code: 'engine_crashed', retryable: true } });
    expect(engine.status.crashes).toBe(1);
    await reach('ready');
    expect(engine.pid).not.toBe(killed);
  });

  it('ends a process that says nothing for too long about what it draws, and goes on with a new one', async () => {
    start('fixed:60000', { stuckAfterMs: 100 });
    await reach('ready');
    const outcome = await engine.draw({ ...item, steps: 1 }, silent);
    expect(outcome).toMatchObject({ kind: 'failed', fault: { code: 'engine_stuck', retryable: true } });
    await reach('ready');
  });

  it('says why a device cannot be used, and lives on', async () => {
    start('toaster:3');
    await reach('broken');
    expect(engine.status.problem).toMatchObject({ code: 'device_unavailable' });
    expect(engine.status.problem?.message).toContain('toaster:3');
    expect(await engine.draw(item, silent)).toMatchObject({ kind: 'failed', fault: { code: 'device_unavailable' } });
  });

  it('ends open items as cancelled when it is closed', async () => {
    start('fixed:60000');
    await reach('ready');
    const outcome = engine.draw(item, silent);
    await engine.close();
    expect(await outcome).toEqual({ kind: 'cancelled' });
    expect(engine.pid).toBeUndefined();
  });
});

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
