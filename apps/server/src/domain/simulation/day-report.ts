/** What a simulated day was like, window by window. Pure. */
import type { Day } from './simulate-day.ts';

export interface WindowReport {
  /** Ms since the start. */
  readonly from: number;
  readonly to: number;
  /** Pictures that were asked for in the window. */
  readonly pictures: number;
  /** From the request to the picture, in seconds; null when none was drawn. */
  readonly meanSeconds: number | null;
  readonly p50Seconds: number | null;
  readonly p95Seconds: number | null;
  readonly p99Seconds: number | null;
  /** Share of the pictures that were given up. */
  readonly errors: number;
  /** Share of the window's device time in which devices worked. */
  readonly utilisation: number;
  /** Pictures that waited at the end of the window. */
  readonly waitingAtEnd: number;
  /** Price of the devices over the window; null without a price. */
  readonly cost: number | null;
}

export interface ReportRequest {
  readonly windows: readonly (readonly [number, number])[];
  readonly devices: number;
  /** Of all devices together. */
  readonly pricePerHour: number | undefined;
}

/** Pictures count where they were asked for; device time counts where it was used. */
export function reportDay(day: Day, { windows, devices, pricePerHour }: ReportRequest): readonly WindowReport[] {
  return windows.map(([from, to]) => {
    const own = day.pictures.filter(({ arrivedAt }) => arrivedAt >= from && arrivedAt < to);
    const seconds = own
      .filter(({ isDrawn }) => isDrawn)
      .map(({ arrivedAt, finishedAt }) => (finishedAt - arrivedAt) / 1_000)
      .sort((a, b) => a - b);
    const busyMs = day.busy.reduce((sum, [start, end]) => sum + overlap([start, end], [from, to]), 0);
    return {
      from,
      to,
      pictures: own.length,
      meanSeconds: seconds.length === 0 ? null : seconds.reduce((sum, one) => sum + one, 0) / seconds.length,
      p50Seconds: percentile(seconds, 0.5),
      p95Seconds: percentile(seconds, 0.95),
      p99Seconds: percentile(seconds, 0.99),
      errors: own.length === 0 ? 0 : (own.length - seconds.length) / own.length,
      utilisation: busyMs / (devices * (to - from)),
      waitingAtEnd: waitingAt(day, to),
      cost: pricePerHour === undefined ? null : (pricePerHour * (to - from)) / MS_AN_HOUR,
    };
  });
}

/** The nearest rank of sorted values; null without any. */
export function percentile(sorted: readonly number[], share: number): number | null {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
}

/** Pictures that wait at a time. */
export function waitingAt({ waiting }: Day, at: number): number {
  let low = 0;
  let high = waiting.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((waiting[middle]?.at ?? 0) <= at) low = middle + 1;
    else high = middle;
  }
  return waiting[low - 1]?.pictures ?? 0;
}

function overlap(a: readonly [number, number], b: readonly [number, number]): number {
  return Math.max(0, Math.min(a[1], b[1]) - Math.max(a[0], b[0]));
}

const MS_AN_HOUR = 3_600_000;
