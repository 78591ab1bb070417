/**
 * A day of arrivals drawn by devices in virtual time, in the order of the real scheduling policy. Pure: the same input
 * gives the same output.
 *
 * A device works as the engine does: between steps it takes new pictures into free slots, then moves one group of equal
 * size by one step. An interactive picture comes in although all slots are taken and goes first.
 */
import type { PriorityClass } from '../job.ts';
import { shapeKeyOf } from '../scheduling/shape-key.ts';
import { type DeviceTiming, fixedMs, type PictureShape, stepMs, tokensOf } from './device-timing.ts';
import { SIMULATED_MODEL, type WaitingJob, WaitingLine } from './waiting-line.ts';

/** Pictures that are asked for at one time. */
export interface Arrival extends PictureShape {
  /** Ms since the start. */
  readonly at: number;
  readonly steps: number;
  readonly priority: PriorityClass;
  readonly tenantId: string;
}

/** Timings of a device; those of `device-timing.ts`, or measured ones. */
export interface SimulatedDevice {
  readonly stepMs: (shape: PictureShape, pictures: number) => number;
  readonly fixedMs: (shape: PictureShape) => number;
  /** What the platform takes around the drawing. @default nothing */
  readonly platform?: PlatformTiming | undefined;
}

/** Ms in which a picture waits, or keeps its slot, although the device does nothing for it. */
export interface PlatformTiming {
  /** From the request, or from a slot that is free again, to the engine that has the picture. */
  readonly acceptMs: number;
  /** Writing the file format, beside the device. The picture leaves the engine after that, between two calls. */
  readonly fileMs: number;
  /** From the engine to the record. */
  readonly storeMs: number;
}

export interface DayRequest {
  /** In the order of their times. */
  readonly arrivals: readonly Arrival[];
  readonly devices: readonly SimulatedDevice[];
  /** Pictures under way at once on a device. */
  readonly slots: number;
  /** Tokens of one call of the transformer; one picture always fits. */
  readonly maxBatchTokens: number;
  /** Share of attempts that fail. */
  readonly failureRate: number;
  readonly maxAttempts: number;
  readonly backOffMs: number;
  /** Numbers from 0 to below 1. */
  readonly random: () => number;
}

export interface DrawnPicture {
  readonly arrivedAt: number;
  readonly finishedAt: number;
  readonly attempts: number;
  readonly isDrawn: boolean;
  readonly arrival: Arrival;
}

export interface Day {
  /** In the order in which they ended. */
  readonly pictures: readonly DrawnPicture[];
  /** Times in which devices worked: start and end in ms, neighbours joined. */
  readonly busy: readonly (readonly [number, number])[];
  /** How many waited, whenever that changed by an arrival or a claim. */
  readonly waiting: readonly { readonly at: number; readonly pictures: number }[];
}

interface Job {
  readonly id: string;
  readonly tenantId: string;
  readonly model: string;
  readonly shapeKey: string;
  readonly priority: PriorityClass;
  readonly costMs: number;
  readonly arrival: Arrival;
  attempts: number;
  stepsLeft: number;
}

interface Ended {
  readonly job: Job & WaitingJob;
  readonly at: number;
}

interface DeviceState {
  readonly timing: SimulatedDevice;
  readonly active: (Job & WaitingJob)[];
  readonly busy: [number, number][];
  /** Pictures that are decoded, in order, with the time from which they may leave. */
  readonly leaving: Ended[];
  /** When slots of pictures that are being stored are free again, in order. */
  readonly storing: number[];
  /** When the turn under way ends; undefined while it is idle. */
  freeAt: number | undefined;
}

/** Draws every picture, also those that are left when the last has arrived. */
export function simulateDay(request: DayRequest): Day {
  const { arrivals, slots } = request;
  const line = new WaitingLine<Job>();
  const devices: DeviceState[] = request.devices.map((timing) => ({
    timing,
    active: [],
    busy: [],
    leaving: [],
    storing: [],
    freeAt: undefined,
  }));
  const acceptMs = request.devices[0]?.platform?.acceptMs ?? 0;
  const pictures: DrawnPicture[] = [];
  const waiting: { at: number; pictures: number }[] = [];
  const returning: { readonly at: number; readonly job: Job & WaitingJob }[] = [];
  let next = 0;
  while (true) {
    const now = Math.min(
      (arrivals[next]?.at ?? Number.POSITIVE_INFINITY) + acceptMs,
      returning[0]?.at ?? Number.POSITIVE_INFINITY,
      ...devices.map(nextChange),
    );
    if (now === Number.POSITIVE_INFINITY) break;
    for (
      let arrival = arrivals[next];
      arrival !== undefined && arrival.at + acceptMs <= now;
      arrival = arrivals[++next]
    ) {
      line.add(jobOf(arrival, next, request));
    }
    while (returning[0] !== undefined && returning[0].at <= now) {
      const [back] = returning.splice(0, 1);
      if (back !== undefined) line.putBack(back.job);
    }
    for (const device of devices) {
      if (device.freeAt !== undefined && device.freeAt > now) continue;
      const ended = takeTurn(device, now, { line, slots, maxBatchTokens: request.maxBatchTokens });
      for (const { job, at } of ended) {
        const isDrawn = request.random() >= request.failureRate;
        if (!isDrawn && job.attempts < request.maxAttempts) insert(returning, { at: at + request.backOffMs, job });
        else pictures.push(endOf(job, at, isDrawn));
      }
    }
    waiting.push({ at: now, pictures: line.length });
  }
  const busy = devices.flatMap((device) => device.busy);
  return { pictures, busy, waiting };
}

/** When a device may take its next turn: after the one under way, or when a picture leaves or its slot is free. */
function nextChange({ freeAt, leaving, storing }: DeviceState): number {
  return freeAt ?? Math.min(leaving[0]?.at ?? Number.POSITIVE_INFINITY, storing[0] ?? Number.POSITIVE_INFINITY);
}

/** Takes pictures in, moves one group by a step, and decodes what is done. Gives what ended, with its time. */
function takeTurn(
  device: DeviceState,
  now: number,
  { line, slots, maxBatchTokens }: { line: WaitingLine<Job>; slots: number; maxBatchTokens: number },
): readonly Ended[] {
  const { timing, active, leaving, storing } = device;
  const ended = leave(device, now);
  while (storing[0] !== undefined && storing[0] <= now) storing.shift();
  const urgent = active.filter(({ priority }) => priority === 'interactive').length;
  const free = slots - active.length - leaving.length - storing.length;
  const claimed = free > 0 ? line.claim(free) : line.claim(slots - urgent, 'interactive');
  for (const job of claimed) {
    job.attempts += 1;
    job.stepsLeft = job.arrival.steps;
    active.push(job);
  }
  const group = chooseGroup(active, maxBatchTokens);
  const [first] = group;
  device.freeAt = undefined;
  if (first === undefined) return ended;
  let at = now + timing.stepMs(first.arrival, group.length);
  ended.push(...leave(device, at));
  for (const job of group) {
    active.splice(active.indexOf(job), 1);
    job.stepsLeft -= 1;
    // Whoever moved goes to the end, so that groups take turns.
    if (job.stepsLeft > 0) active.push(job);
    else {
      at += timing.fixedMs(job.arrival);
      ended.push(...leave(device, at));
      if (timing.platform === undefined) ended.push({ job, at });
      else leaving.push({ job, at: at + timing.platform.fileMs });
    }
  }
  device.freeAt = at;
  const last = device.busy.at(-1);
  if (last !== undefined && last[1] === now) last[1] = at;
  else device.busy.push([now, at]);
  return ended;
}

/** Hands over the pictures whose files are written; their slots are free when they are stored and others are there. */
function leave({ timing, leaving, storing }: DeviceState, now: number): Ended[] {
  const { acceptMs, storeMs } = timing.platform ?? noPlatform;
  const ended: Ended[] = [];
  while (leaving[0] !== undefined && leaving[0].at <= now) {
    const [first] = leaving.splice(0, 1);
    if (first !== undefined) ended.push({ job: first.job, at: now + storeMs });
    storing.push(now + storeMs + acceptMs);
  }
  return ended;
}

function chooseGroup(active: readonly (Job & WaitingJob)[], maxTokens: number): readonly (Job & WaitingJob)[] {
  const first = active.find(({ priority }) => priority === 'interactive') ?? active[0];
  if (first === undefined) return [];
  const isUrgent = first.priority === 'interactive';
  const most = Math.max(1, Math.floor(maxTokens / tokensOf(first.arrival)));
  return active
    .filter((job) => job.shapeKey === first.shapeKey && (job.priority === 'interactive') === isUrgent)
    .slice(0, most);
}

function jobOf(arrival: Arrival, index: number, { devices }: DayRequest): Job {
  const timing = devices[0];
  const costMs = timing === undefined ? 1 : arrival.steps * timing.stepMs(arrival, 1) + timing.fixedMs(arrival);
  const shapeKey = shapeKeyOf({ model: SIMULATED_MODEL, ...arrival });
  const { tenantId, priority } = arrival;
  const base = { id: String(index), tenantId, priority, model: SIMULATED_MODEL, shapeKey, costMs, arrival };
  return { ...base, attempts: 0, stepsLeft: arrival.steps };
}

function endOf({ arrival, attempts }: Job, finishedAt: number, isDrawn: boolean): DrawnPicture {
  return { arrival, arrivedAt: arrival.at, finishedAt, attempts, isDrawn };
}

const noPlatform: PlatformTiming = { acceptMs: 0, fileMs: 0, storeMs: 0 };

function insert<T extends { readonly at: number }>(list: T[], item: T): void {
  const place = list.findIndex(({ at }) => at > item.at);
  list.splice(place === -1 ? list.length : place, 0, item);
}

/** Timings by the arithmetic of a device. */
export function simulatedDevice(device: DeviceTiming): SimulatedDevice {
  return {
    stepMs: (shape, pictures) => stepMs(device, shape, pictures),
    fixedMs: (shape) => fixedMs(device, shape),
  };
}
