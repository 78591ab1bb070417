import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';

export interface CpuMeterOptions {
  /** @default '/sys/fs/cgroup' */
  readonly cgroup?: string;
  /** Milliseconds that only rise. @default performance.now */
  readonly now?: () => number;
}

/**
 * Share of its processors' time that the machine spent working since the last call, 0 to 1; undefined at the first
 * call. In a container with a limit (cgroup 2) its own time counts, against the limit.
 */
export function createCpuMeter({
  cgroup = '/sys/fs/cgroup',
  now = () => performance.now(),
}: CpuMeterOptions = {}): () => number | undefined {
  let last: Sample | undefined;
  return () => {
    const sample = readCgroup(cgroup, now()) ?? readMachine();
    const before = last;
    last = sample;
    if (before === undefined || before.kind !== sample.kind) return undefined;
    const available = sample.availableMs - before.availableMs;
    if (available <= 0) return undefined;
    return Math.min(1, Math.max(0, (sample.busyMs - before.busyMs) / available));
  };
}

interface Sample {
  readonly kind: 'cgroup' | 'machine';
  readonly busyMs: number;
  /** Time that could have been spent, of all processors together. */
  readonly availableMs: number;
}

function readMachine(): Sample {
  let busyMs = 0;
  let idleMs = 0;
  for (const { times } of cpus()) {
    busyMs += times.user + times.nice + times.sys + times.irq;
    idleMs += times.idle;
  }
  return { kind: 'machine', busyMs, availableMs: busyMs + idleMs };
}

/** `cpu.max` holds microseconds in a period, or `max`. */
function readCgroup(folder: string, nowMs: number): Sample | undefined {
  try {
    const [quota = 'max', period = '100000'] = readFileSync(join(folder, 'cpu.max'), 'utf8').trim().split(' ');
    if (quota === 'max') return undefined;
    const used = /^usage_usec (\d+)$/m.exec(readFileSync(join(folder, 'cpu.stat'), 'utf8'))?.[1];
    if (used === undefined) return undefined;
    return { kind: 'cgroup', busyMs: Number(used) / 1_000, availableMs: nowMs * (Number(quota) / Number(period)) };
  } catch {
    return undefined; // another system, or no limit
  }
}
