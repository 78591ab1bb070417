import { AppError, assert } from '../domain/errors.ts';
import type { JobId, TenantId } from '../domain/ids.ts';
import { type Job, redrive } from '../domain/job.ts';
import { type ReserveRequest, reserve, type SubjectLimits } from './account-for-jobs.ts';
import { changeJob } from './change-job.ts';
import { jobNotFound } from './get-job.ts';
import type { Clock, IdSource, JobRecord, Store, StoreTransaction } from './ports.ts';
import type { DeadLetterFilter } from './queue-ports.ts';
import type { Asker } from './submit-generation.ts';
import { takePlaces } from './take-places.ts';
import { type Act, auditOfStranger } from './write-audit.ts';

export interface RedrivePorts {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: IdSource;
  /** Share of a tenant in the queue. @default 1 for all */
  readonly weightOf?: ((tenant: TenantId) => number) | undefined;
  /** Quotas of who asks. @default none */
  readonly limitsOf?: ((who: Asker) => Promise<SubjectLimits>) | undefined;
}

export interface RedriveJobs {
  /**
   * Queues a dead or failed job again.
   *
   * @param input.act who does it, for the audit log
   * @throws AppError `job_not_found`, `not_redrivable`, `quota_exceeded`
   */
  one(input: Asker & { readonly id: JobId; readonly act?: Act | undefined }): Promise<JobRecord>;
  /** Queues all that fit the filter and were there at the call; gives how many. @throws AppError `quota_exceeded` */
  all(input: DeadLetterFilter & Pick<Asker, 'tenantId' | 'keyId'>): Promise<number>;
}

/** Gives jobs that ended without a picture all their attempts again, at the end of the line of their class. */
export function createRedriveJobs(ports: RedrivePorts): RedriveJobs {
  const { store } = ports;
  return {
    async one({ tenantId, keyId, id, act }) {
      const quota = await quotaOf(ports, { tenantId, keyId });
      await store.transact(async (transaction) => {
        const before = await transaction.loadJob(tenantId, id);
        if (before === undefined) throw jobNotFound(id);
        if (!(await redriveOne(transaction, before, ports, quota))) throw notRedrivable(before);
        const deed = { action: 'job.redriven', target: id, tenantId, before: { state: before.state } };
        await auditOfStranger(transaction.access, ports, act, deed);
      });
      const record = await store.findJob(tenantId, id);
      assert(record !== undefined, `job ${id} was there and is not any more`);
      return record;
    },
    async all({ keyId, ...filter }) {
      const quota = await quotaOf(ports, { tenantId: filter.tenantId, keyId });
      let total = 0;
      let after: JobId | undefined;
      while (true) {
        // In parts, so that other transactions get their turn. Each job is met once, also if it dies again meanwhile.
        const { count, last } = await store.transact(async (transaction) => {
          const some = await transaction.queue.deadLetters({ ...filter, after, limit: PART });
          let redriven = 0;
          for (const job of some) if (await redriveOne(transaction, job, ports, quota)) redriven += 1;
          return { count: redriven, last: some.length < PART ? undefined : some.at(-1)?.id };
        });
        total += count;
        if (last === undefined) return total;
        after = last;
      }
    },
  };
}

/** Queues one job again inside a transaction that does more; false when it is not dead or failed. */
export async function redriveInto(
  transaction: StoreTransaction,
  job: Job,
  { ports, who, seed }: { readonly ports: RedrivePorts; readonly who: Asker; readonly seed?: number | undefined },
): Promise<boolean> {
  return redriveOne(transaction, job, ports, { ...(await quotaOf(ports, who)), seed });
}

async function redriveOne(
  transaction: StoreTransaction,
  before: Job,
  { clock, weightOf }: RedrivePorts,
  { seed, ...quota }: Quota & { readonly seed?: number | undefined },
): Promise<boolean> {
  if (before.state !== 'dead' && before.state !== 'failed') return false;
  const now = clock.now();
  const { tenantId, priority, place } = before;
  const weight = weightOf?.(tenantId) ?? 1;
  const [newPlace] = await takePlaces(transaction.queue, { ...place, tenantId, priority, count: 1, now, weight });
  const after = newPlace && redrive(before, { place: newPlace, now, seed });
  if (after === undefined) return false;
  const { costMs, shapeKey } = after.place;
  // Whoever asks for it again answers for it: what was reserved for the first request was given back.
  const request = { ...quota, tenantId, jobIds: [after.id], costMs, shapeKey, now, isRequest: false };
  await reserve(transaction.usage, request);
  return changeJob(transaction, { before, after, at: now });
}

type Quota = Pick<ReserveRequest, 'keyId' | 'limits'>;

async function quotaOf({ limitsOf }: RedrivePorts, who: Asker): Promise<Quota> {
  return { keyId: who.keyId, limits: (await limitsOf?.(who)) ?? { tenant: {} } };
}

function notRedrivable({ id, state }: Job): AppError {
  const message = `The job ${id} is ${state}; only a dead or failed one can be queued again.`;
  return new AppError('not_redrivable', message, { details: { id, state } });
}

const PART = 100;
