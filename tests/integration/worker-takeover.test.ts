import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { SqliteStore } from '../../apps/server/src/adapters/sql/sqlite-store.ts';
import { createClaimJobs } from '../../apps/server/src/application/claim-jobs.ts';
import { createCostBook } from '../../apps/server/src/application/cost-book.ts';
import { createReapExpiredLeases } from '../../apps/server/src/application/reap-expired-leases.ts';
import { createSubmitGeneration } from '../../apps/server/src/application/submit-generation.ts';
import { DEFAULT_TENANT, workerId } from '../../apps/server/src/domain/ids.ts';
import { LEASE_MS, POLL_MS } from '../../apps/server/src/main/compose-drawing.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { noLoras } from '../support/no-loras.ts';

it('a job of a worker that was killed is free for another within six seconds, and no sooner than its lease ends', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'imagemill-takeover-'));
  const store = await SqliteStore.open({ folder });
  try {
    const clock = new ManualClock();
    let count = 0;
    const ids = { next: () => `${++count}`.padStart(8, '0') };
    const facts = { name: 'demo', path: '/demo', family: 'z-image', nativeWidth: 64, nativeHeight: 64, grain: 32 };
    const limits = { maxSide: 2048, maxPixels: 2048 ** 2, defaultSteps: 8, defaultGuidanceScale: 0, precisions: [] };
    const submit = createSubmitGeneration({
      ...{ store, clock, ids, loras: noLoras, costs: createCostBook('none', []), seeds: { pick: () => 1 } },
      models: { list: () => [{ kind: 'usable', facts: { ...facts, ...limits } }] },
      disk: { freeBytes: async () => 1, minFreeBytes: 0 },
      ...{ maxAttempts: 4, backOffMs: 0, idempotencyMs: 1 },
    });
    await submit({
      ...{ tenantId: DEFAULT_TENANT, prompt: 'a boat', negativePrompt: '', count: 1 },
      ...{ format: 'png', quality: 90, priority: 'standard' },
    });
    const claim = createClaimJobs({ store, clock, leaseMs: LEASE_MS });
    const reap = createReapExpiredLeases({ store, clock, retry: { maxInterruptions: 10 } });
    const [lost] = await claim({ workerId: workerId('killed'), limit: 1 });
    expect(lost?.job.attempt).toBe(1);

    // The other worker looks every POLL_MS, at worst just before the lease ends.
    let startedAfter = 0;
    for (let ms = POLL_MS - 1; startedAfter === 0; ms += POLL_MS) {
      clock.advance(Math.min(ms, POLL_MS));
      await reap();
      const [again] = await claim({ workerId: workerId('other'), limit: 1 });
      if (again === undefined) continue;
      startedAfter = ms;
      expect(again.job).toMatchObject({ id: lost?.job.id, attempt: 2, interruptions: 1 });
    }
    expect(startedAfter).toBeGreaterThanOrEqual(LEASE_MS);
    expect(startedAfter).toBeLessThan(6_000);
  } finally {
    await store.close();
    await rm(folder, { recursive: true });
  }
});
