import { interrupt, type RetryPolicy } from '../domain/job.ts';
import { changeJob } from './change-job.ts';
import type { Clock, Store } from './ports.ts';

/**
 * Mends what a clock that was put back leaves behind, by the records alone; nothing is ever thrown away:
 *
 * - jobs whose lease ends later than any lease can go back to the queue, unless their worker renews it;
 * - jobs that wait for a time later than any pause lasts get their place in the line now.
 *
 * @returns how many were mended
 */
export type ReconcileQueue = () => Promise<number>;

export function createReconcileQueue(ports: {
  readonly store: Pick<Store, 'transact'>;
  readonly clock: Clock;
  readonly retry: RetryPolicy;
  /** Length of every lease. */
  readonly leaseMs: number;
}): ReconcileQueue {
  const { store, clock, retry, leaseMs } = ports;
  return () =>
    store.transact(async (transaction) => {
      const now = clock.now();
      let mended = await transaction.queue.readyImpossible(now, SLACK_MS);
      for (const before of await transaction.loadRunning({ limit: BATCH })) {
        if (before.lease.expiresAt <= now + leaseMs + SLACK_MS) continue;
        if (await changeJob(transaction, { before, after: interrupt(before, now, retry), at: now })) mended += 1;
      }
      return mended;
    });
}

const BATCH = 500;
/** Clocks of several machines differ by less. */
const SLACK_MS = 60_000;
