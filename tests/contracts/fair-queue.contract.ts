import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCancelGeneration } from '../../apps/server/src/application/cancel-generation.ts';
import { type Claim, createClaimJobs } from '../../apps/server/src/application/claim-jobs.ts';
import { createControlQueue } from '../../apps/server/src/application/control-queue.ts';
import { type CostBook, createCostBook } from '../../apps/server/src/application/cost-book.ts';
import { createEndAttempt } from '../../apps/server/src/application/end-attempt.ts';
import { createForgetIdempotencyKeys } from '../../apps/server/src/application/forget-idempotency-keys.ts';
import { createSetPriority } from '../../apps/server/src/application/set-priority.ts';
import {
  createSubmitGeneration,
  type Submission,
  type SubmitGenerationInput,
} from '../../apps/server/src/application/submit-generation.ts';
import { localCaller } from '../../apps/server/src/domain/access/caller.ts';
import { keyId, tenantId, workerId } from '../../apps/server/src/domain/ids.ts';
import type { JobFault } from '../../apps/server/src/domain/job.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { noLoras } from '../support/no-loras.ts';
import { demo, held, nextId, type OpenedStore, picture, request } from './job-store.contract.ts';

const leaseMs = 5_000;
const backOffMs = 5_000;
const passing: JobFault = { code: 'engine_crashed', message: 'it crashed', details: {}, retryable: true };
const a = tenantId('a');
const b = tenantId('b');
const heavy = tenantId('heavy');

/** Which job is next, in every store. */
export function describeFairQueue(name: string, open: () => Promise<OpenedStore>): void {
  describe(`the queue on ${name}`, () => {
    let opened: OpenedStore;
    let clock: ManualClock;
    let costs: CostBook;
    beforeEach(async () => {
      opened = await open();
      clock = new ManualClock();
      costs = createCostBook('cpu', []);
    });
    afterEach(() => opened.close());

    const ports = () => ({ store: opened.store, clock, ids: { next: nextId }, costs, leaseMs });
    const submit = (fields: Partial<SubmitGenerationInput> = {}): Promise<Submission> =>
      createSubmitGeneration({
        ...ports(),
        loras: noLoras,
        models: { list: () => [demo, { ...demo, name: 'other' }].map((facts) => ({ kind: 'usable', facts })) },
        disk: { freeBytes: async () => 10, minFreeBytes: 1 },
        seeds: { pick: () => 42 },
        maxAttempts: 3,
        backOffMs,
        idempotencyMs: 60_000,
        weightOf: (tenant) => (tenant === heavy ? 3 : 1),
      })({ ...request, ...fields });
    const claim = (limit = 1, loadedModels: readonly string[] = [], maxRunning?: number, models?: readonly string[]) =>
      claimer(
        { ...ports(), maxRunningOf: () => maxRunning },
        limit,
        new Set(loadedModels),
      )({
        workerId: workerId('w'),
        limit,
        loadedModels: new Set(loadedModels),
        models: models && new Set(models),
      });
    const claimer: NonNullable<OpenedStore['claimer']> = (claimPorts, ...rest) =>
      opened.claimer?.(claimPorts, ...rest) ?? createClaimJobs(claimPorts);
    /** Starts jobs one by one; who they belong to. */
    const serve = async (count: number): Promise<string[]> => {
      const tenants: string[] = [];
      for (let i = 0; i < count; i++) for (const { job } of await claim()) tenants.push(job.tenantId);
      return tenants;
    };
    const slotsOf = (tenants: readonly string[], tenant: string): number[] =>
      tenants.flatMap((one, slot) => (one === tenant ? [slot] : []));

    it('serves a tenant of five jobs at once although another has hundreds waiting', async () => {
      for (let i = 0; i < 5; i++) await submit({ tenantId: a, count: 100 });
      await serve(25);
      await submit({ tenantId: b, count: 5 });
      const slots = slotsOf(await serve(12), b);
      expect(slots).toHaveLength(5);
      expect(slots.at(-1)).toBeLessThan(10);
    });

    it('divides the device by the weights of the tenants', async () => {
      await submit({ tenantId: a, count: 60 });
      await submit({ tenantId: heavy, count: 60 });
      expect(slotsOf(await serve(40), heavy)).toHaveLength(30);
    });

    it('counts device time, not jobs: big pictures take more of a share', async () => {
      costs = createCostBook('cpu', [
        { device: 'cpu', model: 'demo', pixels: 256 ** 2, msPerStep: 100, fixedMs: 0, count: 9 },
      ]);
      await submit({ tenantId: a, count: 40, steps: 24 });
      await submit({ tenantId: b, count: 40, steps: 8 });
      expect(slotsOf(await serve(40), b)).toHaveLength(30);
    });

    it('gives a tenant no share for jobs that it withdrew', async () => {
      const { generation } = await submit({ tenantId: a, count: 100 });
      await createCancelGeneration({ ...ports(), notifyCancel: () => undefined })(generation);
      await submit({ tenantId: a, count: 5 });
      await submit({ tenantId: b, count: 5 });
      expect(slotsOf(await serve(10), a).at(-1)).toBeGreaterThanOrEqual(8);
      expect(slotsOf(await serve(10), a)).toEqual([]);
    });

    it('serves higher classes first, and lower ones at their guaranteed share', async () => {
      for (const priority of ['bulk', 'standard', 'interactive'] as const) await submit({ priority, count: 100 });
      const served = { interactive: 0, standard: 0, bulk: 0 };
      for (let i = 0; i < 100; i++) for (const { job } of await claim()) served[job.priority] += 1;
      expect(served.interactive).toBeGreaterThanOrEqual(83);
      expect(served.standard).toBeGreaterThanOrEqual(9);
      expect(served.bulk).toBeGreaterThanOrEqual(4);
    });

    it('starts an interactive job next although a thousand of bulk wait', async () => {
      for (let i = 0; i < 10; i++) await submit({ priority: 'bulk', count: 100 });
      await serve(30);
      await submit({ tenantId: b, priority: 'interactive' });
      expect(slotsOf(await serve(2), b)).toEqual([0]);
    });

    it('pulls a job with a deadline forward, and no job back', async () => {
      await submit({ tenantId: a, count: 50 });
      await submit({ tenantId: a, count: 1, prompt: 'due', dueAt: clock.now() + 5_000 });
      await submit({ tenantId: b, count: 1, prompt: 'late', dueAt: clock.now() + 3_600_000 });
      const prompts: string[] = [];
      for (let i = 0; i < 12; i++) for (const { generation } of await claim()) prompts.push(generation.prompt);
      expect(prompts.indexOf('late')).toBeLessThan(2);
      expect(prompts.indexOf('due')).toBeGreaterThanOrEqual(0);
    });

    it('fills a batch with jobs of one shape, and starts what remains after it', async () => {
      await submit({ tenantId: a, width: 512, count: 2 });
      await submit({ tenantId: b, count: 2 });
      const widths = (claims: readonly Claim[]) => claims.map(({ generation }) => generation.width);
      expect(widths(await claim(2))).toEqual([512, 512]);
      expect(widths(await claim(4))).toEqual([256, 256]);
    });

    it('prefers a job whose model is loaded when its turn is close', async () => {
      await submit({ tenantId: a, model: 'demo' });
      await submit({ tenantId: b, model: 'other' });
      const models = (await claim(1, ['other'])).map(({ generation }) => generation.model);
      expect(models).toEqual(['other']);
    });

    it('starts no more of a key than it may have running, however many of its jobs stand first', async () => {
      const [slow, other] = [keyId('slow'), keyId('other')];
      await submit({ tenantId: a, keyId: slow, count: 100 });
      await submit({ tenantId: a, keyId: other, count: 2 });
      await submit({ tenantId: b, count: 1 });
      const claimOf = (limit: number) =>
        createClaimJobs({ ...ports(), limitedKeys: () => new Map([[slow, 2]]) })({ workerId: workerId('w'), limit });
      const claims = await claimOf(10);
      expect(claims.map(({ job }) => job.tenantId).sort()).toEqual(['a', 'a', 'a', 'a', 'b']);
      expect(await claimOf(10)).toEqual([]);
      const end = createEndAttempt({ ...ports(), maxResults: 0 });
      for (const each of claims) await end.complete(held(each), picture);
      expect(await claimOf(10)).toHaveLength(2);
    });

    it('starts no more of a tenant than it may have running, and passes on to the next', async () => {
      await submit({ tenantId: a, count: 200 });
      await submit({ tenantId: b, count: 1 });
      const first = await claim(10, [], 3);
      expect(first.map(({ job }) => job.tenantId).sort()).toEqual([a, a, a, b]);
      expect(await claim(10, [], 3)).toEqual([]);
      await createEndAttempt(ports()).complete(held(first.find(({ job }) => job.tenantId === a)!), picture);
      expect(await claim(10, [], 3)).toHaveLength(1);
    });

    it('lets retries wait without holding up what is behind them, and then serves them first', async () => {
      const { generation } = await submit({ count: 100, backOffMs: 60_000 });
      for (const one of await claim(80)) await createEndAttempt(ports()).fail(held(one), passing);
      expect((await opened.store.queue.facts()).classes.standard).toMatchObject({ queued: 20, backingOff: 80 });
      expect((await claim(50)).map(({ job }) => job.index)).toEqual(Array.from({ length: 20 }, (_, i) => 80 + i));
      await submit({ count: 5 });
      clock.advance(60_000);
      const again = await claim(80);
      expect(again.every(({ job }) => job.generationId === generation.id && job.attempt === 2)).toBe(true);
    });

    it('gives a worker jobs of the models that it can draw, however many of others stand before them', async () => {
      for (let i = 0; i < 3; i++) await submit({ model: 'other', count: 100, tenantId: b });
      await submit({ count: 2 });
      await submit({ count: 1, priority: 'interactive', model: 'other' });
      const own = await claim(4, [], undefined, ['demo']);
      expect(own.map(({ generation }) => generation.model)).toEqual(['demo', 'demo']);
      expect(await claim(4, [], undefined, ['demo'])).toEqual([]);
      expect(await claim(4, [], undefined, [])).toEqual([]);
      expect(await opened.store.queue.waitingModels()).toEqual(new Map([['other', 301]]));
      const others = await claim(4, [], undefined, ['demo', 'other']);
      expect(others.map(({ job }) => job.priority)).toEqual(['interactive', 'standard', 'standard', 'standard']);
    });

    it('hands out nothing while it is paused, also when it is opened again', async () => {
      await submit();
      const act = { caller: localCaller, address: undefined };
      const control = () => createControlQueue({ ...ports(), wake: () => undefined });
      expect(await control().pause(act)).toMatchObject({ pausedSince: clock.now() });
      opened = await opened.reopen();
      expect(await claim()).toEqual([]);
      expect(await control().resume(act)).toMatchObject({ pausedSince: undefined });
      expect(await claim()).toHaveLength(1);
    });

    it('keeps what it learnt of costs when it is opened again', async () => {
      await submit();
      await createEndAttempt(ports()).complete(held((await claim())[0]!), picture);
      opened = await opened.reopen();
      costs = createCostBook('cpu', await opened.store.queue.costs());
      expect(costs.predictMs({ model: 'demo', width: 256, height: 256, steps: 8 })).toBe(100);
      expect(costs.isMeasured({ model: 'other', width: 256, height: 256, steps: 8 })).toBe(false);
    });

    it('moves a job to the end of another class, with its share', async () => {
      const [first, second] = (await submit({ count: 2, priority: 'bulk' })).jobs;
      await submit({ priority: 'standard' });
      const move = createSetPriority(ports());
      await move({ tenantId: request.tenantId, id: second!.job.id, priority: 'interactive' });
      expect((await claim()).map(({ job }) => job.id)).toEqual([second!.job.id]);
      const { classes } = await opened.store.queue.facts();
      expect(classes).toMatchObject({ bulk: { queued: 1 }, standard: { queued: 1 }, interactive: { running: 1 } });
      expect((await opened.store.findJob(request.tenantId, first!.job.id))?.job.priority).toBe('bulk');
    });

    it('remembers an idempotency key for its time, a tenant at a time', async () => {
      const idempotency = { key: 'k', bodyHash: 'x' };
      const first = await submit({ tenantId: a, idempotency });
      expect(await submit({ tenantId: a, idempotency })).toEqual({ ...first, isReplay: true });
      expect(await submit({ tenantId: b, idempotency })).toMatchObject({ isReplay: false });
      clock.advance(60_000);
      expect(await createForgetIdempotencyKeys(ports())()).toBe(2);
      expect(await submit({ tenantId: a, idempotency })).toMatchObject({ isReplay: false });
    });
  });
}
