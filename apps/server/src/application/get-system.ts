import type { DeviceMemoryFacts, EngineStatus } from './engine-port.ts';
import type { Clock, Disk, Store } from './ports.ts';

export interface SystemFacts {
  readonly startedAt: number;
  readonly engines: readonly (EngineStatus & { readonly memory?: DeviceMemoryFacts | undefined })[];
  readonly queue: { readonly queued: number; readonly running: number };
  readonly disk: { readonly freeBytes: number; readonly minFreeBytes: number };
}

export type GetSystem = () => Promise<SystemFacts>;

/** How the server is doing. */
export function createGetSystem(ports: {
  readonly store: Store;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly engineStatus: () => readonly EngineStatus[];
  /** Of a device as configured; undefined when nobody tells. */
  readonly memoryOf: (device: string) => DeviceMemoryFacts | undefined;
}): GetSystem {
  const { store, disk, clock, engineStatus, memoryOf } = ports;
  const startedAt = clock.now();
  return async () => {
    const [queue, freeBytes] = await Promise.all([store.countJobs(), disk.freeBytes()]);
    const engines = engineStatus().map((status) => ({ ...status, memory: memoryOf(status.device) }));
    return { startedAt, engines, queue, disk: { freeBytes, minFreeBytes: disk.minFreeBytes } };
  };
}
