import { expire, interrupt, type RetryPolicy } from '../domain/job.ts';
import { changeJob } from './change-job.ts';
import type { Clock, Store, StoreTransaction } from './ports.ts';

export interface ReapPorts {
  readonly store: Store;
  readonly clock: Clock;
  readonly retry: RetryPolicy;
}

/** Returns jobs whose worker fell silent to the queue; gives how many. */
export type ReapExpiredLeases = () => Promise<number>;

export function createReapExpiredLeases({ store, clock, retry }: ReapPorts): ReapExpiredLeases {
  return () =>
    store.transact(async (transaction) => {
      const now = clock.now();
      let reaped = 0;
      for (const before of await transaction.loadExpired({ now, limit: BATCH })) {
        const after = expire(before, now, retry);
        if (after !== undefined && (await changeJob(transaction, { before, after, at: now }))) reaped += 1;
      }
      return reaped;
    });
}

/**
 * Returns every running job to the queue, whatever its lease says; gives how many. Only for a process that is known to
 * be the only one on its store and has not claimed anything yet: what runs then belongs to a process that is gone.
 */
export type RecoverOrphans = () => Promise<number>;

export function createRecoverOrphans({ store, clock, retry }: ReapPorts): RecoverOrphans {
  const recoverSome = async (transaction: StoreTransaction): Promise<number> => {
    const now = clock.now();
    const orphans = await transaction.loadRunning({ limit: BATCH });
    for (const before of orphans) {
      await changeJob(transaction, { before, after: interrupt(before, now, retry), at: now });
    }
    return orphans.length;
  };
  return async () => {
    let total = 0;
    while (true) {
      const recovered = await store.transact(recoverSome);
      total += recovered;
      if (recovered < BATCH) return total;
    }
  };
}

const BATCH = 500;
