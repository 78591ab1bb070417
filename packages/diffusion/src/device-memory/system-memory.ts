import { readFileSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';
import { join } from 'node:path';
import type { MemoryReading } from './memory-reading.ts';

export interface SystemFolders {
  /** @default '/proc' */
  readonly proc?: string;
  /** @default '/sys/fs/cgroup' */
  readonly cgroup?: string;
}

/** Memory of the machine, or of the container where that is less. */
export function readSystemMemory(folders: SystemFolders = {}): MemoryReading {
  const { proc = '/proc', cgroup = '/sys/fs/cgroup' } = folders;
  const machine = readMachine(proc);
  const limited = readCgroup(proc, cgroup);
  if (limited === undefined || limited.totalBytes >= machine.totalBytes) return machine;
  return { totalBytes: limited.totalBytes, freeBytes: Math.min(machine.freeBytes, limited.freeBytes) };
}

/** `/proc/meminfo` counts in KiB; systems without it are asked through Node. */
function readMachine(proc: string): MemoryReading {
  const text = readText(join(proc, 'meminfo'));
  const field = (name: string): number | undefined => {
    const found = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text ?? '')?.[1];
    return found === undefined ? undefined : Number(found) * 1024;
  };
  const [totalBytes, freeBytes] = [field('MemTotal'), field('MemAvailable')];
  if (totalBytes === undefined || freeBytes === undefined) return { totalBytes: totalmem(), freeBytes: freemem() };
  return { totalBytes, freeBytes };
}

/** The limit of this process's cgroup, version 2 or 1; undefined when there is none. */
function readCgroup(proc: string, folder: string): MemoryReading | undefined {
  const lines = readText(join(proc, 'self', 'cgroup'))?.split('\n') ?? [];
  for (const line of lines) {
    const [, controllers, path = '/'] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined) continue;
    const names = controllers.split(',');
    if (!names.includes('memory') && controllers !== '') continue;
    const version = controllers === '' ? second : first;
    // Inside a container its own cgroup is often mounted at the root, whatever path the kernel names.
    for (const base of [join(folder, version.folder, path), join(folder, version.folder)]) {
      const limit = readNumber(join(base, version.limit));
      const used = readNumber(join(base, version.used));
      if (limit === undefined || used === undefined) continue;
      const stat = readText(join(base, 'memory.stat')) ?? '';
      const givenBack = Number(new RegExp(`^${version.inactive} (\\d+)$`, 'm').exec(stat)?.[1] ?? 0);
      return { totalBytes: limit, freeBytes: Math.max(0, limit - used + givenBack) };
    }
  }
  return undefined;
}

const second = { folder: '', limit: 'memory.max', used: 'memory.current', inactive: 'inactive_file' };
const first = {
  ...{ folder: 'memory', limit: 'memory.limit_in_bytes', used: 'memory.usage_in_bytes' },
  inactive: 'total_inactive_file',
};

/** `max`, as an unlimited cgroup says, is no number. */
function readNumber(path: string): number | undefined {
  const value = Number.parseInt(readText(path) ?? '', 10);
  return Number.isNaN(value) ? undefined : value;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // another system, or no such cgroup
  }
}
