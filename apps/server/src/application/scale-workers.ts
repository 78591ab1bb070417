import type { Caller } from '../domain/access/caller.ts';
import { localCaller } from '../domain/access/caller.ts';
import {
  firstScale,
  type ScalePolicy,
  type ScaleReading,
  type ScaleState,
  scaleWorkers,
} from '../domain/scheduling/scale-workers.ts';
import { every } from './every.ts';
import type { Clock, IdSource, Logger, Store } from './ports.ts';
import type { WorkerBoard } from './worker-board.ts';
import { writeAudit } from './write-audit.ts';

/** Workers of this machine that this process starts and ends. */
export interface WorkerFleet {
  /** Starts or drains workers, the last started first, until there are so many. */
  resize(count: number): void;
  /** Process ids of those that run and are not draining. */
  readonly pids: readonly number[];
}

export interface ScalerPorts {
  readonly store: Store;
  readonly workers: Pick<WorkerBoard, 'list'>;
  readonly fleet: WorkerFleet;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly log: Logger;
  /** Of this machine, as its workers name it. */
  readonly host: string;
  readonly policy: ScalePolicy;
  /** Of each worker of the fleet. */
  readonly slotsOfOne: number;
  readonly lookMs: number;
}

export interface Scaler {
  /** How many workers there should be, and how often that was changed. */
  readonly facts: { readonly wanted: number; readonly up: number; readonly down: number };
  stop(): void;
}

/**
 * Keeps as many workers on this machine as the queue asks for. While the records cannot be read, everything stays as it
 * is. Every change is logged and audited.
 */
export function startScaler(ports: ScalerPorts): Scaler {
  const { fleet, clock, log, policy, lookMs } = ports;
  let state = firstScale(policy);
  const acts = { up: 0, down: 0 };
  fleet.resize(state.workers);
  const look = async (): Promise<void> => {
    const reading = await read(ports, state);
    const before = state;
    state = scaleWorkers(before, reading, policy);
    if (state.workers === before.workers) return;
    fleet.resize(state.workers);
    acts[state.workers > before.workers ? 'up' : 'down'] += 1;
    const change = { before: before.workers, after: state.workers, waiting: reading.waiting, running: reading.running };
    log.info(change, 'the number of workers changes');
    await audit(ports, change);
  };
  const stop = every(clock, lookMs, look, (err) => log.warn({ err }, 'looking after the number of workers failed'));
  return {
    get facts() {
      return { wanted: state.workers, ...acts };
    },
    stop,
  };
}

async function read(
  { store, workers, fleet, clock, host, slotsOfOne }: ScalerPorts,
  state: ScaleState,
): Promise<ScaleReading> {
  const now = clock.now();
  const [{ pausedSince, classes }, reports] = await Promise.all([store.queue.facts(), workers.list(now - SILENT_MS)]);
  const all = Object.values(classes);
  const sum = (count: (one: (typeof all)[number]) => number): number =>
    all.reduce((total, one) => total + count(one), 0);
  const ready = reports.filter(({ engine }) => engine.state === 'ready');
  const pids = new Set(fleet.pids);
  const ownReady = ready.filter((report) => report.host === host && pids.has(report.pid)).length;
  // One that does not get ready at all must not keep others from being started.
  const isRecent = state.changedAt === undefined || now - state.changedAt < START_MS;
  return {
    now,
    // More workers do not help a queue that somebody has paused.
    waiting: pausedSince === undefined ? sum(({ queued }) => queued) : 0,
    running: sum(({ running }) => running),
    slots: ready.reduce((total, { engine }) => total + engine.slots, 0),
    slotsOfOne,
    isStarting: isRecent && ownReady < state.workers,
  };
}

interface Change {
  readonly before: number;
  readonly after: number;
  readonly waiting: number;
  readonly running: number;
}

async function audit(
  { store, clock, ids, host }: ScalerPorts,
  { before, after, waiting, running }: Change,
): Promise<void> {
  const deed = {
    tenantId: scalerCaller.tenantId,
    action: 'workers.scaled',
    target: host,
    before: { workers: before },
    after: { workers: after, waiting, running },
  };
  const act = { caller: scalerCaller, address: undefined };
  await store.transact(({ access }) => writeAudit(access, { clock, ids }, act, deed));
}

const scalerCaller: Caller = Object.freeze({ ...localCaller, name: 'scaler' });
/** A worker that was not heard of for this long is gone. */
const SILENT_MS = 7_000;
/** Longest time that a worker is waited for. */
const START_MS = 120_000;
