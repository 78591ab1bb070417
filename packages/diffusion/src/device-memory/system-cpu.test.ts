import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createCpuMeter } from './system-cpu.ts';

let cgroup: string;
beforeEach(async () => {
  cgroup = await mkdtemp(join(tmpdir(), 'imagemill-cpu-'));
});
afterEach(() => rm(cgroup, { recursive: true }));

async function limit(max: string, usageMicroseconds: number): Promise<void> {
  await writeFile(join(cgroup, 'cpu.max'), `${max}\n`);
  await writeFile(join(cgroup, 'cpu.stat'), `usage_usec ${usageMicroseconds}\nuser_usec 1\n`);
}

test('in a container its own time counts, against its limit', async () => {
  let now = 0;
  await limit('200000 100000', 1_000_000);
  const read = createCpuMeter({ cgroup, now: () => now });
  expect(read()).toBeUndefined();
  now = 1_000;
  await limit('200000 100000', 2_500_000); // 1.5 s of the 2 s that two processors have in a second
  expect(read()).toBeCloseTo(0.75);
});

test('without a limit the machine counts, and the share is never outside of 0 to 1', async () => {
  await limit('max 100000', 5);
  const read = createCpuMeter({ cgroup });
  expect(read()).toBeUndefined();
  const until = performance.now() + 30;
  while (performance.now() < until);
  const share = read() ?? 0;
  expect(share).toBeGreaterThanOrEqual(0);
  expect(share).toBeLessThanOrEqual(1);
});
