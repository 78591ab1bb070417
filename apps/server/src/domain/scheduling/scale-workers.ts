/** How many workers a machine runs, by what waits. Workers here are those of one machine; the queue is that of all. */
export interface ScalePolicy {
  readonly minWorkers: number;
  readonly maxWorkers: number;
  /** More jobs than this wait: one more worker. */
  readonly queueAbove: number;
  /** Least time between two changes, in ms. */
  readonly coolDownMs: number;
  /** One worker has been too many for this long, in ms: one fewer. */
  readonly idleMs: number;
}

export interface ScaleState {
  /** How many there should be. */
  readonly workers: number;
  /** Undefined while nothing was changed. */
  readonly changedAt: number | undefined;
  /** Since when one worker has been too many; undefined when none is. */
  readonly spareSince: number | undefined;
}

export interface ScaleReading {
  /** Ms since 1970. */
  readonly now: number;
  /** Jobs that could start if there were room. */
  readonly waiting: number;
  readonly running: number;
  /** Pictures that all workers of the cluster can have under way at once. */
  readonly slots: number;
  /** Those of one worker of this machine. */
  readonly slotsOfOne: number;
  /** A worker that was started is not ready yet: what it will change is not known. */
  readonly isStarting: boolean;
}

export function firstScale({ minWorkers }: ScalePolicy): ScaleState {
  return { workers: minWorkers, changedAt: undefined, spareSince: undefined };
}

/**
 * The next number of workers: one more, one fewer or the same, always within the bounds.
 *
 * Growing and shrinking leave a wide space between them, in which nothing changes: it grows above a length of the queue
 * and shrinks after nothing has waited for a while and the others had room for all that ran. So no queue of one length
 * makes it do both.
 */
export function scaleWorkers(state: ScaleState, reading: ScaleReading, policy: ScalePolicy): ScaleState {
  const { now, waiting } = reading;
  const { minWorkers, maxWorkers, queueAbove, coolDownMs, idleMs } = policy;
  const spareSince = isSpare(reading) ? Math.min(state.spareSince ?? now, now) : undefined;
  const workers = Math.max(minWorkers, Math.min(maxWorkers, state.workers));
  if (workers !== state.workers) return { workers, changedAt: now, spareSince: undefined };
  // A clock that was set back must not stop everything until it has caught up.
  const changedAt = state.changedAt === undefined ? undefined : Math.min(state.changedAt, now);
  const same = { workers, changedAt, spareSince };
  if (changedAt !== undefined && now - changedAt < coolDownMs) return same;
  // Where nobody draws at all, the first job is reason enough.
  const above = workers === 0 && reading.slots === 0 ? 0 : queueAbove;
  if (waiting > above && workers < maxWorkers && !reading.isStarting) {
    return { workers: workers + 1, changedAt: now, spareSince: undefined };
  }
  if (spareSince !== undefined && now - spareSince >= idleMs && workers > minWorkers) {
    return { workers: workers - 1, changedAt: now, spareSince: now };
  }
  return same;
}

function isSpare({ waiting, running, slots, slotsOfOne }: ScaleReading): boolean {
  return waiting === 0 && running <= slots - slotsOfOne;
}
