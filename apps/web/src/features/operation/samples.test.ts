import type { SystemStatus } from '@imagemill/api';
import { expect, test } from 'vitest';
import { sampleOf } from './samples.ts';

test('a look tells the share of places and of memory that are taken, over all devices', () => {
  const memory = { source: 'system', totalBytes: 100, freeBytes: 25, reserveBytes: 0 } as const;
  const engines = [{ slots: 3, memory }, { slots: 1 }];
  const status = { engines, queue: { queued: 7, running: 2 } } as unknown as SystemStatus;
  expect(sampleOf(status)).toEqual({ queued: 7, use: 0.5, memory: 0.75 });
  expect(sampleOf({ ...status, engines: [] })).toEqual({ queued: 7, use: 0, memory: undefined });
});
