import type { ProcessSample } from './sample.ts';

/** How the installation was doing in a slot of time; the charts of a page are made of them. */
export interface HistoryPoint {
  /** Begin of the slot, in ms since 1970. */
  readonly at: number;
  readonly queued: number;
  readonly running: number;
  /** Mean of the devices, 0 to 1; null when nobody tells. */
  readonly utilization: number | null;
  /** Share of the devices' memory that is taken, 0 to 1; null when nobody tells. */
  readonly memory: number | null;
  /** Jobs that ended in the slot before. */
  readonly succeeded: number;
  readonly failed: number;
}

/** Length of a slot. */
export const HISTORY_SLOT_MS = 10_000;
/** How long points are kept. */
export const HISTORY_KEEP_MS = 86_400_000;

/** The slot that a time is in. */
export function slotOf(now: number): number {
  return Math.floor(now / HISTORY_SLOT_MS) * HISTORY_SLOT_MS;
}

/**
 * The point of the slot that has just begun.
 *
 * @param samples of all processes, of the last slot at least, by time
 */
export function historyPoint(
  samples: readonly ProcessSample[],
  { queued, running }: { readonly queued: number; readonly running: number },
  { at, freshMs }: { readonly at: number; readonly freshMs: number },
): HistoryPoint {
  const latest = new Map(samples.map((sample) => [sample.processId, sample]));
  const devices = [...latest.values()].filter((sample) => sample.at > at - freshMs).flatMap((one) => one.devices);
  const used = devices.flatMap(({ utilization }) => (utilization === null ? [] : [utilization]));
  const memories = devices.flatMap(({ memory }) => (memory === undefined || memory === null ? [] : [memory]));
  const total = sum(memories.map(({ totalBytes }) => totalBytes));
  const free = sum(memories.map(({ freeBytes }) => freeBytes));
  const before = samples.filter((sample) => sample.at >= at - HISTORY_SLOT_MS && sample.at < at);
  return {
    ...{ at, queued, running },
    utilization: used.length === 0 ? null : sum(used) / used.length,
    memory: total === 0 ? null : (total - free) / total,
    succeeded: sum(before.map((sample) => sample.succeeded)),
    failed: sum(before.map((sample) => sample.failed)),
  };
}

/**
 * Points put together to at most `most`, oldest first: the longest queue, means of shares, sums of what ended. Each
 * covers the same time, and a time without a point (no server ran) has none.
 */
export function condense(
  points: readonly HistoryPoint[],
  { since, until, most }: { readonly since: number; readonly until: number; readonly most: number },
): { readonly stepMs: number; readonly points: readonly HistoryPoint[] } {
  const slots = Math.max(1, Math.ceil((until - since) / HISTORY_SLOT_MS / most));
  const stepMs = slots * HISTORY_SLOT_MS;
  const groups = new Map<number, HistoryPoint[]>();
  for (const point of points) {
    const at = Math.floor(point.at / stepMs) * stepMs;
    const group = groups.get(at);
    if (group === undefined) groups.set(at, [point]);
    else group.push(point);
  }
  return { stepMs, points: [...groups].map(([at, group]) => together(at, group)).sort((a, b) => a.at - b.at) };
}

function together(at: number, group: readonly HistoryPoint[]): HistoryPoint {
  const mean = (values: readonly (number | null)[]): number | null => {
    const known = values.filter((value) => value !== null);
    return known.length === 0 ? null : sum(known) / known.length;
  };
  return {
    at,
    queued: Math.max(...group.map(({ queued }) => queued)),
    running: Math.max(...group.map(({ running }) => running)),
    utilization: mean(group.map(({ utilization }) => utilization)),
    memory: mean(group.map(({ memory }) => memory)),
    succeeded: sum(group.map(({ succeeded }) => succeeded)),
    failed: sum(group.map(({ failed }) => failed)),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
