import type { Generation, Job } from '@imagemill/api';
import { expect, test } from 'vitest';
import { measure } from './measure.ts';

const now = Date.parse('2026-01-01T12:00:00Z');

function picture(totalMs: number, minutesAgo: number): Job {
  const timings = { queueMs: 0, loadMs: 0, encodeMs: 0, denoiseMs: 0, decodeMs: 0, storeMs: 0, totalMs };
  return { state: 'succeeded', timings, finishedAt: new Date(now - minutesAgo * 60_000).toISOString() } as Job;
}

test('the newest generations are counted by minute, by phase and by fault', () => {
  const jobs = [picture(100, 0), picture(300, 1), picture(200, 1), picture(400, 500), { state: 'dead' } as Job];
  const measured = measure([{ jobs } as unknown as Generation], now);
  expect(measured).toMatchObject({ pictures: 4, failed: 1 });
  expect(measured.perMinute.slice(-3)).toEqual([0, 2, 1]);
  expect(measured.phases.at(-1)).toEqual({ phase: 'totalMs', medianMs: 300, highMs: 400 });
});

test('nothing drawn yet gives no times', () => {
  expect(measure([], now)).toMatchObject({ pictures: 0, failed: 0, phases: [] });
});
