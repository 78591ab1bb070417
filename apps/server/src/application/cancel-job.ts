import { AppError, assert } from '../domain/errors.ts';
import type { JobId, TenantId } from '../domain/ids.ts';
import { isFinal, type Job, requestCancel } from '../domain/job.ts';
import { changeJob } from './change-job.ts';
import { jobNotFound } from './get-job.ts';
import type { Clock, IdSource, JobRecord, Store, StoreTransaction } from './ports.ts';
import { type Act, auditOfStranger } from './write-audit.ts';

export interface CancelPorts {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: IdSource;
  /** Tells the workers of this process at once; others learn it when they renew the lease. */
  readonly notifyCancel: (id: JobId) => void;
}

export type CancelJob = (input: {
  readonly tenantId: TenantId;
  readonly id: JobId;
  /** Who does it, for the audit log. */
  readonly act?: Act | undefined;
}) => Promise<JobRecord>;

/**
 * Cancels a job: at once while it waits, at the next denoise step while it runs. Again is as good as once.
 *
 * @throws AppError `job_not_found`; `already_final` when it ended otherwise
 */
export function createCancelJob(ports: CancelPorts): CancelJob {
  const { store, clock, notifyCancel } = ports;
  return async ({ tenantId, id, act }) => {
    const job = await store.transact(async (transaction) => {
      const before = await transaction.loadJob(tenantId, id);
      if (before === undefined) throw jobNotFound(id);
      const after = await cancelOne(transaction, before, clock.now());
      if (after !== before) {
        const deed = { action: 'job.cancelled', target: id, tenantId, before: { state: before.state } };
        await auditOfStranger(transaction.access, ports, act, deed);
      }
      return after;
    });
    if (job.state === 'running') notifyCancel(id);
    else if (job.state !== 'cancelled') throw alreadyFinal('job', id, job.state);
    const record = await store.findJob(tenantId, id);
    assert(record !== undefined, `job ${id} was there and is not any more`);
    return record;
  };
}

/** Cancels one job inside a transaction and gives what became of it; a final job stays as it is. */
export async function cancelOne(transaction: StoreTransaction, before: Job, now: number): Promise<Job> {
  if (isFinal(before)) return before;
  const after = requestCancel(before, now);
  const isSaved = await changeJob(transaction, { before, after, at: now });
  if (isSaved && before.state === 'queued') await transaction.queue.refund(before, before.place.chargeMs);
  if (isSaved) return after;
  // A worker changed the job between our read and our write (possible on PostgreSQL only): look again.
  const current = await transaction.loadJob(before.tenantId, before.id);
  assert(current !== undefined, `job ${before.id} was there and is not any more`);
  return cancelOne(transaction, current, now);
}

export function alreadyFinal(what: 'job' | 'generation', id: string, state: string): AppError {
  return new AppError('already_final', `The ${what} ${id} has ended already: it ${state}.`, { details: { id, state } });
}
