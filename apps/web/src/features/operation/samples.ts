import type { SystemStatus } from '@imagemill/api';
import { useEffect, useState } from 'react';

/** How the server was doing at one look. */
export interface Sample {
  /** Pictures that waited. */
  readonly queued: number;
  /** Share of the places that were taken, 0 to 1. */
  readonly use: number;
  /** Share of the device's memory that was taken, 0 to 1; undefined when nobody tells. */
  readonly memory: number | undefined;
}

/** Looks that are remembered while the page is open. */
export const mostSamples = 60;

/** The looks at the server since the page was opened, oldest first. */
export function useSamples(status: SystemStatus | undefined): readonly Sample[] {
  const [samples, setSamples] = useState<readonly Sample[]>([]);
  useEffect(() => {
    if (status !== undefined) setSamples((known) => [...known, sampleOf(status)].slice(-mostSamples));
  }, [status]);
  return samples;
}

export function sampleOf({ engines, queue }: SystemStatus): Sample {
  const slots = engines.reduce((sum, engine) => sum + engine.slots, 0);
  const memories = engines.flatMap(({ memory }) => (memory === undefined ? [] : [memory]));
  const total = memories.reduce((sum, { totalBytes }) => sum + totalBytes, 0);
  const free = memories.reduce((sum, { freeBytes }) => sum + freeBytes, 0);
  return {
    queued: queue.queued,
    use: slots === 0 ? 0 : Math.min(1, queue.running / slots),
    memory: total === 0 ? undefined : (total - free) / total,
  };
}
