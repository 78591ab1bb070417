import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCancelGeneration } from '../../apps/server/src/application/cancel-generation.ts';
import { createCancelJob } from '../../apps/server/src/application/cancel-job.ts';
import { changeJob } from '../../apps/server/src/application/change-job.ts';
import {
  type Claim,
  type ClaimJobs,
  type ClaimPorts,
  createClaimJobs,
} from '../../apps/server/src/application/claim-jobs.ts';
import { type CostBook, createCostBook } from '../../apps/server/src/application/cost-book.ts';
import { type AttemptResult, createEndAttempt } from '../../apps/server/src/application/end-attempt.ts';
import { createListGenerations } from '../../apps/server/src/application/list-generations.ts';
import type { EventFeed, GenerationRecord, IdSource, Store } from '../../apps/server/src/application/ports.ts';
import {
  createReapExpiredLeases,
  createRecoverOrphans,
} from '../../apps/server/src/application/reap-expired-leases.ts';
import { createRenewLeases, type HeldJob } from '../../apps/server/src/application/renew-leases.ts';
import {
  createSubmitGeneration,
  type SubmitGenerationInput,
} from '../../apps/server/src/application/submit-generation.ts';
import { contentHash, DEFAULT_TENANT, tenantId, workerId } from '../../apps/server/src/domain/ids.ts';
import { isFinal, type JobFault, requestCancel } from '../../apps/server/src/domain/job.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { noLoras } from '../support/no-loras.ts';

export interface OpenedStore {
  readonly store: Store;
  readonly feed: EventFeed;
  /** Closes it and opens it again on the same data. */
  reopen(): Promise<OpenedStore>;
  close(): Promise<void>;
  /** How workers come by jobs where it is not straight from the store. @param limit places for the jobs of one claim */
  readonly claimer?: ((ports: ClaimPorts, limit: number, loadedModels: ReadonlySet<string>) => ClaimJobs) | undefined;
}

const leaseMs = 5_000;
const retry = { backOffMs: 5_000, maxInterruptions: 3 };
const passing: JobFault = { code: 'engine_crashed', message: 'it crashed', details: {}, retryable: true };
export const picture: AttemptResult = {
  sha256: contentHash('ab'.repeat(32)),
  sizeBytes: 3,
  mediaType: 'image/png',
  width: 64,
  height: 64,
  timings: { loadMs: 0, encodeMs: 1, denoiseMs: 2, decodeMs: 3, storeMs: 4 },
  cost: { shape: { model: 'demo', width: 256, height: 256, steps: 8 }, seen: { denoiseMs: 80, fixedMs: 20 } },
};

/** The behaviour that every store of jobs has, shown through the use cases that stand on it. */
export function describeJobStore(name: string, open: () => Promise<OpenedStore>): void {
  describe(`the job store on ${name}`, () => {
    let opened: OpenedStore;
    let clock: ManualClock;
    let costs: CostBook;

    beforeEach(async () => {
      opened = await open();
      clock = new ManualClock();
      costs = createCostBook('cpu', []);
    });
    afterEach(() => opened.close());

    const ids: IdSource = { next: nextId };
    const ports = () => ({ store: opened.store, clock, ids, retry, costs, leaseMs, notifyCancel: () => undefined });
    const submit = (fields: Partial<SubmitGenerationInput> = {}): Promise<GenerationRecord> =>
      createSubmitGeneration({
        ...ports(),
        loras: noLoras,
        models: { list: () => [{ kind: 'usable', facts: demo }] },
        disk: { freeBytes: async () => 10, minFreeBytes: 1 },
        seeds: { pick: () => 42 },
        maxAttempts: 3,
        backOffMs: retry.backOffMs,
        idempotencyMs: 60_000,
        weightOf: (tenant) => (tenant === 'heavy' ? 3 : 1),
      })({ ...request, ...fields });
    const claim = (limit = 1, worker = 'w1'): Promise<readonly Claim[]> =>
      createClaimJobs(ports())({ workerId: workerId(worker), limit });
    const claimOne = async (): Promise<HeldJob> => held((await claim())[0]!);
    const end = () => createEndAttempt(ports());
    const show = async (record: GenerationRecord): Promise<GenerationRecord> =>
      (await opened.store.findGeneration(record.generation.tenantId, record.generation.id))!;
    const eventsOf = async (record: GenerationRecord, after = 0): Promise<string[]> =>
      (await opened.feed.past(DEFAULT_TENANT, record.generation.id, after)).map((event) => event.type);

    it('keeps a generation with all its settings and its jobs by index', async () => {
      const record = await submit({ count: 3, prompt: 'ein Apfel 🍎 مرحبا', seed: 2 ** 53 - 10, guidanceScale: 1.5 });
      expect(await show(record)).toEqual({ generation: record.generation, jobs: record.jobs });
      expect(record.jobs.map(({ job }) => job.seed)).toEqual([2 ** 53 - 10, 2 ** 53 - 9, 2 ** 53 - 8]);
    });

    it('shows nothing of one tenant to another', async () => {
      const { generation, jobs } = await submit();
      const other = tenantId('other');
      expect(await opened.store.findGeneration(other, generation.id)).toBeUndefined();
      expect(await opened.store.findJob(other, jobs[0]!.job.id)).toBeUndefined();
      expect(await opened.store.listGenerations({ tenantId: other, limit: 10 })).toEqual([]);
      expect(await opened.feed.past(other, generation.id, 0)).toEqual([]);
    });

    it('hands out jobs of one tenant and class by time, then by index', async () => {
      const first = await submit({ count: 2 });
      clock.advance(1);
      const second = await submit({ count: 2 });
      const order = (await claim(10)).map(({ job }) => job.id);
      expect(order).toEqual([first, second].flatMap(({ jobs }) => jobs.map(({ job }) => job.id)));
    });

    it('never hands the same job to two workers', async () => {
      await submit({ count: 40 });
      const claims = await Promise.all(Array.from({ length: 20 }, (_, i) => claim(3, `w${i}`)));
      const given = claims.flat().map(({ job }) => job.id);
      expect(given).toHaveLength(40);
      expect(new Set(given).size).toBe(40);
    });

    it('records a picture, its attempt, the end of the generation and the events in order', async () => {
      const record = await submit();
      clock.advance(100);
      const job = await claimOne();
      clock.advance(900);
      expect(await end().complete(job, picture)).toMatchObject({ state: 'succeeded' });

      const shown = await show(record);
      expect(shown.generation).toMatchObject({ state: 'succeeded', finishedAt: clock.now() });
      expect(shown.jobs[0]).toMatchObject({
        job: { state: 'succeeded', attempt: 1, timings: { queueMs: 100, denoiseMs: 2, totalMs: 1_000 } },
        asset: { sha256: picture.sha256, mediaType: 'image/png', width: 64 },
      });
      expect(await opened.store.listAttempts(DEFAULT_TENANT, job.id)).toMatchObject([
        { number: 1, outcome: 'succeeded', startedAt: clock.now() - 900, finishedAt: clock.now() },
      ]);
      expect(await eventsOf(record)).toEqual(['job.queued', 'job.started', 'job.succeeded', 'generation.finished']);
    });

    it('writes nothing for a worker that lost its job', async () => {
      const record = await submit();
      const lost = await claimOne();
      clock.advance(leaseMs);
      expect(await createReapExpiredLeases(ports())()).toBe(1);
      const current = await claimOne();
      const before = await eventsOf(record);

      expect(await end().complete(lost, picture)).toBeUndefined();
      expect(await end().fail(lost, passing)).toBeUndefined();
      expect(await end().release(lost, { pauseMs: 0 })).toBeUndefined();
      expect(await createRenewLeases(ports())([lost, current])).toMatchObject([{ answer: 'lost' }, { answer: 'held' }]);
      expect(await eventsOf(record)).toEqual(before);
      expect(await end().complete(current, picture)).toMatchObject({ state: 'succeeded', attempt: 2 });
    });

    it('keeps the picture of a job once, whatever is reported twice', async () => {
      const record = await submit();
      const job = await claimOne();
      const results = await Promise.all([end().complete(job, picture), end().complete(job, picture)]);
      expect(results.filter((result) => result !== undefined)).toHaveLength(1);
      const { asset } = (await show(record)).jobs[0]!;
      expect(await opened.store.findAsset(DEFAULT_TENANT, asset!.id)).toEqual(asset);
      expect(await opened.store.findAsset(tenantId('other'), asset!.id)).toBeUndefined();
    });

    it('tries a failed attempt again after the pause, and gives up after the last one', async () => {
      const record = await submit();
      for (const failure of [1, 2]) {
        expect(await end().fail(await claimOne(), passing)).toMatchObject({ state: 'queued', failures: failure });
        expect(await claim()).toEqual([]);
        clock.advance(retry.backOffMs);
      }
      expect(await end().fail(await claimOne(), passing)).toMatchObject({ state: 'dead', lastFault: passing });
      expect((await show(record)).generation.state).toBe('failed');
      expect(await eventsOf(record)).toEqual([
        'job.queued',
        ...['job.started', 'job.queued', 'job.started', 'job.queued', 'job.started'],
        ...['job.failed', 'generation.finished'],
      ]);
    });

    it('renews leases, so that only silent workers lose their jobs', async () => {
      await submit({ count: 2 });
      const [kept, silent] = (await claim(2)).map(held);
      clock.advance(leaseMs - 1);
      await createRenewLeases(ports())([kept!]);
      clock.advance(1);
      expect(await createReapExpiredLeases(ports())()).toBe(1);
      expect(await end().complete(silent!, picture)).toBeUndefined();
      expect(await end().complete(kept!, picture)).toBeDefined();
    });

    it('takes every running job back at once when its only server starts anew', async () => {
      await submit({ count: 3 });
      await claim(2);
      expect(await createRecoverOrphans(ports())()).toBe(2);
      expect(await claim(10)).toHaveLength(3);
    });

    it('cancels at once what waits, and what runs at the next sign of life', async () => {
      const record = await submit({ count: 2 });
      const running = await claimOne();
      const cancel = createCancelGeneration(ports());
      const { tenantId: tenant, id } = record.generation;
      expect((await cancel({ tenantId: tenant, id })).jobs.map(({ job }) => job.state)).toEqual([
        'running',
        'cancelled',
      ]);
      expect(await createRenewLeases(ports())([running])).toMatchObject([{ answer: 'cancel' }]);
      expect(await end().complete(running, picture)).toMatchObject({ state: 'cancelled' });
      expect((await show(record)).generation.state).toBe('cancelled');
      expect((await cancel({ tenantId: tenant, id })).generation.state).toBe('cancelled');
    });

    it('refuses to cancel what ended otherwise, and says how', async () => {
      const { jobs } = await submit();
      await end().complete(await claimOne(), picture);
      const cancel = createCancelJob(ports())({ tenantId: DEFAULT_TENANT, id: jobs[0]!.job.id });
      await expect(cancel).rejects.toMatchObject({ code: 'already_final', details: { state: 'succeeded' } });
    });

    it('lists newest first, in pages, by state', async () => {
      const records: GenerationRecord[] = [];
      for (let i = 0; i < 7; i++) records.push(await submit());
      await end().complete(await claimOne(), picture);
      const list = createListGenerations(ports());
      const seen: string[] = [];
      let after: GenerationRecord['generation']['id'] | undefined;
      do {
        const page = await list({ tenantId: DEFAULT_TENANT, limit: 3, after });
        seen.push(...page.items.map(({ generation }) => generation.id));
        after = page.next;
      } while (after !== undefined);
      expect(seen).toEqual(records.map(({ generation }) => generation.id).reverse());
      const done = await list({ tenantId: DEFAULT_TENANT, limit: 3, state: 'succeeded' });
      expect(done.items.map(({ generation }) => generation.id)).toEqual([records[0]!.generation.id]);
    });

    it('keeps nothing of work that fails, and all of what shared its commit', async () => {
      const waiting = await submit();
      const [good, bad, alsoGood] = await Promise.allSettled([
        submit(),
        opened.store.transact(async (transaction) => {
          for (const { job } of await transaction.loadClaimable([waiting.jobs[0]!.job.id])) {
            const cancelled = requestCancel(job, clock.now());
            await changeJob(transaction, { before: job, after: cancelled, at: clock.now() });
          }
          throw new Error('changed my mind');
        }),
        submit(),
      ]);
      expect([good.status, bad.status, alsoGood.status]).toEqual(['fulfilled', 'rejected', 'fulfilled']);
      expect(await opened.store.countJobs()).toEqual({ queued: 3, running: 0 });
    });

    it('numbers events so that they only rise, also when it is opened again', async () => {
      const record = await submit({ count: 2 });
      const { generationId } = record.jobs[0]!.job;
      const [first] = await claim();
      opened.feed.publish({
        type: 'job.step',
        tenantId: DEFAULT_TENANT,
        generationId,
        jobId: first!.job.id,
        index: 0,
        attempt: 1,
        at: clock.now(),
        step: 1,
        steps: 8,
      });
      expect(opened.feed.stepOf(first!.job.id)).toBe(1);
      const past = () => opened.feed.past(DEFAULT_TENANT, generationId, 0);
      await expect.poll(async () => (await past()).map((event) => event.type)).toContain('job.step');
      const before = await past();
      expect(before.map((event) => event.type)).toEqual(['job.queued', 'job.queued', 'job.started', 'job.step']);

      opened = await opened.reopen();
      await end().complete(held(first!), picture);
      const after = await opened.feed.past(DEFAULT_TENANT, generationId, before.at(-1)!.id);
      expect(after.map((event) => event.type)).toEqual(['job.succeeded']);
      const all = (await opened.feed.past(DEFAULT_TENANT, generationId, 0)).map((event) => event.id);
      expect(all).toEqual([...new Set(all)].sort((a, b) => a - b));
    });

    it('tells a listener every event once, in the order of the ids, mixed with progress', async () => {
      const record = await submit({ count: 4 });
      const heard: number[] = [];
      const accepted = (await opened.feed.past(DEFAULT_TENANT, record.generation.id, 0)).at(-1)!.id;
      const unsubscribe = opened.feed.subscribe(record.generation.id, (event) => {
        // What was accepted before may only be heard of now; readers have it from the past.
        if (event.id > accepted) heard.push(event.id);
      });
      const step = { type: 'job.step', tenantId: DEFAULT_TENANT, generationId: record.generation.id } as const;
      await Promise.all(
        record.jobs.map(async ({ job }, index) => {
          const [mine] = await claim();
          opened.feed.publish({ ...step, jobId: job.id, index, attempt: 1, at: clock.now(), step: 1, steps: 8 });
          await end().complete(held(mine!), picture);
          opened.feed.publish({ ...step, jobId: job.id, index, attempt: 1, at: clock.now(), step: 2, steps: 8 });
        }),
      );
      await expect.poll(() => heard.length).toBe(4 + 4 + 1 + 8);
      unsubscribe();
      expect(heard).toEqual([...heard].sort((a, b) => a - b));
    });

    it('ends every job exactly once, whatever workers do, fall silent or come back late', async () => {
      const act = fc.record({
        do: fc.constantFrom('claim', 'complete', 'fail', 'release', 'reap', 'cancel', 'wait', 'recover'),
        pick: fc.nat(30),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(act, { maxLength: 60 }), async (acts) => {
          const record = await submit({ count: 4 });
          const claimed: HeldJob[] = [];
          const perform = async (what: string, pick: number): Promise<void> => {
            const some = claimed[pick % Math.max(1, claimed.length)];
            if (what === 'claim') claimed.push(...(await claim(1 + (pick % 2), `w${pick}`)).map(held));
            if (what === 'complete' && some) await end().complete(some, picture);
            if (what === 'fail' && some) await end().fail(some, { ...passing, retryable: pick % 2 === 0 });
            if (what === 'release' && some) await end().release(some, { pauseMs: pick });
            if (what === 'reap') await createReapExpiredLeases(ports())();
            if (what === 'recover') await createRecoverOrphans(ports())();
            if (what === 'wait') clock.advance(pick * 500);
            if (what === 'cancel') {
              const id = record.jobs[pick % 4]!.job.id;
              await createCancelJob(ports())({ tenantId: DEFAULT_TENANT, id }).catch(() => undefined);
            }
          };
          for (const { do: what, pick } of acts) await perform(what, pick);
          await finishAll();

          const { generation, jobs } = await show(record);
          expect(jobs.every(({ job }) => isFinal(job))).toBe(true);
          expect(jobs.every(({ job, asset }) => (job.state === 'succeeded') === (asset !== undefined))).toBe(true);
          const types = await eventsOf(record);
          const ends = types.filter((type) => ['job.succeeded', 'job.failed', 'job.cancelled'].includes(type));
          expect(ends).toHaveLength(4);
          expect(types.filter((type) => type === 'generation.finished')).toHaveLength(1);
          expect(['succeeded', 'partial', 'failed', 'cancelled']).toContain(generation.state);
          expect(await opened.store.countJobs()).toEqual({ queued: 0, running: 0 });
        }),
        { numRuns: 25, seed: 7 },
      );
    });

    async function finishAll(): Promise<void> {
      for (let round = 0; round < 50; round++) {
        clock.advance(60_000);
        await createReapExpiredLeases(ports())();
        for (const one of await claim(10)) await end().complete(held(one), picture);
      }
    }
  });
}

export function held({ job }: Claim): HeldJob {
  return { tenantId: job.tenantId, id: job.id, token: job.lease.token };
}

let lastId = 0;
/** Sorts by time of creation, as ids do. */
export function nextId(): string {
  lastId += 1;
  return `${String(lastId).padStart(12, '0')}-${randomUUID().slice(0, 8)}`;
}

export const request: SubmitGenerationInput = {
  tenantId: DEFAULT_TENANT,
  prompt: 'a red apple',
  negativePrompt: '',
  count: 1,
  format: 'png',
  quality: 90,
  priority: 'standard',
};

export const demo = {
  name: 'demo',
  path: '/models/demo',
  family: 'z-image',
  nativeWidth: 256,
  nativeHeight: 256,
  grain: 32,
  maxSide: 2048,
  maxPixels: 2048 ** 2,
  defaultSteps: 8,
  defaultGuidanceScale: 0,
  precisions: [],
};
