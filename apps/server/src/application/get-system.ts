import type { EngineWithMemory } from './cluster-engines.ts';
import type { Clock, Disk, Store } from './ports.ts';

export interface SystemFacts {
  readonly startedAt: number;
  readonly engines: readonly EngineWithMemory[];
  readonly queue: { readonly queued: number; readonly running: number };
  readonly disk: { readonly freeBytes: number; readonly minFreeBytes: number };
}

export type GetSystem = () => Promise<SystemFacts>;

/** How the server is doing. */
export function createGetSystem(ports: {
  readonly store: Store;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly engines: () => readonly EngineWithMemory[];
}): GetSystem {
  const { store, disk, clock, engines } = ports;
  const startedAt = clock.now();
  return async () => {
    const [queue, freeBytes] = await Promise.all([store.countJobs(), disk.freeBytes()]);
    return { startedAt, engines: engines(), queue, disk: { freeBytes, minFreeBytes: disk.minFreeBytes } };
  };
}
