import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readSystemMemory } from './system-memory.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'imagemill-memory-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function read(files: Readonly<Record<string, string>>) {
  const meminfo = 'MemTotal:       16384000 kB\nMemFree:          100000 kB\nMemAvailable:    8192000 kB\n';
  for (const [path, text] of Object.entries({ 'proc/meminfo': meminfo, ...files })) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return readSystemMemory({ proc: join(folder, 'proc'), cgroup: join(folder, 'cgroup') });
}

test('without a container the memory of the machine counts, file pages that can be given back as free', async () => {
  expect(await read({})).toEqual({ totalBytes: 16_384_000 * 1024, freeBytes: 8_192_000 * 1024 });
  expect(await read({ 'proc/self/cgroup': '0::/a\n', 'cgroup/a/memory.max': 'max\n' })).toEqual({
    totalBytes: 16_384_000 * 1024,
    freeBytes: 8_192_000 * 1024,
  });
});

test('the limit of a container counts where it is less, in both versions of cgroups', async () => {
  const stat = 'anon 1\ninactive_file 500\n';
  expect(
    await read({
      'proc/self/cgroup': '0::/box\n',
      ...{ 'cgroup/box/memory.max': '4000\n', 'cgroup/box/memory.current': '3000\n', 'cgroup/box/memory.stat': stat },
    }),
  ).toEqual({ totalBytes: 4000, freeBytes: 1500 });
  expect(
    await read({
      'proc/self/cgroup': '5:cpu,cpuacct:/\n4:memory:/docker/1234\n',
      'cgroup/memory/memory.limit_in_bytes': '9000\n',
      'cgroup/memory/memory.usage_in_bytes': '2000\n',
      'cgroup/memory/memory.stat': 'total_inactive_file 100\n',
    }),
  ).toEqual({ totalBytes: 9000, freeBytes: 7100 });
});
