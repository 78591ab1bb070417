import type { Asset } from './asset.ts';
import type { GenerationState } from './generation.ts';
import type { GenerationId, JobId, TenantId } from './ids.ts';
import type { Job, JobFault, JobTimings, PriorityClass } from './job.ts';
import type { PictureQuality } from './quality/judge.ts';

interface EventBase {
  readonly tenantId: TenantId;
  readonly generationId: GenerationId;
  /** Milliseconds since 1970. */
  readonly at: number;
}

interface JobEventBase extends EventBase {
  readonly jobId: JobId;
  readonly index: number;
  readonly attempt: number;
  /** Class of the job; absent in progress, and in events of older versions. */
  readonly priority?: PriorityClass | undefined;
}

/** A change of state: stored with the change, in one transaction. */
export type StoredEvent =
  | (JobEventBase & {
      readonly type: 'job.queued';
      readonly notBefore: number | undefined;
      readonly fault: JobFault | undefined;
    })
  | (JobEventBase & { readonly type: 'job.started' })
  | (JobEventBase & {
      readonly type: 'job.succeeded';
      readonly asset: Asset;
      readonly timings: JobTimings;
      readonly quality?: PictureQuality | undefined;
    })
  | (JobEventBase & { readonly type: 'job.failed'; readonly state: 'failed' | 'dead'; readonly fault: JobFault })
  | (JobEventBase & { readonly type: 'job.cancelled' })
  | (EventBase & { readonly type: 'generation.finished'; readonly state: GenerationState });

/** Progress: kept in memory for a while. */
export type PassingEvent =
  | (JobEventBase & { readonly type: 'job.step'; readonly step: number; readonly steps: number })
  | (JobEventBase & {
      readonly type: 'job.preview';
      readonly step: number;
      readonly steps: number;
      readonly mediaType: string;
      readonly image: Uint8Array;
    });

export type DomainEvent = StoredEvent | PassingEvent;

/** An event with its place in the order of all events: ids rise, also over restarts. */
export type NumberedEvent = DomainEvent & { readonly id: number };

/** The event that tells of a change of a job; undefined when there is nothing to tell. */
export function eventOfChange(before: Job, after: Job, at: number, asset: Asset | undefined): StoredEvent | undefined {
  if (before.state === after.state) return undefined;
  const { tenantId, generationId, id: jobId, index, attempt, priority } = after;
  const base = { tenantId, generationId, jobId, index, attempt, priority, at };
  switch (after.state) {
    case 'queued':
      return { ...base, type: 'job.queued', notBefore: after.notBefore, fault: after.lastFault };
    case 'running':
      return { ...base, type: 'job.started' };
    case 'succeeded':
      return asset === undefined
        ? undefined
        : { ...base, type: 'job.succeeded', asset, timings: after.timings, quality: after.quality };
    case 'cancelled':
      return { ...base, type: 'job.cancelled' };
    case 'failed':
    case 'dead':
      return { ...base, type: 'job.failed', state: after.state, fault: after.lastFault ?? UNKNOWN_FAULT };
  }
}

/** The event of a job that was just accepted. */
export function eventOfNewJob(job: Job): StoredEvent {
  const { tenantId, generationId, id: jobId, index, attempt, priority, createdAt } = job;
  const base = { tenantId, generationId, jobId, index, attempt, priority, at: createdAt };
  return { ...base, type: 'job.queued', notBefore: undefined, fault: undefined };
}

const UNKNOWN_FAULT: JobFault = {
  code: 'engine_fault',
  message: 'No reason was recorded.',
  details: {},
  retryable: false,
};
