import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { firstScale, type ScalePolicy, type ScaleReading, type ScaleState, scaleWorkers } from './scale-workers.ts';

const policy: ScalePolicy = { minWorkers: 1, maxWorkers: 4, queueAbove: 50, coolDownMs: 20_000, idleMs: 60_000 };
const idle: ScaleReading = { now: 0, waiting: 0, running: 0, slots: 16, slotsOfOne: 4, isStarting: false };

/** The states after each look, one every two seconds. */
function run(readings: readonly Partial<ScaleReading>[], by: ScalePolicy = policy, from = firstScale(by)) {
  const states: ScaleState[] = [];
  let state = from;
  for (const [index, reading] of readings.entries()) {
    state = scaleWorkers(state, { ...idle, now: index * 2_000, ...reading }, by);
    states.push(state);
  }
  return states;
}

const repeat = (times: number, reading: Partial<ScaleReading>) => Array.from({ length: times }, () => reading);
const counts = (states: readonly ScaleState[]) => states.map(({ workers }) => workers);

describe('the number of workers', () => {
  it('grows by one for each cool-down while more than the limit waits, up to the most', () => {
    const workers = counts(run(repeat(60, { waiting: 51, running: 4 })));
    expect(workers.slice(0, 11)).toEqual([2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3]);
    expect(workers.at(-1)).toBe(4);
  });

  it('stays while just the limit waits', () => {
    expect(new Set(counts(run(repeat(60, { waiting: 50, running: 4 }))))).toEqual(new Set([1]));
  });

  it('waits for a worker that is starting before it starts another', () => {
    expect(counts(run(repeat(60, { waiting: 500, isStarting: true })))).toEqual(repeat(60, {}).map(() => 1));
  });

  it('falls by one after each idle time, down to the least', () => {
    const workers = counts(run(repeat(120, {}), policy, { workers: 4, changedAt: 0, spareSince: undefined }));
    expect(workers[29]).toBe(4);
    expect(workers[30]).toBe(3);
    expect(workers[60]).toBe(2);
    expect(workers.at(-1)).toBe(1);
  });

  it('does not fall while nothing waits but every worker is needed for what runs', () => {
    const from = { workers: 4, changedAt: 0, spareSince: undefined };
    expect(new Set(counts(run(repeat(120, { running: 13 }), policy, from)))).toEqual(new Set([4]));
  });

  it('starts the first worker for the first job where there are none, and leaves it to others where there are', () => {
    const from0 = { ...policy, minWorkers: 0 };
    expect(counts(run([{ waiting: 1, slots: 0 }], from0))).toEqual([1]);
    expect(counts(run([{ waiting: 1, slots: 8 }], from0))).toEqual([0]);
  });

  it('goes on at once after the clock was set back', () => {
    const from = { workers: 1, changedAt: 9_000_000, spareSince: 9_000_000 };
    expect(counts(run(repeat(11, { waiting: 80 }), policy, from)).at(-1)).toBe(2);
  });
});

const policies = fc
  .record({
    minWorkers: fc.integer({ min: 0, max: 8 }),
    more: fc.integer({ min: 0, max: 8 }),
    queueAbove: fc.integer({ min: 0, max: 200 }),
    coolDownMs: fc.integer({ min: 0, max: 60_000 }),
    idleMs: fc.integer({ min: 0, max: 120_000 }),
  })
  .map(({ more, ...rest }) => ({ ...rest, maxWorkers: Math.max(1, rest.minWorkers + more) }));
const reading = fc.record({
  waiting: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 400 })),
  running: fc.integer({ min: 0, max: 40 }),
  slots: fc.integer({ min: 0, max: 40 }),
  slotsOfOne: fc.integer({ min: 1, max: 8 }),
  isStarting: fc.boolean(),
});
const seeded = { seed: 20261125, numRuns: 300 };

describe('whatever is read', () => {
  it('stays within the bounds, moves by one, and keeps the cool-down between two changes', () => {
    fc.assert(
      fc.property(policies, fc.array(reading, { maxLength: 80 }), fc.integer({ min: 0, max: 40 }), (by, all, first) => {
        const from: ScaleState = { workers: first, changedAt: undefined, spareSince: undefined };
        const states = run(all, by, from);
        let changedAt = Number.NEGATIVE_INFINITY;
        for (const [index, { workers }] of states.entries()) {
          expect(workers).toBeGreaterThanOrEqual(by.minWorkers);
          expect(workers).toBeLessThanOrEqual(by.maxWorkers);
          const before = index === 0 ? undefined : states[index - 1]!.workers;
          if (before === undefined || before === workers) continue;
          expect(Math.abs(workers - before)).toBe(1);
          expect(index * 2_000 - changedAt).toBeGreaterThanOrEqual(by.coolDownMs);
          changedAt = index * 2_000;
        }
      }),
      seeded,
    );
  });

  it('never goes both ways while the load stays the same', () => {
    fc.assert(
      fc.property(policies, reading, fc.integer({ min: 0, max: 16 }), (by, same, first) => {
        const workers = counts(
          run(repeat(100, same), by, { workers: first, changedAt: undefined, spareSince: undefined }),
        );
        const moves = workers.slice(1).map((count, index) => count - workers[index]!);
        expect(moves.some((move) => move > 0) && moves.some((move) => move < 0)).toBe(false);
      }),
      seeded,
    );
  });

  it('never shrinks under a load that comes again before the idle time is over', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 29 }), fc.integer({ min: 1, max: 400 }), (pause, waiting) => {
        const wave = [...repeat(3, { waiting }), ...repeat(pause, {})];
        const states = run([...wave, ...wave, ...wave, ...wave, ...wave]);
        const workers = counts(states);
        expect(workers).toEqual([...workers].sort((a, b) => a - b));
      }),
      seeded,
    );
  });
});
