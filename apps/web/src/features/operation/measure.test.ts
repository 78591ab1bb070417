import type { Generation, Job } from '@imagemill/api';
import { expect, test } from 'vitest';
import { measure } from './measure.ts';

function picture(totalMs: number): Job {
  const timings = { queueMs: 0, loadMs: 0, encodeMs: 0, denoiseMs: 0, decodeMs: 0, storeMs: 0, totalMs };
  return { state: 'succeeded', timings } as Job;
}

test('the newest generations are counted, by phase and by fault', () => {
  const jobs = [picture(100), picture(300), picture(200), picture(400), { state: 'dead' } as Job];
  const measured = measure([{ jobs } as unknown as Generation]);
  expect(measured).toMatchObject({ pictures: 4, failed: 1 });
  expect(measured.phases.at(-1)).toEqual({ phase: 'totalMs', medianMs: 300, highMs: 400 });
});

test('nothing drawn yet gives no times', () => {
  expect(measure([])).toMatchObject({ pictures: 0, failed: 0, phases: [] });
});
