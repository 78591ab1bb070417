import type { Generation, JobTimings } from '@imagemill/api';

export type Phase = keyof JobTimings;
export const phases = ['queueMs', 'loadMs', 'encodeMs', 'denoiseMs', 'decodeMs', 'storeMs', 'totalMs'] as const;

export interface PhaseTimes {
  readonly phase: Phase;
  readonly medianMs: number;
  /** 95 of 100 took no longer. */
  readonly highMs: number;
}

/** What the newest generations tell about the server. */
export interface Measured {
  readonly pictures: number;
  readonly failed: number;
  readonly phases: readonly PhaseTimes[];
}

/** Counts and times of the jobs of some generations. */
export function measure(generations: readonly Generation[]): Measured {
  const jobs = generations.flatMap((generation) => generation.jobs);
  const timings = jobs.flatMap((job) => (job.timings === undefined ? [] : [job.timings]));
  return {
    pictures: timings.length,
    failed: jobs.filter(({ state }) => state === 'failed' || state === 'dead').length,
    phases: timings.length === 0 ? [] : phases.map((phase) => timesOf(phase, timings)),
  };
}

function timesOf(phase: Phase, timings: readonly JobTimings[]): PhaseTimes {
  const sorted = timings.map((times) => times[phase]).sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return { phase, medianMs: at(0.5), highMs: at(0.95) };
}
