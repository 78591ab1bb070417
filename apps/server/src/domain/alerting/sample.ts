import type { SignalName } from './rule.ts';

/** What one process says of itself every few seconds; signals are made of the samples of all. */
export interface ProcessSample {
  readonly processId: string;
  readonly at: number;
  readonly devices: readonly {
    readonly device: string;
    /** 0 to 1; null when nobody tells. */
    readonly utilization: number | null;
    readonly isReady: boolean;
    /** Absent when nobody tells. */
    readonly memory?: { readonly totalBytes: number; readonly freeBytes: number } | undefined;
  }[];
  /** Jobs that ended here since the sample before. */
  readonly succeeded: number;
  readonly failed: number;
  readonly failedMessages: number;
  readonly freeDiskBytes: number | null;
  /** What its wall clock moved beyond the time that went by, in ms. */
  readonly clockJumpMs: number;
}

/** Figures of the records, which are the same for all processes. */
export interface RecordFigures {
  readonly queueLength: number;
  readonly oldestWaitMs: number;
  readonly deadLetters: number;
  /** Tenants that have spent their soft budget of the month. */
  readonly budgetsReached: number;
  /** Undefined where one process has the records alone. @default undefined */
  readonly unservedJobs?: number | undefined;
  /** Undefined where no standby site watches. @default undefined */
  readonly standbyBehindMs?: number | undefined;
}

/**
 * The signals at a time.
 *
 * @param samples of the last five minutes, by time
 * @param freshMs a process whose last sample is older is gone
 */
export function readSignals(
  samples: readonly ProcessSample[],
  records: RecordFigures,
  { now, freshMs }: { readonly now: number; readonly freshMs: number },
): Readonly<Record<SignalName, number | undefined>> {
  const fresh = latestOf(samples).filter(({ at }) => Math.abs(now - at) <= freshMs);
  const devices = fresh.flatMap((sample) => sample.devices);
  const used = devices.flatMap(({ utilization }) => (utilization === null ? [] : [utilization]));
  const free = fresh.flatMap(({ freeDiskBytes }) => (freeDiskBytes === null ? [] : [freeDiskBytes]));
  const succeeded = sum(samples.map((sample) => sample.succeeded));
  const failed = sum(samples.map((sample) => sample.failed));
  const ended = succeeded + failed;
  const jumps = fresh.map(({ clockJumpMs }) => Math.abs(clockJumpMs));
  return {
    device_utilization: used.length === 0 ? undefined : sum(used) / used.length,
    queue_length: records.queueLength,
    oldest_wait_seconds: records.oldestWaitMs / 1_000,
    error_rate: ended === 0 ? undefined : failed / ended,
    dead_letters: records.deadLetters,
    engines_down: devices.length === 0 ? undefined : devices.filter(({ isReady }) => !isReady).length,
    free_disk_bytes: free.length === 0 ? undefined : Math.min(...free),
    message_failures: sum(samples.map((sample) => sample.failedMessages)),
    budgets_reached: records.budgetsReached,
    jobs_unserved: records.unservedJobs,
    standby_lag_seconds: records.standbyBehindMs === undefined ? undefined : records.standbyBehindMs / 1_000,
    clock_skew_seconds: jumps.length === 0 ? undefined : Math.max(...jumps) / 1_000,
  };
}

function latestOf(samples: readonly ProcessSample[]): ProcessSample[] {
  return [...new Map(samples.map((sample) => [sample.processId, sample])).values()];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Rates are of this long. */
export const RATE_WINDOW_MS = 300_000;
