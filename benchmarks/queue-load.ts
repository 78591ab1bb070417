/** Loads on the queue without HTTP, for `control-plane.ts` and `cluster-queue.ts`. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { systemClock } from '../apps/server/src/adapters/clock.ts';
import { createIdSource } from '../apps/server/src/adapters/id-source.ts';
import type { RecordStore } from '../apps/server/src/adapters/sql/sql-store.ts';
import { SqliteStore } from '../apps/server/src/adapters/sql/sqlite-store.ts';
import { type ClaimJobs, createClaimJobs } from '../apps/server/src/application/claim-jobs.ts';
import { createCostBook } from '../apps/server/src/application/cost-book.ts';
import { createEndAttempt } from '../apps/server/src/application/end-attempt.ts';
import type { DrawingEngine } from '../apps/server/src/application/engine-port.ts';
import type { ModelCatalog } from '../apps/server/src/application/ports.ts';
import { createReapExpiredLeases } from '../apps/server/src/application/reap-expired-leases.ts';
import { createRenewLeases } from '../apps/server/src/application/renew-leases.ts';
import { createSubmitGeneration, type SubmitGeneration } from '../apps/server/src/application/submit-generation.ts';
import { Worker } from '../apps/server/src/application/worker.ts';
import { contentHash, DEFAULT_TENANT, workerId } from '../apps/server/src/domain/ids.ts';
import { noLabels } from '../tests/support/no-labels.ts';
import { noLoras } from '../tests/support/no-loras.ts';
import { quietLog } from '../tests/support/quiet-log.ts';

interface LoadOptions {
  readonly durability: 'normal' | 'full';
  readonly jobs: number;
  readonly slots?: number;
}

/** What a load is put on. */
export interface Bench {
  readonly store: RecordStore;
  readonly submit: SubmitGeneration;
  startWorker(): Worker;
}

/** Jobs a second from the first start to the last picture, with a worker whose engine answers at once. */
export async function drainQueue(options: LoadOptions): Promise<number> {
  return withStore(options, async ({ store, submit, startWorker }) => {
    await submitMany(submit, options.jobs);
    let [startedAt, done] = [0, 0];
    const drained = new Promise<number>((resolve) => {
      store.onStored((event) => {
        if (event.type === 'job.started' && startedAt === 0) startedAt = performance.now();
        if (event.type === 'job.succeeded' && ++done === options.jobs) resolve(performance.now());
      });
    });
    const worker = startWorker();
    const endedAt = await drained;
    await worker.drain(0);
    return options.jobs / ((endedAt - startedAt) / 1_000);
  });
}

/** Times in ms from the call that submits to the start of the job, one job at a time. */
export async function measureStarts(options: LoadOptions): Promise<readonly number[]> {
  return withStore(options, async ({ store, submit, startWorker }) => {
    const worker = startWorker();
    const times: number[] = [];
    for (let i = 0; i < options.jobs; i++) {
      const started = new Promise<number>((resolve) => {
        const stop = store.onStored((event) => {
          if (event.type !== 'job.started') return;
          stop();
          resolve(performance.now());
        });
      });
      const before = performance.now();
      await submit(request);
      times.push((await started) - before);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await worker.drain(0);
    return times;
  });
}

/** Times in ms of claims of four jobs while this many wait, of fifty tenants in two shapes, a fifth backing off. */
export async function measureClaims(rows: number): Promise<readonly number[]> {
  const folder = await mkdtemp(join(tmpdir(), 'imagemill-claims-'));
  try {
    await (await SqliteStore.open({ folder, durability: 'normal' })).close();
    fill(join(folder, 'imagemill.db'), rows);
    const store = await SqliteStore.open({ folder, durability: 'normal' });
    const claim = createClaimJobs({ store, clock: systemClock, leaseMs: 3_600_000 });
    const times: number[] = [];
    for (let i = 0; i < 150; i++) {
      const before = performance.now();
      const claims = await claim({ workerId: workerId('w'), limit: 4 });
      times.push(performance.now() - before);
      if (claims.length !== 4) throw new Error('The queue ran dry');
    }
    await store.close();
    // The first ones prepare statements and warm the compiler up.
    return times.slice(50);
  } finally {
    await rm(folder, { recursive: true });
  }
}

export const request = {
  tenantId: DEFAULT_TENANT,
  prompt: 'a red panda in a green forest, morning light, wide angle, soft colours, high detail',
  negativePrompt: '',
  count: 1,
  format: 'png',
  quality: 90,
  priority: 'standard',
} as const;

/** Hands jobs in, a hundred at a time. */
export async function submitMany(submit: SubmitGeneration, jobs: number): Promise<void> {
  for (let i = 0; i < jobs; i += 100) {
    await Promise.all(Array.from({ length: Math.min(100, jobs - i) }, () => submit(request)));
  }
}

async function withStore<T>({ durability, slots = 4 }: LoadOptions, work: (bench: Bench) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'imagemill-queue-'));
  const store = await SqliteStore.open({ folder, durability });
  try {
    return await work(benchOn(store, slots));
  } finally {
    await store.close();
    await rm(folder, { recursive: true });
  }
}

/**
 * Use cases on a store, with an engine that answers at once.
 *
 * @param claimJobs where workers take jobs from @default straight from the store
 */
export function benchOn(
  store: RecordStore,
  slots: number,
  claimJobs: ClaimJobs = createClaimJobs({ store, clock: systemClock, leaseMs: LEASE_MS }),
): Bench {
  const clock = systemClock;
  const ids = createIdSource(clock);
  const costs = createCostBook('none', []);
  const disk = { freeBytes: async () => 1, minFreeBytes: 0 };
  return {
    store,
    submit: createSubmitGeneration({
      ...{
        store,
        clock,
        ids,
        costs,
        disk,
        models,
        loras: noLoras,
        maxAttempts: 4,
        backOffMs: 5_000,
        idempotencyMs: 1,
      },
      seeds: { pick: () => 1 },
    }),
    startWorker() {
      const worker = new Worker({
        ...{
          clock,
          disk,
          models,
          loras: noLoras,
          labeller: noLabels,
          leaseMs: LEASE_MS,
          pollMs: 1_000,
          releasePauseMs: 0,
          log: quietLog,
          feed: store.feed,
        },
        workerId: workerId(ids.next()),
        engine: idleEngine(slots),
        pictures: {
          put: async () => ({ sha256: contentHash('00'.repeat(32)), sizeBytes: 0 }),
          open: async () => undefined,
          linkTo: async () => undefined,
        },
        claimJobs,
        isOneOfMany: true,
        renewLeases: createRenewLeases({ store, clock, leaseMs: LEASE_MS }),
        endAttempt: createEndAttempt({ store, clock, ids, costs }),
        reapExpiredLeases: createReapExpiredLeases({ store, clock, retry: { maxInterruptions: 1 } }),
      });
      store.onStored((event) => event.type === 'job.queued' && worker.wake());
      return worker;
    },
  };
}

const LEASE_MS = 5_000;

/** A device that takes no time: what is left is the queue. */
function idleEngine(slots: number): DrawingEngine {
  const timings = { loadMs: 0, encodeMs: 0, denoiseMs: 0, decodeMs: 0, totalMs: 0 };
  return {
    status: {
      ...{ state: 'ready', device: 'none', executionProvider: 'none', slots, crashes: 0, problem: undefined },
      ...{ notes: [], models: [] },
    },
    async draw({ width, height, seed, steps }) {
      const picture = { image: new Uint8Array(), mediaType: 'image/png', width, height, seed, steps, timings };
      return { kind: 'finished', picture: { ...picture, executionProvider: 'none' } };
    },
    cancel: () => undefined,
    load: async () => undefined,
    unload: async () => undefined,
    onChange: () => () => undefined,
  };
}

const models: ModelCatalog = {
  list: () => [
    {
      kind: 'usable',
      facts: {
        ...{
          name: 'demo',
          path: '/demo',
          family: 'z-image',
          precisions: [],
          nativeWidth: 256,
          nativeHeight: 256,
          grain: 32,
        },
        ...{ maxSide: 2048, maxPixels: 2048 ** 2, defaultSteps: 8, defaultGuidanceScale: 0 },
      },
    },
  ],
};

function fill(path: string, rows: number): void {
  const database = new DatabaseSync(path);
  const generation = database.prepare(`
    insert into generations (id, tenant_id, state, created_at, prompt, negative_prompt, count, width, height, seed,
      steps, guidance_scale, model, format, quality, priority, max_attempts, jobs_queued, jobs_running, jobs_succeeded,
      jobs_failed, jobs_cancelled)
    values (?, ?, 'queued', ?, 'a boat', '', 10, 256, 256, 1, 8, 0, 'demo', 'png', 90, 1, 4, 10, 0, 0, 0, 0)`);
  const job = database.prepare(`
    insert into jobs (id, tenant_id, generation_id, position, seed, state, priority, created_at, not_before, ready,
      start_tag, cost_ms, shape_key, max_attempts, attempt, failures, interruptions, lease_token, cancel_requested)
    values (?, ?, ?, ?, 1, 'queued', ?, ?, ?, ?, ?, 1000, ?, 4, 0, 0, 0, 0, 0)`);
  const now = Date.now();
  database.exec('begin');
  for (let i = 0; i < rows; i++) {
    const [parent, position] = [Math.floor(i / 10), i % 10];
    const [id, tenant] = [`g${String(parent).padStart(8, '0')}`, `t${parent % 50}`];
    if (position === 0) generation.run(id, tenant, now);
    const isHeld = i % 5 === 0;
    const tag = (Math.floor(parent / 50) * 10 + position) * 1_000;
    const shape = `${parent % 2 === 0 ? '256x256' : '512x512'} demo`;
    job.run(
      ...[`j${String(i).padStart(9, '0')}`, tenant, id, position, 1 + (parent % 2), now],
      ...[isHeld ? now + 86_400_000 : now, isHeld ? 0 : 1, tag, shape],
    );
  }
  database.exec('commit');
  database.close();
}
