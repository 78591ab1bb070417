import type { Clock } from './ports.ts';
import type { QueueReader } from './queue-ports.ts';
import { groupModels, type WorkerBoard } from './worker-board.ts';

export interface UnservedJobsPorts {
  readonly queue: Pick<QueueReader, 'waitingModels'>;
  readonly workers: Pick<WorkerBoard, 'list'>;
  readonly clock: Clock;
}

/** Models that jobs wait for and that no worker has, with how many of the first in line wait for each. */
export type UnservedJobs = () => Promise<ReadonlyMap<string, number>>;

export function createUnservedJobs({ queue, workers, clock }: UnservedJobsPorts): UnservedJobs {
  return async () => {
    const [waiting, reports] = await Promise.all([queue.waitingModels(), workers.list(clock.now() - SILENT_MS)]);
    const groups = groupModels(reports);
    return new Map([...waiting].filter(([model]) => groups !== undefined && !groups.has(model)));
  };
}

/** A worker that was not heard of for this long is gone. */
const SILENT_MS = 10_000;
