import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { generationState, isGenerationFinal, type JobCounts } from './generation.ts';

const none: JobCounts = { queued: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0 };

describe('the state of a generation', () => {
  it.each([
    ['queued', { queued: 4 }],
    ['running', { queued: 3, running: 1 }],
    ['running', { queued: 3, succeeded: 1 }],
    ['running', { running: 1, failed: 3 }],
    ['succeeded', { succeeded: 4 }],
    ['partial', { succeeded: 3, failed: 1 }],
    ['partial', { succeeded: 3, cancelled: 1 }],
    ['failed', { failed: 1, cancelled: 3 }],
    ['cancelled', { cancelled: 4 }],
  ] as const)('is %s with jobs %o', (state, counts) => {
    expect(generationState({ ...none, ...counts })).toBe(state);
  });

  it('is final exactly when no job is open', () => {
    const number = fc.integer({ min: 0, max: 3 });
    const counts = fc.record({ queued: number, running: number, succeeded: number, failed: number, cancelled: number });
    fc.assert(
      fc.property(counts, (some) => {
        fc.pre(Object.values(some).some((count) => count > 0));
        expect(isGenerationFinal(generationState(some))).toBe(some.queued + some.running === 0);
      }),
    );
  });
});
