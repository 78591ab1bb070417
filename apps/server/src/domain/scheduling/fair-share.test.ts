import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PriorityClass } from '../job.ts';
import { advance, chooseClass, guaranteedShare, recordService, type Served, tagJob } from './fair-share.ts';

interface Waiting {
  readonly tenant: string;
  readonly start: number;
  readonly costMs: number;
}

/** Serves everything in the order of tags, as one device; returns the tenants in the order of service. */
function serve(submissions: readonly { tenant: string; costMs: number; weight: number }[]): Waiting[] {
  const accounts = new Map<string, number>();
  const waiting: Waiting[] = [];
  for (const { tenant, costMs, weight } of submissions) {
    const tags = tagJob({ virtualTime: 0, account: accounts.get(tenant) ?? 0, costMs, weight });
    accounts.set(tenant, tags.account);
    waiting.push({ tenant, costMs, start: tags.start });
  }
  return waiting.sort((a, b) => a.start - b.start);
}

describe('fair queueing between tenants', () => {
  it('serves five jobs of a newcomer within the first ten, behind a flood of 500', () => {
    let account = 0;
    const flood = Array.from({ length: 500 }, () => {
      const tags = tagJob({ virtualTime: 0, account, costMs: 100 });
      account = tags.account;
      return tags.start;
    });
    // 25 jobs of the flood have entered service when the newcomer arrives.
    const virtualTime = flood.slice(0, 25).reduce(advance, 0);
    let own = 0;
    const newcomer = Array.from({ length: 5 }, () => {
      const tags = tagJob({ virtualTime, account: own, costMs: 100 });
      own = tags.account;
      return tags.start;
    });
    const ahead = newcomer.map((start) => flood.slice(25).filter((tag) => tag <= start).length);
    expect(ahead).toEqual([0, 1, 2, 3, 4]);
  });

  it('divides the device by weight, whatever the sizes of the jobs, to within one job of each', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 10, max: 400 }),
        fc.integer({ min: 10, max: 400 }),
        (weightA, weightB, costA, costB) => {
          const submissions = [
            ...Array.from({ length: 400 }, () => ({ tenant: 'a', costMs: costA, weight: weightA })),
            ...Array.from({ length: 400 }, () => ({ tenant: 'b', costMs: costB, weight: weightB })),
          ];
          const order = serve(submissions);
          const had = { a: 0, b: 0 };
          const left = { a: 400, b: 400 };
          for (const { tenant, costMs } of order) {
            had[tenant as 'a' | 'b'] += costMs;
            left[tenant as 'a' | 'b'] -= 1;
            if (left.a === 0 || left.b === 0) break;
            const apart = Math.abs(had.a / weightA - had.b / weightB);
            expect(apart).toBeLessThanOrEqual(costA / weightA + costB / weightB + 1e-6);
          }
        },
      ),
    );
  });

  it('lets nobody save up while idle', () => {
    const tags = tagJob({ virtualTime: 5000, account: 100, costMs: 10 });
    expect(tags.start).toBe(5000);
  });

  it('keeps the jobs of one tenant in their order', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 2, maxLength: 50 }), (costs) => {
        let account = 0;
        let last = -1;
        for (const costMs of costs) {
          const tags = tagJob({ virtualTime: 0, account, costMs });
          expect(tags.start).toBeGreaterThanOrEqual(last);
          last = tags.start;
          account = tags.account;
        }
      }),
    );
  });

  it('moves a job with a deadline forward, never back, and charges its tenant all the same', () => {
    const request = { virtualTime: 1000, account: 9000, costMs: 500 };
    const plain = tagJob(request);
    const urgent = tagJob({ ...request, dueInMs: 2000 });
    const relaxed = tagJob({ ...request, dueInMs: 1_000_000 });
    const late = tagJob({ ...request, dueInMs: -5 });
    expect(urgent.start).toBe(2500);
    expect(late.start).toBe(1000);
    expect(relaxed.start).toBe(plain.start);
    expect(urgent.account).toBe(plain.account);
  });

  it.each([
    ['a negative cost', { costMs: -1 }],
    ['a cost that is not a number', { costMs: Number.NaN }],
    ['no weight', { costMs: 1, weight: 0 }],
  ])('refuses %s', (_, fields) => {
    expect(() => tagJob({ virtualTime: 0, account: 0, ...fields })).toThrow(RangeError);
  });
});

describe('classes', () => {
  const none: Served = { interactive: 0, standard: 0, bulk: 0 };

  it('are served from the top', () => {
    expect(chooseClass(new Set(['bulk', 'interactive']), none)).toBe('interactive');
    expect(chooseClass(new Set(['bulk']), none)).toBe('bulk');
    expect(chooseClass(new Set(), none)).toBeUndefined();
  });

  it('keep a waiting lower class moving at its guaranteed share, and no more', () => {
    const waiting = new Set<PriorityClass>(['interactive', 'standard', 'bulk']);
    let served = none;
    const had = { interactive: 0, standard: 0, bulk: 0 };
    for (let turn = 0; turn < 2000; turn += 1) {
      const name = chooseClass(waiting, served) ?? 'bulk';
      had[name] += 1;
      served = recordService(served, { name, costMs: 100 }, waiting);
    }
    expect(had.standard / 2000).toBeCloseTo(guaranteedShare.standard, 2);
    expect(had.bulk / 2000).toBeCloseTo(guaranteedShare.bulk, 2);
  });

  it('do not save up a share while they have nothing waiting', () => {
    let served = none;
    for (let turn = 0; turn < 1000; turn += 1)
      served = recordService(served, { name: 'interactive', costMs: 100 }, new Set(['interactive']));
    const waiting = new Set<PriorityClass>(['interactive', 'bulk']);
    let inARow = 0;
    while (chooseClass(waiting, served) === 'bulk') {
      served = recordService(served, { name: 'bulk', costMs: 100 }, waiting);
      inARow += 1;
    }
    expect(inARow).toBeLessThanOrEqual(2);
  });

  it('get their share soon after they begin to wait, however long they were idle or had the device alone', () => {
    for (const alone of ['interactive', 'standard'] as const) {
      let served = none;
      for (let turn = 0; turn < 5000; turn += 1)
        served = recordService(served, { name: alone, costMs: 100 }, new Set([alone]));
      const waiting = new Set<PriorityClass>(['interactive', 'standard']);
      let standard = 0;
      for (let turn = 0; turn < 1000; turn += 1) {
        const name = chooseClass(waiting, served) ?? 'bulk';
        if (name === 'standard') standard += 1;
        served = recordService(served, { name, costMs: 100 }, waiting);
      }
      expect(standard).toBeGreaterThanOrEqual(40);
      expect(standard).toBeLessThanOrEqual(110);
    }
  });
});
