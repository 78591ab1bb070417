import { spawnSync } from 'node:child_process';
import * as nodeFiles from 'node:fs/promises';
import { mkdir, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ApiError, createClient } from '@imagemill/api/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Files, FilesystemStore } from '../../apps/server/src/adapters/assets/filesystem-store.ts';
import { systemClock } from '../../apps/server/src/adapters/clock.ts';
import { createIdSource } from '../../apps/server/src/adapters/id-source.ts';
import { EngineProcess } from '../../apps/server/src/adapters/inference/engine-process.ts';
import { SqliteStore } from '../../apps/server/src/adapters/sql/sqlite-store.ts';
import { createClaimJobs } from '../../apps/server/src/application/claim-jobs.ts';
import { createCostBook } from '../../apps/server/src/application/cost-book.ts';
import { createEndAttempt } from '../../apps/server/src/application/end-attempt.ts';
import type { ModelCatalog } from '../../apps/server/src/application/ports.ts';
import { createReapExpiredLeases } from '../../apps/server/src/application/reap-expired-leases.ts';
import { createRenewLeases } from '../../apps/server/src/application/renew-leases.ts';
import { createSubmitGeneration } from '../../apps/server/src/application/submit-generation.ts';
import { Worker } from '../../apps/server/src/application/worker.ts';
import { DEFAULT_TENANT, workerId } from '../../apps/server/src/domain/ids.ts';
import { keepAll } from '../support/keep-all.ts';
import { noLabels } from '../support/no-labels.ts';
import { noLoras } from '../support/no-loras.ts';
import { quietLog } from '../support/quiet-log.ts';
import { ServerFolder } from '../support/server-process.ts';

describe('a server whose disk has little room left', () => {
  let folder: ServerFolder;
  beforeEach(async () => {
    folder = await ServerFolder.create();
  });
  afterEach(() => folder.remove());

  it('refuses new work before it accepts it, says so, and starts none of what waits', async () => {
    const roomy = await folder.start({ device: 'dml:7' });
    const waiting = await createClient({ baseUrl: roomy.url }).submitGeneration({ prompt: 'a boat' });
    await roomy.stop('SIGKILL');

    const server = await folder.start({ device: 'fixed:0', minFreeBytes: Number.MAX_SAFE_INTEGER });
    const client = createClient({ baseUrl: server.url });
    const refused = await client.submitGeneration({ prompt: 'a boat' }).catch((error: ApiError) => error);
    expect(refused).toMatchObject({ status: 507, code: 'disk_full', retryable: true });
    while ((await client.getSystem()).engines[0]?.state !== 'ready');
    expect((await client.listGenerations()).items).toMatchObject([{ id: waiting.id, state: 'queued' }]);
  });
});

/** A small file system of its own; undefined where this user may not mount one. */
function mountSmall(path: string): boolean {
  return spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', path]).status === 0;
}

const canMount = ((): boolean => {
  const made = spawnSync('mktemp', ['-d'], { encoding: 'utf8' });
  const path = made.stdout?.trim() ?? '';
  const isMounted = made.status === 0 && mountSmall(path);
  if (isMounted) spawnSync('umount', [path]);
  spawnSync('rmdir', [path]);
  return isMounted;
})();

describe.skipIf(!canMount)('a server whose disk is full to the last byte (needs the right to mount)', () => {
  let folder: ServerFolder;
  let disk: string;
  beforeEach(async () => {
    folder = await ServerFolder.create();
    disk = join(folder.path, 'disk');
    await mkdir(disk);
    mountSmall(disk);
  });
  afterEach(async () => {
    spawnSync('umount', ['--lazy', disk]);
    await folder.remove();
  });

  async function fill(): Promise<void> {
    const file = await open(join(disk, 'filler'), 'w');
    try {
      for (let size = 65_536; size >= 512; ) {
        await file.write(Buffer.alloc(size)).catch(() => {
          size /= 2;
        });
      }
    } finally {
      await file.close();
    }
  }

  it('accepts nothing, answers questions, and finishes everything once there is room again', async () => {
    const server = await folder.start({ dataDir: join(disk, 'data'), device: 'fixed:200', slots: 2, retryPauseMs: 50 });
    const client = createClient({ baseUrl: server.url });
    const accepted = [(await client.submitGeneration({ prompt: 'a boat', count: 4 })).id];
    for await (const event of client.events(accepted[0] ?? '')) if (event.type === 'job.started') break;
    await fill();

    // What SQLite has reserved before may still take some requests: they are accepted, and count.
    let refusal: ApiError | undefined;
    while (refusal === undefined) {
      const request = client.submitGeneration({ prompt: 'x'.repeat(32_000) });
      await request.then(
        ({ id }) => accepted.push(id),
        (error: ApiError) => {
          refusal = error;
        },
      );
    }
    expect(refusal).toMatchObject({ status: 507, code: 'disk_full' });
    expect(refusal.problem?.detail).not.toContain(disk);
    expect((await client.getGeneration(accepted[0] ?? '')).count).toBe(4);
    expect((await fetch(`${server.url}/health/live`)).status).toBe(200);

    await rm(join(disk, 'filler'));
    for (const id of accepted) {
      for await (const _event of client.events(id));
      expect((await client.getGeneration(id)).state).toBe('succeeded');
    }
    const { items } = await client.listGenerations({ limit: 100 });
    expect(items.map(({ id }) => id).sort()).toEqual(accepted.sort());
  });
});

describe.skipIf(process.platform !== 'linux')('a worker whose picture finds no room', () => {
  it('hands the job back without counting a failure, and draws it again when there is room', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'imagemill-worker-'));
    let isFull = true;
    // The kernel's own ENOSPC: /dev/full answers every write with it.
    const files: Files = {
      ...nodeFiles,
      open: (path, flags) =>
        isFull && String(path).includes('unfinished') ? nodeFiles.open('/dev/full', 'w') : nodeFiles.open(path, flags),
    };
    const store = await SqliteStore.open({ folder });
    const clock = systemClock;
    const ids = createIdSource(clock);
    const retry = { maxInterruptions: 1 };
    const costs = createCostBook('fixed:0', []);
    const engine = new EngineProcess({
      engine: {
        device: 'fixed:0',
        weights: 'mapped',
        threads: 0,
        slots: 1,
        cacheDir: folder,
        memoryReserveBytes: 0,
        models: keepAll,
      },
      environment: {},
      clock,
      log: quietLog,
    });
    const worker = new Worker({
      workerId: workerId('w'),
      engine,
      claimJobs: createClaimJobs({ store, clock, leaseMs: 5_000 }),
      renewLeases: createRenewLeases({ store, clock, leaseMs: 5_000 }),
      endAttempt: createEndAttempt({ store, clock, ids, costs }),
      reapExpiredLeases: createReapExpiredLeases({ store, clock, retry }),
      pictures: await FilesystemStore.open(join(folder, 'assets'), files),
      models,
      loras: noLoras,
      labeller: noLabels,
      feed: store.feed,
      disk: { freeBytes: async () => 1, minFreeBytes: 0 },
      clock,
      log: quietLog,
      releasePauseMs: 10,
      leaseMs: 5_000,
      pollMs: 20,
    });
    const submit = createSubmitGeneration({
      ...{ store, models, loras: noLoras, clock, ids, costs, maxAttempts: 1, backOffMs: 10, idempotencyMs: 1_000 },
      disk: { freeBytes: async () => 1, minFreeBytes: 0 },
      seeds: { pick: () => 1 },
    });
    let handedBack = 0;
    const finished = new Promise<string>((resolve) => {
      store.onStored((event) => {
        if (event.type === 'job.queued' && event.fault?.code === 'disk_full') {
          handedBack += 1;
          if (handedBack === 3) isFull = false;
        }
        if (event.type === 'generation.finished') resolve(event.state);
      });
    });
    await submit({
      ...{ tenantId: DEFAULT_TENANT, prompt: 'a boat', negativePrompt: '', count: 1 },
      ...{ format: 'png', quality: 90, priority: 'standard', width: 64, height: 64 },
    });
    expect(await finished).toBe('succeeded');
    expect(handedBack).toBe(3);
    await worker.drain(0);
    await engine.close();
    await store.close();
    await rm(folder, { recursive: true });
  });
});

const models: ModelCatalog = {
  list: () => [
    {
      kind: 'usable',
      facts: {
        ...{ name: 'demo', path: '/models/demo', family: 'z-image', grain: 32, maxSide: 2048, maxPixels: 2 ** 22 },
        ...{ nativeWidth: 64, nativeHeight: 64, defaultSteps: 1, defaultGuidanceScale: 0, precisions: [] },
      },
    },
  ],
};
