import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluateRule, isBroken, type Reading, type RuleState } from './evaluate-rule.ts';
import { type AlertRule, defaultRules, ruleProblem } from './rule.ts';

const base = defaultRules[0] as AlertRule;

function run(rule: AlertRule, readings: readonly Reading[]) {
  let state: RuleState = { phase: 'ok' };
  return readings.map((reading) => {
    const before = state;
    const { state: after, change } = evaluateRule(rule, state, reading);
    state = after;
    return { reading, before, after, change };
  });
}

/** Readings of one signal at rising times, some of them missing. */
const series = fc
  .array(
    fc.record({
      pause: fc.integer({ min: 1, max: 30_000 }),
      value: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
    }),
    { maxLength: 80 },
  )
  .map((steps) => {
    let at = 1_000_000;
    return steps.map(({ pause, value }): Reading => {
      at += pause;
      return { at, value };
    });
  });

const rules = fc
  .record({
    comparison: fc.constantFrom<AlertRule['comparison']>('above', 'below'),
    a: fc.double({ min: 0, max: 1, noNaN: true }),
    b: fc.double({ min: 0, max: 1, noNaN: true }),
    forSeconds: fc.integer({ min: 0, max: 60 }),
    clearForSeconds: fc.integer({ min: 0, max: 60 }),
  })
  .map(({ comparison, a, b, ...times }): AlertRule => {
    const [low, high] = a < b ? [a, b] : [b, a];
    const isAbove = comparison === 'above';
    return { ...base, ...times, comparison, threshold: isAbove ? high : low, clearThreshold: isAbove ? low : high };
  });

describe('a rule', () => {
  it('fires only when its bound was broken at every reading of its duration', () => {
    fc.assert(
      fc.property(rules, series, (rule, readings) => {
        for (const [at, step] of run(rule, readings).entries()) {
          if (step.change !== 'fired') continue;
          const from = step.reading.at - rule.forSeconds * 1_000;
          const broken = readings.slice(0, at + 1).filter((reading) => reading.at > from);
          expect(broken.every(({ value }) => value !== undefined && isBroken(rule, value))).toBe(true);
        }
      }),
      { seed: 7 },
    );
  });

  it('fires and is resolved in turns, and is resolved only by readings back beyond the clear threshold', () => {
    fc.assert(
      fc.property(rules, series, (rule, readings) => {
        const changes = run(rule, readings).filter(({ change }) => change !== undefined);
        expect(changes.map(({ change }) => change)).toEqual(
          changes.map((_, index) => (index % 2 === 0 ? 'fired' : 'resolved')),
        );
        for (const { change, reading } of changes) {
          if (change !== 'resolved' || reading.value === undefined) continue;
          const { comparison, clearThreshold } = rule;
          expect(comparison === 'above' ? reading.value <= clearThreshold : reading.value >= clearThreshold).toBe(true);
        }
      }),
      { seed: 7 },
    );
  });

  it('is quiet while a signal trembles between its two thresholds', () => {
    const rule = { ...base, forSeconds: 0, clearForSeconds: 0 };
    const trembling = Array.from({ length: 20 }, (_, index) => ({ at: index * 1_000, value: index % 2 ? 0.85 : 0.95 }));
    expect(run(rule, trembling).filter(({ change }) => change !== undefined)).toHaveLength(1);
  });

  it('needs the whole duration: five minutes of a busy device fire, four do not', () => {
    const busy = (minutes: number) =>
      run(
        base,
        Array.from({ length: minutes * 6 + 1 }, (_, index) => ({ at: index * 10_000, value: 0.95 })),
      );
    expect(busy(4).some(({ change }) => change === 'fired')).toBe(false);
    expect(busy(5).at(-1)?.change).toBe('fired');
  });

  it('starts counting anew when the clock was put back, and never resolves on silence', () => {
    const steps = run({ ...base, forSeconds: 10 }, [
      { at: 100_000, value: 1 },
      { at: 50_000, value: 1 },
      { at: 55_000, value: 1 },
      { at: 60_000, value: 1 },
      { at: 61_000, value: undefined },
      { at: 900_000, value: undefined },
    ]);
    expect(steps.map(({ after }) => after.phase)).toEqual([
      'pending',
      'pending',
      'pending',
      'firing',
      'firing',
      'firing',
    ]);
  });

  it('that is switched off while it fires is resolved', () => {
    const firing: RuleState = { phase: 'firing', since: 1, backSince: undefined };
    expect(evaluateRule({ ...base, enabled: false }, firing, { at: 2, value: 1 })).toEqual({
      state: { phase: 'ok' },
      change: 'resolved',
    });
  });

  it('that could never be resolved is refused', () => {
    expect(ruleProblem({ ...base, clearThreshold: 0.95 })).toContain('at most the threshold 0.9');
    expect(ruleProblem({ ...base, comparison: 'below', clearThreshold: 0.5 })).toContain('at least');
    for (const rule of defaultRules) expect(ruleProblem(rule)).toBeUndefined();
  });
});
