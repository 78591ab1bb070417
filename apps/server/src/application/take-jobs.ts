import { type Claim, type ClaimJobs, claimByIds } from './claim-jobs.ts';
import type { JobCarrier, TakenOffer } from './job-carrier.ts';
import type { Clock, Store } from './ports.ts';

export interface TakePorts {
  readonly store: Store;
  readonly carrier: JobCarrier;
  readonly clock: Clock;
  readonly leaseMs: number;
  /** Called when there is room on the carrier again. */
  readonly onTaken: () => void;
}

/**
 * Takes jobs from the carrier and claims them in the records: only there is decided whose they are. An offer whose job
 * is not to be claimed any more (cancelled, or claimed under another offer) is dropped; while the queue is paused, jobs
 * go back into the line.
 */
export function createTakeJobs({ store, carrier, clock, leaseMs, onTaken }: TakePorts): ClaimJobs {
  return async ({ workerId, limit, models = new Set(), only }) => {
    const taken = await carrier.take({ limit, models, only: only === 'interactive' ? only : undefined });
    if (taken.length === 0) return [];
    const ids = taken.map(({ offer }) => offer.jobId);
    let claims: readonly Claim[];
    try {
      claims = await store.transact(async (transaction) => {
        const { pausedSince } = await transaction.queue.state();
        if (pausedSince === undefined) return claimByIds(transaction, ids, { workerId, now: clock.now(), leaseMs });
        await transaction.queue.takeBack(ids);
        return [];
      });
    } catch (error) {
      await Promise.all(taken.map((one: TakenOffer) => one.giveBack()));
      throw error;
    }
    await Promise.all(taken.map((one) => one.settle()));
    onTaken();
    return claims;
  };
}
