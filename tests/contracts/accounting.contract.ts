import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SubjectLimits } from '../../apps/server/src/application/account-for-jobs.ts';
import { createCancelGeneration } from '../../apps/server/src/application/cancel-generation.ts';
import { type Claim, createClaimJobs } from '../../apps/server/src/application/claim-jobs.ts';
import { createCostBook } from '../../apps/server/src/application/cost-book.ts';
import { createEndAttempt } from '../../apps/server/src/application/end-attempt.ts';
import { createRedriveJobs } from '../../apps/server/src/application/redrive-jobs.ts';
import { createSubmitGeneration } from '../../apps/server/src/application/submit-generation.ts';
import type { SubjectCounter } from '../../apps/server/src/application/usage-ports.ts';
import { OPEN, periodsAt } from '../../apps/server/src/domain/access/quota.ts';
import { dayOf } from '../../apps/server/src/domain/access/usage.ts';
import { keyId, type TenantId, tenantId, workerId } from '../../apps/server/src/domain/ids.ts';
import type { JobFault } from '../../apps/server/src/domain/job.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { noLoras } from '../support/no-loras.ts';
import { demo, held, nextId, type OpenedStore, picture, request } from './job-store.contract.ts';

const passing: JobFault = { code: 'engine_crashed', message: 'it crashed', details: {}, retryable: true };
const lasting: JobFault = { code: 'model_gone', message: 'it is gone', details: {}, retryable: false };
const key = keyId('testkey');
const DAY = 86_400_000;
const DAYS = 40;

/** What is reserved, used and given back, in every store. */
export function describeAccounting(name: string, open: () => Promise<OpenedStore>): void {
  describe(`quotas and usage on ${name}`, () => {
    let opened: OpenedStore;
    let clock: ManualClock;
    let limits: SubjectLimits;
    beforeEach(async () => {
      opened = await open();
      clock = new ManualClock();
      limits = { tenant: {} };
    });
    afterEach(() => opened.close());

    const ports = () => ({
      ...{ store: opened.store, clock, ids: { next: nextId }, costs: createCostBook('cpu', []), leaseMs: 5_000 },
      limitsOf: async () => limits,
    });
    const submit = (tenant: TenantId, count: number) =>
      createSubmitGeneration({
        ...ports(),
        loras: noLoras,
        models: { list: () => [{ kind: 'usable', facts: demo }] },
        disk: { freeBytes: async () => 10, minFreeBytes: 1 },
        seeds: { pick: () => 42 },
        maxAttempts: 2,
        backOffMs: 0,
        idempotencyMs: 60_000,
      })({ ...request, tenantId: tenant, keyId: key, count });
    const claim = async (limit: number): Promise<readonly Claim[]> =>
      createClaimJobs(ports())({ workerId: workerId('w'), limit });
    const cancel = (tenant: TenantId, id: Parameters<ReturnType<typeof createCancelGeneration>>[0]['id']) =>
      createCancelGeneration({ ...ports(), notifyCancel: () => undefined })({ tenantId: tenant, id });
    const redriveAll = (tenant: TenantId) =>
      createRedriveJobs(ports()).all({ tenantId: tenant, keyId: key, state: 'dead' });
    const counters = (tenant: TenantId, subject = ''): Promise<readonly SubjectCounter[]> => {
      const periods = Array.from({ length: DAYS }, (_, day) => periodsAt(1_800_000_000_000 + day * DAY)).flat();
      return opened.store.usage.counters(tenant, subject, [...new Set(periods)]);
    };
    const usage = (tenant: TenantId) =>
      opened.store.usage.usage({ tenantId: tenant, fromDay: 0, toDay: dayOf(clock.now()) + 1, groupBy: [] });

    it('reserves what is accepted, counts what was drawn, and gives the rest back', async () => {
      const tenant = tenantId('one');
      limits = { tenant: { picturesPerDay: 4 } };
      const { generation } = await submit(tenant, 3);
      await expect(submit(tenant, 2)).rejects.toMatchObject({
        code: 'quota_exceeded',
        details: { quota: 'picturesPerDay', subject: 'tenant', limit: 4, used: 3, requested: 2 },
      });
      const [first] = await claim(1);
      await createEndAttempt(ports()).complete(held(first!), picture);
      await cancel(tenant, generation.id);
      const all = await counters(tenant);
      const day = all.find(({ period }) => period.startsWith('day'));
      expect(day).toMatchObject({ reserved: 0, pictures: 1, reservedMs: 0 });
      expect(all.find(({ period }) => period === OPEN)).toMatchObject({ reserved: 0, reservedMs: 0 });
      await submit(tenant, 3);
      await expect(submit(tenant, 1)).rejects.toMatchObject({ code: 'quota_exceeded' });
      clock.advance(DAY);
      await submit(tenant, 4);
    });

    it('refuses by the quota of the key although the tenant has room, and leaves nothing behind', async () => {
      const tenant = tenantId('two');
      limits = { tenant: { maxOpen: 10 }, key: { maxOpen: 2 } };
      await expect(submit(tenant, 3)).rejects.toMatchObject({
        details: { quota: 'maxOpen', subject: 'key', limit: 2, used: 0, requested: 3, resetsAt: undefined },
      });
      expect(await counters(tenant)).toEqual([]);
      await submit(tenant, 2);
    });

    it('lets one of many requests of the same moment have the last place', async () => {
      limits = { tenant: { picturesPerMonth: 1 } };
      const answers = await Promise.allSettled(Array.from({ length: 20 }, () => submit(tenantId('three'), 1)));
      expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    });

    it('never loses or invents a picture, whatever order jobs are drawn, lost, cancelled and queued again in', async () => {
      let run = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
          clock = new ManualClock();
          const tenant = tenantId(`run-${run++}`);
          limits = { tenant: {} };
          const running: Claim[] = [];
          const generations: Awaited<ReturnType<typeof submit>>['generation'][] = [];
          const drawn = { pictures: 0 };
          const end = createEndAttempt(ports());
          for (const { action, at } of steps) {
            const [job] = running.length === 0 ? [] : running.splice(at % running.length, 1);
            const generation = generations[at % Math.max(1, generations.length)];
            if (job !== undefined && action !== 'complete' && action !== 'crash' && action !== 'fail')
              running.push(job);
            if (action === 'submit') generations.push((await submit(tenant, 1 + (at % 3))).generation);
            if (action === 'claim') running.push(...(await claim(1 + (at % 3))));
            if (action === 'complete' && job !== undefined) {
              if ((await end.complete(held(job), picture))?.state === 'succeeded') drawn.pictures += 1;
            }
            if (action === 'crash' && job !== undefined) await end.fail(held(job), passing);
            if (action === 'fail' && job !== undefined) await end.fail(held(job), lasting);
            if (action === 'cancel' && generation !== undefined)
              await cancel(tenant, generation.id).catch(() => undefined);
            if (action === 'redrive') await redriveAll(tenant);
            if (action === 'wait') clock.advance(at * 3_600_000);
            await expectSound(
              tenant,
              generations.map(({ id }) => id),
              drawn.pictures,
            );
          }
          // What is left is taken away, so that the next run starts with an empty queue.
          for (const { id } of generations) await cancel(tenant, id).catch(() => undefined);
          for (const job of running) await end.cancel(held(job));
          const left = (await counters(tenant)).filter(
            ({ reserved, reservedMs }) => reserved !== 0 || Math.abs(reservedMs) > 1e-6,
          );
          expect(left).toEqual([]);
        }),
        { seed: 4, numRuns: 15 },
      );
    });

    async function expectSound(
      tenant: TenantId,
      ids: readonly Parameters<OpenedStore['store']['findGeneration']>[1][],
      drawn: number,
    ): Promise<void> {
      let waiting = 0;
      for (const id of ids) {
        const found = await opened.store.findGeneration(tenant, id);
        waiting += found?.jobs.filter(({ job }) => job.state === 'queued' || job.state === 'running').length ?? 0;
      }
      for (const subject of ['', key]) {
        const all = await counters(tenant, subject);
        for (const { reserved, pictures, reservedMs, deviceMs } of all) {
          expect(Math.min(reserved, pictures, deviceMs)).toBeGreaterThanOrEqual(0);
          expect(reservedMs).toBeGreaterThan(-1e-6);
        }
        const sum = (kind: string, field: 'reserved' | 'pictures'): number =>
          all.filter(({ period }) => period.startsWith(kind)).reduce((total, one) => total + one[field], 0);
        expect(sum(OPEN, 'reserved')).toBe(waiting);
        expect(sum('day', 'reserved')).toBe(waiting);
        expect(sum('month', 'reserved')).toBe(waiting);
        expect(sum('day', 'pictures')).toBe(drawn);
        expect(sum('month', 'pictures')).toBe(drawn);
      }
      expect((await usage(tenant))[0]?.pictures ?? 0).toBe(drawn);
    }
  });
}

const step = fc.record({
  action: fc.constantFrom('submit', 'claim', 'claim', 'complete', 'crash', 'fail', 'cancel', 'redrive', 'wait'),
  at: fc.nat(20),
});
