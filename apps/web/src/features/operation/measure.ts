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
  /** Pictures finished in each of the last minutes, oldest first. */
  readonly perMinute: readonly number[];
}

export const minutesShown = 30;

/** Counts and times of the jobs of some generations, as seen at a moment. */
export function measure(generations: readonly Generation[], now: number): Measured {
  const jobs = generations.flatMap((generation) => generation.jobs);
  const timings = jobs.flatMap((job) => (job.timings === undefined ? [] : [job.timings]));
  const perMinute = Array.from({ length: minutesShown }, () => 0);
  for (const { state, finishedAt } of jobs) {
    if (state !== 'succeeded' || finishedAt === undefined) continue;
    const minutesAgo = Math.floor(Math.max(0, now - Date.parse(finishedAt)) / 60_000);
    if (minutesAgo < minutesShown) perMinute[minutesShown - 1 - minutesAgo] = countAt(perMinute, minutesAgo) + 1;
  }
  return {
    pictures: timings.length,
    failed: jobs.filter(({ state }) => state === 'failed' || state === 'dead').length,
    phases: timings.length === 0 ? [] : phases.map((phase) => timesOf(phase, timings)),
    perMinute,
  };
}

function countAt(perMinute: readonly number[], minutesAgo: number): number {
  return perMinute[minutesShown - 1 - minutesAgo] ?? 0;
}

function timesOf(phase: Phase, timings: readonly JobTimings[]): PhaseTimes {
  const sorted = timings.map((times) => times[phase]).sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return { phase, medianMs: at(0.5), highMs: at(0.95) };
}
