import { AppError } from '../domain/errors.ts';
import type { JobId, TenantId } from '../domain/ids.ts';
import type { QueuedJob } from '../domain/job.ts';
import { modelOfShapeKey } from '../domain/scheduling/shape-key.ts';
import type { Warning } from '../domain/warning.ts';
import type { CostBook } from './cost-book.ts';
import type { AttemptRecord, JobRecord, Store } from './ports.ts';

export interface JobWithAttempts extends JobRecord {
  /** Those that have ended, by number. */
  readonly attempts: readonly AttemptRecord[];
  /** Of a queued job. */
  readonly outlook?: Outlook | undefined;
}

/** What a job that waits may expect, as the queue stands now. */
export interface Outlook {
  /** 1 is next; undefined when it is too far away to be counted quickly. */
  readonly position: number | undefined;
  /** Time until its picture is there, in ms; undefined when nothing was measured yet, or the queue is paused. */
  readonly waitMs: number | undefined;
  /** Why it may wait for long. @default none */
  readonly warnings?: readonly Warning[] | undefined;
}

export type GetJob = (input: { readonly tenantId: TenantId; readonly id: JobId }) => Promise<JobWithAttempts>;

export interface GetJobPorts {
  readonly store: Store;
  readonly costs: CostBook;
  /** Whether some worker can draw the model. @default yes */
  readonly serves?: ((model: string) => boolean) | undefined;
}

function notServed(model: string): Warning {
  const message = `No worker has the model ${JSON.stringify(model)} at the moment: the job waits until one has.`;
  return { code: 'model_not_served', message };
}

/** One job with its past attempts. @throws AppError `job_not_found` */
export function createGetJob({ store, costs, serves = () => true }: GetJobPorts): GetJob {
  return async ({ tenantId, id }) => {
    const found = await store.findJob(tenantId, id);
    if (found === undefined) throw jobNotFound(id);
    const attempts = await store.listAttempts(tenantId, id);
    if (found.job.state !== 'queued') return { ...found, attempts };
    const model = modelOfShapeKey(found.job.place.shapeKey);
    const warnings = serves(model) ? undefined : [notServed(model)];
    return { ...found, attempts, outlook: { ...(await outlookOf(store, costs, found.job)), warnings } };
  };
}

async function outlookOf(store: Store, costs: CostBook, job: QueuedJob): Promise<Outlook> {
  const [ahead, record, isPaused] = await Promise.all([
    store.queue.aheadOf(job),
    store.findGeneration(job.tenantId, job.generationId),
    store.queue.isPaused(),
  ]);
  if (ahead.isLimitReached) return { position: undefined, waitMs: undefined };
  const position = ahead.jobs + 1;
  // Nobody knows when a queue that somebody has paused goes on.
  const isKnown = !isPaused && record !== undefined && costs.isMeasured(record.generation);
  if (!isKnown) return { position, waitMs: undefined };
  const costMs = costs.predictMs(record.generation);
  // What was predicted when the jobs ahead were queued, mended by what was learnt since.
  const waitMs = ahead.costMs * (costMs / Math.max(1, job.place.costMs)) + costMs;
  return { position, waitMs };
}

export function jobNotFound(id: JobId): AppError {
  return new AppError('job_not_found', `There is no job ${id}.`, { details: { id } });
}
