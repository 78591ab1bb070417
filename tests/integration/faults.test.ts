/** The faults of the runbook, each made for real: seen, mended or told of. */
import { cp, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { createHuggingFaceHub } from '../../apps/server/src/adapters/hub/hugging-face-hub.ts';
import { createModelStore } from '../../apps/server/src/adapters/hub/model-store.ts';
import { timerPauses } from '../../apps/server/src/adapters/hub/timer-pauses.ts';
import { createPullModel } from '../../apps/server/src/application/pull-model.ts';
import { createRecordModel } from '../../apps/server/src/application/verify-model.ts';
import { hubRepositoryFiles } from '../support/model-hub-files.ts';
import { startModelHubServer } from '../support/model-hub-server.ts';
import { queryRecords } from '../support/records.ts';
import { openParts, untilReady } from '../support/server-parts.ts';

type Opened = Awaited<ReturnType<typeof openParts>>;
const opened: (() => PromiseLike<unknown>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

const demo = fileURLToPath(new URL('../../models/demo', import.meta.url));
const base = { device: 'cpu', calibrate: false, retryPauseMs: 0, watchdogSeconds: 0.05, alertIntervalSeconds: 300 };

async function open(settings: Parameters<typeof openParts>[0] = {}): Promise<Opened> {
  const parts = await openParts({ ...base, ...settings });
  opened.push(() => parts.close());
  await untilReady(parts);
  return parts;
}

interface Shown {
  readonly id: string;
  readonly jobs: readonly {
    readonly id: string;
    readonly state: string;
    readonly error?: { code: string };
    readonly warnings?: readonly { code: string }[];
  }[];
}

const small = { width: 64, height: 64, steps: 4, seed: 1 };

async function submit({ app }: Opened, body: object = {}): Promise<string> {
  const payload = { prompt: 'a secret fox', ...small, ...body };
  const answer = await app.inject({ method: 'POST', url: '/v1/generations', payload });
  expect(answer.statusCode).toBe(202);
  return answer.json<Shown>().id;
}

/** The generation once none of its jobs is open. */
async function finished({ app, store }: Opened, id: string): Promise<Shown> {
  while (true) {
    const changed = new Promise<void>((resolve) => {
      const stop = store.onStored(() => {
        stop();
        resolve();
      });
    });
    const shown = (await app.inject({ url: `/v1/generations/${id}` })).json<Shown>();
    if (shown.jobs.every(({ state }) => !['queued', 'running'].includes(state))) return shown;
    await changed;
  }
}

async function draw(parts: Opened, body: object = {}): Promise<Shown> {
  return finished(parts, await submit(parts, body));
}

/** Asks until the answer fits; a test that never gets it runs into its time limit. */
async function until<T>(ask: () => Promise<T | undefined> | T | undefined): Promise<T> {
  while (true) {
    const found = await ask();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function incident({ incidents }: Opened, kind: string) {
  return until(() => incidents.list().find((one) => one.kind === kind));
}

describe('a stuck engine', () => {
  it('is seen by what is normal for it, looked at, ended and started again; its picture is drawn', async () => {
    const parts = await open({ model: demo, engineStuckFactor: 3, engineStuckLeastMs: 400, weights: 'mapped' });
    await draw(parts);
    const started = new Promise<void>((resolve) => {
      const stop = parts.store.onStored((event) => {
        if (event.type !== 'job.started') return;
        stop();
        resolve();
      });
    });
    const id = await submit(parts, { steps: 100 });
    await started;
    process.kill(parts.engine.pid ?? 0, 'SIGSTOP');
    const { jobs } = await finished(parts, id);
    expect(jobs[0]).toMatchObject({ state: 'succeeded' });
    const seen = await incident(parts, 'engine_stuck');
    expect(seen.message).toMatch(/no step for \d+ ms, where \d+ ms are normal/);
    expect(seen.details).toMatchObject({
      device: 'cpu',
      items: [{ model: 'demo', width: 64, height: 64, steps: 100 }],
      dump: { status: { State: expect.stringContaining('T') } },
    });
    const folder = join(parts.config.dataDir, 'crash-reports');
    const text = (
      await Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name), 'utf8')))
    ).join();
    expect(text).toContain('engine_stuck');
    expect(text).not.toContain('secret');
    expect(await parts.metrics.read()).toContain('imagemill_incidents_total{kind="engine_stuck"} 1');
  });

  it('that is only slow is left alone', async () => {
    const parts = await open({ model: demo, engineStuckFactor: 3, engineStuckLeastMs: 10_000 });
    await draw(parts);
    await draw(parts, { width: 256, height: 256, steps: 2 });
    expect(parts.incidents.list()).toEqual([]);
    expect(parts.engine.status.crashes).toBe(0);
  });
});

describe('an engine that is killed, as by a system out of memory', () => {
  it('is started again, its picture is drawn, and a report says what it was at', async () => {
    const parts = await open({ model: demo });
    const id = await submit(parts, { steps: 100 });
    await until(() => (parts.engine.status.models.some(({ state }) => state === 'loaded') ? true : undefined));
    process.kill(parts.engine.pid ?? 0, 'SIGKILL');
    expect((await finished(parts, id)).jobs[0]).toMatchObject({ state: 'succeeded' });
    expect(await incident(parts, 'engine_crashed')).toMatchObject({
      details: { how: 'SIGKILL', executionProvider: 'cpu' },
    });
  });

  it('and one that refuses for want of memory says so on the job and in the metrics', async () => {
    const parts = await open({ model: demo, memoryReserveBytes: 1_099_511_627_776, maxAttempts: 1 });
    const { jobs } = await draw(parts);
    expect(jobs[0]).toMatchObject({ state: 'dead', error: { code: 'out_of_memory' } });
    expect(await parts.metrics.read()).toContain('code="out_of_memory"');
  });
});

describe('pictures that hold nothing', () => {
  it('are drawn in another precision, which stands on the job, and the bad one is not used again', async () => {
    const parts = await open({ model: demo, weights: 'w8a8' });
    await draw(parts);
    await parts.app.inject({ method: 'POST', url: '/v1/models/demo/unload' });
    const cache = join(parts.config.dataDir, 'cache');
    let damaged = 0;
    for (const name of await readdir(cache, { recursive: true })) {
      if (!name.endsWith('-w8a8.safetensors')) continue;
      const path = join(cache, name);
      const bytes = await readFile(path);
      // Behind its header every four bytes read as NaN.
      await writeFile(path, bytes.fill(0xff, 8 + Number(bytes.readBigUInt64LE(0))));
      damaged += 1;
    }
    expect(damaged).toBeGreaterThan(0);
    const { jobs } = await draw(parts, { seed: 2 });
    expect(jobs[0]).toMatchObject({ state: 'succeeded', warnings: [{ code: 'precision_changed' }] });
    expect((await incident(parts, 'picture_unsound')).message).toContain('w8a8');
    const again = await draw(parts, { seed: 3 });
    expect(again.jobs[0]).toMatchObject({ state: 'succeeded', warnings: [{ code: 'precision_changed' }] });
    expect(parts.incidents.list().filter(({ kind }) => kind === 'picture_unsound')).toHaveLength(1);
  });
});

describe('a blocked queue', () => {
  it('is reconciled from the records: what a clock that was put back holds is drawn, nothing is flushed', async () => {
    const parts = await open({ model: demo, watchdogSeconds: 0.2 });
    await parts.app.inject({ method: 'POST', url: '/v1/queue/pause' });
    const id = await submit(parts, { count: 2 });
    const year = 31_536_000_000;
    await queryRecords(parts.config, `update jobs set ready = 0, not_before = ${Date.now() + year}`);
    await parts.app.inject({ method: 'POST', url: '/v1/queue/resume' });
    const { jobs } = await finished(parts, id);
    expect(jobs.map(({ state }) => state)).toEqual(['succeeded', 'succeeded']);
    expect(await incident(parts, 'queue_blocked')).toMatchObject({ details: { mended: 2 } });
  });

  it('by a lease that ends later than any can is freed', async () => {
    const parts = await open({ model: demo, watchdogSeconds: 0.2 });
    await parts.app.inject({ method: 'POST', url: '/v1/queue/pause' });
    const id = await submit(parts);
    const lease = "state = 'running', attempt = 1, lease_token = 1, worker_id = 'gone', started_at = created_at";
    await queryRecords(parts.config, `update jobs set ${lease}, lease_expires_at = ${Date.now() + 31_536_000_000}`);
    await parts.app.inject({ method: 'POST', url: '/v1/queue/resume' });
    expect((await finished(parts, id)).jobs[0]).toMatchObject({ state: 'succeeded' });
    expect(await incident(parts, 'queue_blocked')).toBeDefined();
  });
});

describe('damaged weights', () => {
  async function folder(): Promise<string> {
    const path = await mkdtemp(join(tmpdir(), 'imagemill-damaged-'));
    opened.push(() => rm(path, { recursive: true, force: true }));
    return path;
  }

  async function weightsOf(model: string): Promise<string> {
    const names = await readdir(model, { recursive: true });
    const name = names.find((one) => one.startsWith('transformer') && one.endsWith('.safetensors'));
    return join(model, name ?? 'none');
  }

  it('are found by their hashes, put aside and told of with the way to mend them', async () => {
    const modelsDir = await folder();
    await cp(demo, join(modelsDir, 'copy'), { recursive: true });
    const store = createModelStore({ modelsFolder: modelsDir, readOnlyFolders: [] });
    await createRecordModel({ store })({ reference: join(modelsDir, 'copy'), signal: new AbortController().signal });
    const parts = await open({ modelsDir, model: join(modelsDir, 'copy') });
    const path = await weightsOf(join(modelsDir, 'copy'));
    await truncate(path, 1_000);
    const { jobs } = await draw(parts);
    expect(jobs[0]).toMatchObject({ state: 'failed', error: { code: expect.stringContaining('checkpoint_file') } });
    const seen = await incident(parts, 'weights_damaged');
    expect(seen.action).toContain('imagemill models pull');
    expect(await readdir(modelsDir)).toContain('copy.quarantine');
    await expect(readFile(path)).rejects.toThrow('ENOENT');
  });

  it('are fetched again where the settings allow it, and the picture is drawn', async () => {
    const modelsDir = await folder();
    const hub = await startModelHubServer('owner/small', await hubRepositoryFiles());
    opened.push(() => hub.close());
    const store = createModelStore({ modelsFolder: modelsDir, readOnlyFolders: [] });
    const pull = createPullModel({ hub: createHuggingFaceHub({ endpoint: hub.endpoint }), store, pauses: timerPauses });
    const { model } = await pull({ repository: 'owner/small', signal: new AbortController().signal });
    const parts = await open({ modelsDir, model: model.path, repairModels: true, retryPauseMs: 100, maxAttempts: 100 });
    await truncate(await weightsOf(model.path), 100);
    const { jobs } = await draw(parts, { steps: 1 });
    expect(jobs[0]).toMatchObject({ state: 'succeeded' });
    expect((await incident(parts, 'weights_damaged')).action).toContain('whole ones were fetched');
  });
});

describe('a disk that is nearly full', () => {
  it('stops new work with 507 and is told of once', async () => {
    const parts = await open({ model: demo, minFreeBytes: Number.MAX_SAFE_INTEGER });
    const answer = await parts.app.inject({ method: 'POST', url: '/v1/generations', payload: { prompt: 'x' } });
    expect(answer.statusCode).toBe(507);
    expect((await incident(parts, 'disk_nearly_full')).action).toContain('507');
    expect(parts.incidents.list()).toHaveLength(1);
  });
});
