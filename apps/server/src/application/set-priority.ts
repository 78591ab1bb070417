import { assert } from '../domain/errors.ts';
import type { JobId, TenantId } from '../domain/ids.ts';
import { isFinal, type PriorityClass, reprioritize } from '../domain/job.ts';
import { alreadyFinal } from './cancel-job.ts';
import { changeJob } from './change-job.ts';
import { jobNotFound } from './get-job.ts';
import type { JobRecord } from './ports.ts';
import type { RedrivePorts } from './redrive-jobs.ts';
import { takePlaces } from './take-places.ts';
import { type Act, auditOfStranger } from './write-audit.ts';

export type SetPriority = (input: {
  readonly tenantId: TenantId;
  readonly id: JobId;
  readonly priority: PriorityClass;
  /** Who does it, for the audit log. */
  readonly act?: Act | undefined;
}) => Promise<JobRecord>;

/**
 * Moves a job to the end of its tenant's line in another class. One that runs already gets there if it is tried again.
 *
 * @throws AppError `job_not_found`, `already_final`
 */
export function createSetPriority(ports: RedrivePorts): SetPriority {
  const { store, clock, weightOf } = ports;
  return async ({ tenantId, id, priority, act }) => {
    await store.transact(async (transaction) => {
      const before = await transaction.loadJob(tenantId, id);
      if (before === undefined) throw jobNotFound(id);
      if (isFinal(before)) throw alreadyFinal('job', id, before.state);
      if (before.priority === priority) return;
      const now = clock.now();
      const { queue } = transaction;
      const weight = weightOf?.(tenantId) ?? 1;
      const [place] = await takePlaces(queue, { ...before.place, tenantId, priority, count: 1, now, weight });
      assert(place !== undefined, 'one place was asked for');
      if (before.state === 'queued') await queue.refund(before, before.place.chargeMs);
      await changeJob(transaction, { before, after: reprioritize(before, { priority, place }), at: now });
      const changes = { before: { priority: before.priority }, after: { priority } };
      const deed = { action: 'job.reprioritized', target: id, tenantId, ...changes };
      await auditOfStranger(transaction.access, ports, act, deed);
    });
    const record = await store.findJob(tenantId, id);
    assert(record !== undefined, `job ${id} was there and is not any more`);
    return record;
  };
}
