import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../apps/server/src/adapters/clock.ts';
import { EngineProcess } from '../../apps/server/src/adapters/inference/engine-process.ts';
import type { ModelRules } from '../../apps/server/src/adapters/inference/engine-protocol.ts';
import type { EngineItem, EngineStatus, HeldModel } from '../../apps/server/src/application/engine-port.ts';
import type { Logger } from '../../apps/server/src/application/ports.ts';
import { keepAll } from '../support/keep-all.ts';

const demo = {
  modelPath: fileURLToPath(new URL('../../models/demo', import.meta.url)),
  precision: 'packed' as const,
};
const item: EngineItem = {
  ...{ ...demo, id: 'a', prompt: 'a red apple', negativePrompt: '', width: 64, height: 64, seed: 1, steps: 2 },
  ...{ guidanceScale: 0, format: 'png', quality: 90, previews: false, rank: 1, loras: [], cacheScope: 'test' },
  oversize: 'reject',
};
const silent = { step: () => undefined, preview: () => undefined };

let folder = '';
let engine: EngineProcess | undefined;
let lines: string[] = [];
let onLine: (line: string) => void = () => undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'imagemill-upkeep-'));
  lines = [];
});
afterEach(async () => {
  await engine?.close();
  await rm(folder, { recursive: true });
});

async function start(rules: Partial<ModelRules>): Promise<EngineProcess> {
  const keep = (_fields: object, message: string): void => {
    lines.push(message);
    onLine(message);
  };
  const log: Logger = { debug: keep, info: keep, warn: keep, error: keep };
  engine = new EngineProcess({
    engine: {
      ...{ device: 'cpu', weights: 'packed', threads: 2, slots: 4, cacheDir: folder, memoryReserveBytes: 0 },
      models: { ...keepAll, ...rules },
    },
    environment: {},
    clock: systemClock,
    log,
  });
  await until(engine, ({ state }) => state === 'ready');
  return engine;
}

function until(process: EngineProcess, isThere: (status: EngineStatus) => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = (status: EngineStatus): void => {
      if (!isThere(status)) return;
      stop();
      resolve();
    };
    const stop = process.onChange(look);
    look(process.status);
  });
}

const line = (pattern: RegExp): Promise<string> =>
  new Promise((resolve) => {
    onLine = (text) => void (pattern.test(text) && resolve(text));
    for (const text of lines) onLine(text);
  });

const models = (): readonly HeldModel[] => engine?.status.models ?? [];

describe('an engine in idle moments', () => {
  it('measures its batch limits once and keeps them over a restart', async () => {
    const first = await start({ calibrate: true });
    expect(await first.load(demo)).toBeUndefined();
    await line(/^measured/);
    const text = await readFile(join(folder, 'calibration.json'), 'utf8');
    expect(JSON.parse(text).entries).toMatchObject([
      { key: { device: 'cpu', model: demo.modelPath, precision: 'packed', threads: 2 }, limits: [{}, { width: 256 }] },
    ]);
    await first.close();

    // The order runs after what the load left to do for idle moments, had there been anything to measure.
    const second = await start({ calibrate: true, warmUpEveryMs: 0 });
    await second.load(demo);
    expect((await second.draw(item, silent)).kind).toBe('finished');
    expect(await readFile(join(folder, 'calibration.json'), 'utf8')).toBe(text);
  });

  it('drops a model that nobody used for the keep-alive time, and loads it again for the next picture', async () => {
    const process = await start({ keepAliveMs: 50 });
    await process.load(demo);
    await until(process, ({ models: held }) => held.length === 0);
    expect((await process.draw(item, silent)).kind).toBe('finished');
  });

  it('warms models up on a timer, which is not a use that keeps them', async () => {
    const process = await start({ warmUpEveryMs: 20, keepAliveMs: 1_500 });
    await process.load(demo);
    const loadedAt = models()[0]?.lastUsedAt;
    await until(process, ({ models: held }) => held.length === 0 || held[0]?.lastUsedAt !== loadedAt);
    expect(models()).toEqual([]);
    expect(lines.filter((text) => text.includes('failed'))).toEqual([]);
  });

  it('makes models ready for adapters once there are some, also one that was loaded before', async () => {
    const process = await start({ warmUpEveryMs: 0 });
    await process.load(demo);
    process.expectLoras();
    await line(/ready for adapters/);
    expect((await process.draw(item, silent)).kind).toBe('finished');
    expect(lines.filter((text) => text.includes('failed'))).toEqual([]);
  });

  it('gives way to pictures: one that comes while it measures is drawn', async () => {
    const process = await start({ calibrate: true });
    await process.load(demo);
    const outcomes = await Promise.all(['a', 'b', 'c'].map((id) => process.draw({ ...item, id, steps: 20 }, silent)));
    expect(outcomes.map(({ kind }) => kind)).toEqual(['finished', 'finished', 'finished']);
    await line(/^measured/);
  });
});

describe('imagemill calibrate', () => {
  it('gives limits for three sizes, each with the batches it tried', async () => {
    const process = await start({});
    const { fault, limits = [] } = await process.calibrate(demo);
    expect(fault).toBeUndefined();
    expect(limits.map(({ width }) => width)).toEqual([128, 256, 384]);
    for (const { maxRows, timings } of limits) {
      expect(timings.map(({ rows }) => rows)).toEqual([1, 2, 4, 8]);
      expect([1, 2, 4, 8]).toContain(maxRows);
    }
  });

  it('says why a model cannot be measured', async () => {
    const process = await start({});
    const { fault } = await process.calibrate({ ...demo, modelPath: join(folder, 'nothing') });
    expect(fault).toMatchObject({ code: expect.stringMatching(/^checkpoint/) });
  });
});
