import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobCarrier } from '../../apps/server/src/application/job-carrier.ts';
import type { OfferedJob } from '../../apps/server/src/application/queue-ports.ts';
import { jobId, tenantId } from '../../apps/server/src/domain/ids.ts';
import type { PriorityClass } from '../../apps/server/src/domain/job.ts';

export interface OpenedCarrier {
  readonly carrier: JobCarrier;
  /** Makes it lose all that it carries. */
  loseAll(): Promise<void>;
  /** Opens another one on the same place and leaves what it takes unsettled, as a worker that dies does. */
  takeAndDie(limit: number): Promise<void>;
  /** Waits until what a dead worker held may be taken again. */
  afterLock(): Promise<void>;
  close(): Promise<void>;
}

/** What every carrier does. */
export function describeJobCarrier(name: string, open: () => Promise<OpenedCarrier>): void {
  describe(`the carrier on ${name}`, () => {
    let opened: OpenedCarrier;
    beforeEach(async () => {
      opened = await open();
    });
    afterEach(() => opened.close());

    const offer = (id: string, priority: PriorityClass = 'bulk', lastToken = 0): OfferedJob => ({
      ...{ jobId: jobId(id), tenantId: tenantId('a'), priority, model: 'demo', lastToken },
    });
    const models = new Set(['demo']);
    const take = async (limit = 1, only?: 'interactive'): Promise<string[]> => {
      const taken = await opened.carrier.take({ limit, models, only });
      for (const one of taken) await one.settle();
      return taken.map((one) => one.offer.jobId);
    };

    it('gives jobs in the order in which they were laid out, over all classes', async () => {
      await opened.carrier.offer([offer('b1'), offer('i1', 'interactive'), offer('s1', 'standard')]);
      await opened.carrier.offer([offer('i2', 'interactive'), offer('b2')]);
      expect(await take(2)).toEqual(['b1', 'i1']);
      expect(await take(9)).toEqual(['s1', 'i2', 'b2']);
      expect(await take(9)).toEqual([]);
    });

    it('gives interactive jobs alone to who asks for those', async () => {
      await opened.carrier.offer([offer('b1'), offer('i1', 'interactive'), offer('i2', 'interactive')]);
      expect(await opened.carrier.waiting()).toEqual([{ model: 'demo', interactive: 2, others: 1 }]);
      expect(await take(9, 'interactive')).toEqual(['i1', 'i2']);
      expect(await take(9, 'interactive')).toEqual([]);
      expect(await opened.carrier.waiting()).toEqual([{ model: 'demo', interactive: 0, others: 1 }]);
    });

    it('gives jobs of the models alone that the taker can draw, in the order in which they were laid out', async () => {
      const other = { ...offer('o1'), model: 'other: large' };
      await opened.carrier.offer([other, offer('a1'), { ...other, jobId: jobId('o2') }, offer('a2')]);
      expect(await take(9)).toEqual(['a1', 'a2']);
      expect(await opened.carrier.missing([other, offer('a1')])).toEqual([offer('a1')]);
      const both = await opened.carrier.take({ limit: 9, models: new Set(['demo', 'other: large']) });
      expect(both.map((one) => one.offer.jobId)).toEqual(['o1', 'o2']);
    });

    it('has a job once however often it is laid out, and again for its next attempt', async () => {
      await opened.carrier.offer([offer('a')]);
      await opened.carrier.offer([offer('a'), offer('b')]);
      expect(await take(9)).toEqual(['a', 'b']);
      await opened.carrier.offer([offer('a', 'bulk', 1)]);
      expect(await take(9)).toEqual(['a']);
    });

    it('gives a job to one taker only, and to another when it was laid back', async () => {
      await opened.carrier.offer([offer('a')]);
      const [taken] = await opened.carrier.take({ limit: 1, models });
      expect(await take()).toEqual([]);
      await taken?.giveBack();
      expect(await take()).toEqual(['a']);
    });

    it('names what it does not have, and has what is in somebody’s hands', async () => {
      const [a, b, c] = [offer('a'), offer('b', 'interactive'), offer('c')] as const;
      await opened.carrier.offer([a, b]);
      const [held] = await opened.carrier.take({ limit: 1, models });
      expect(await opened.carrier.missing([a, b, c])).toEqual([c]);
      await held?.settle();
      expect(await opened.carrier.missing([a, b, c])).toEqual([a, c]);
    });

    it('misses everything once it has lost everything, and goes on', async () => {
      const jobs = [offer('a'), offer('b', 'interactive')];
      await opened.carrier.offer(jobs);
      const [held] = await opened.carrier.take({ limit: 1, models });
      await opened.loseAll();
      expect(await opened.carrier.missing(jobs)).toEqual(jobs);
      await held?.settle();
      await opened.carrier.offer(jobs);
      expect(await take(9)).toEqual(['a', 'b']);
    });

    it('brings back what a worker held that died before it said whose it is', async () => {
      await opened.carrier.offer([offer('a'), offer('b')]);
      await opened.takeAndDie(1);
      expect(await take()).toEqual(['b']);
      await opened.afterLock();
      expect(await take()).toEqual(['a']);
    });
  });
}
