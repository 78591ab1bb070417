import type { JobId, TenantId } from '../domain/ids.ts';
import { renew } from '../domain/job.ts';
import { changeJob } from './change-job.ts';
import type { Clock, Store } from './ports.ts';

/** A job that a worker holds, or thinks it holds. */
export interface HeldJob {
  readonly tenantId: TenantId;
  readonly id: JobId;
  readonly token: number;
}

export interface Renewal {
  readonly id: JobId;
  readonly token: number;
  /** `cancel`: held, and a cancel was accepted. `lost`: somebody else has it; leave it alone. */
  readonly answer: 'held' | 'cancel' | 'lost';
}

export type RenewLeases = (jobs: readonly HeldJob[]) => Promise<readonly Renewal[]>;

/** The heartbeat of a worker: keeps its leases and tells what became of its jobs. */
export function createRenewLeases(ports: {
  readonly store: Store;
  readonly clock: Clock;
  readonly leaseMs: number;
}): RenewLeases {
  const { store, clock, leaseMs } = ports;
  return (jobs) =>
    store.transact(async (transaction) => {
      const now = clock.now();
      const renewals: Renewal[] = [];
      for (const { tenantId, id, token } of jobs) {
        const before = await transaction.loadJob(tenantId, id);
        const after = before && renew(before, token, now, leaseMs);
        const isHeld = before && after && (await changeJob(transaction, { before, after, at: now }));
        const answer = !isHeld ? 'lost' : after.cancelRequested ? 'cancel' : 'held';
        renewals.push({ id, token, answer });
      }
      return renewals;
    });
}
