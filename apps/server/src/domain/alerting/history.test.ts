import { describe, expect, test } from 'vitest';
import { condense, type HistoryPoint, historyPoint, slotOf } from './history.ts';
import type { ProcessSample } from './sample.ts';

function sample(processId: string, at: number, rest: Partial<ProcessSample> = {}): ProcessSample {
  const none = { succeeded: 0, failed: 0, failedMessages: 0, freeDiskBytes: null, clockJumpMs: 0 };
  return { processId, at, devices: [], ...none, ...rest };
}

const device = (utilization: number | null, freeBytes?: number) => ({
  device: 'cpu',
  utilization,
  isReady: true,
  ...(freeBytes === undefined ? {} : { memory: { totalBytes: 100, freeBytes } }),
});

describe('a point of the history', () => {
  test('holds the state of all processes that were just heard of, and what ended in the slot before', () => {
    const samples = [
      sample('gone', 1_000, { devices: [device(0)], succeeded: 50 }),
      sample('a', 91_000, { devices: [device(0.2, 10)], succeeded: 2 }),
      sample('b', 95_000, { devices: [device(0.5, 60)], succeeded: 1, failed: 1 }),
      sample('a', 99_000, { devices: [device(1, 20)], succeeded: 3 }),
      sample('a', 101_000, { devices: [device(0.5, 40), device(null)], succeeded: 9 }),
    ];
    const at = slotOf(101_500);
    expect(at).toBe(100_000);
    expect(historyPoint(samples, { queued: 7, running: 2 }, { at, freshMs: 30_000 })).toEqual({
      ...{ at, queued: 7, running: 2, utilization: 0.5, memory: 0.5, succeeded: 6, failed: 1 },
    });
  });

  test('says nothing of use and memory when nobody tells', () => {
    const point = historyPoint([], { queued: 0, running: 0 }, { at: 0, freshMs: 1 });
    expect(point).toMatchObject({ utilization: null, memory: null, succeeded: 0 });
  });
});

test('a long time is put together to few points: longest queues, means of shares, sums of what ended', () => {
  const point = (at: number, rest: Partial<HistoryPoint>): HistoryPoint => ({
    ...{ at, queued: 0, running: 0, utilization: null, memory: null, succeeded: 0, failed: 0 },
    ...rest,
  });
  const points = [
    point(0, { queued: 5, utilization: 0.2, succeeded: 1 }),
    point(10_000, { queued: 9, utilization: 0.6, succeeded: 2, failed: 1 }),
    point(60_000, { queued: 1 }),
  ];
  expect(condense(points, { since: 0, until: 80_000, most: 4 })).toEqual({
    stepMs: 20_000,
    points: [point(0, { queued: 9, utilization: 0.4, succeeded: 3, failed: 1 }), point(60_000, { queued: 1 })],
  });
});
