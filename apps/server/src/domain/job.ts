/**
 * Life of a job (one picture):
 *
 *            claim                    complete
 *   queued ─────────► running ─────────────────────────► succeeded
 *     ▲ │                │ │ failAttempt: final fault ──► failed
 *     │ │                │ │ failAttempt: last attempt ─► dead
 *     │ │ requestCancel  │ │ any end after a cancel ────► cancelled
 *     │ └────────────────┼─┼───────────────────────────► cancelled
 *     └──────────────────┘ │
 *       failAttempt, interrupt, release, redraw: to be tried again
 *
 * The functions are pure. Those that end an attempt take the lease token of whoever asks and return undefined when it
 * is not the current one: the caller lost the job and must leave it alone. A final state never changes, but for an
 * operator's order to try a job that got no picture once more (`redrive`), and a reviewer's to take a picture that the
 * quality gate held back (`accept`). Once a cancel is accepted the job never succeeds.
 */
import type { AssetId, GenerationId, JobId, TenantId } from './ids.ts';
import { grantLease, hasExpired, type Lease, type LeaseRequest, renewLease } from './lease.ts';
import type { PictureQuality } from './quality/judge.ts';
import type { Warning } from './warning.ts';

/** Rank of waiting work; a lower class waits while a higher one has jobs. */
export type PriorityClass = 'interactive' | 'standard' | 'bulk';

/** Why an attempt ended badly. */
export interface JobFault {
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly retryable: boolean;
}

export interface JobTimings {
  readonly queueMs: number;
  readonly loadMs: number;
  readonly encodeMs: number;
  readonly denoiseMs: number;
  readonly decodeMs: number;
  readonly storeMs: number;
  readonly totalMs: number;
}

/** Where a job stands in the line of its class, and what that follows from. Kept over retries. */
export interface QueuePlace {
  /** Lower is earlier; see `scheduling/fair-share.ts`. */
  readonly startTag: number;
  /** Device time in ms that was predicted when it was queued. */
  readonly costMs: number;
  /** What the tenant's account was charged for it. */
  readonly chargeMs: number;
  /** Equal for jobs that one model call can draw. */
  readonly shapeKey: string;
  /** When the picture is wanted. */
  readonly dueAt: number | undefined;
}

interface JobBase {
  readonly id: JobId;
  readonly tenantId: TenantId;
  readonly generationId: GenerationId;
  /** Position in the generation, from 0. */
  readonly index: number;
  /** What it is drawn with; another than it was asked for once the quality gate had it drawn anew. */
  readonly seed: number;
  /** Seeds that were tried and given up, oldest first. */
  readonly triedSeeds: readonly number[];
  readonly priority: PriorityClass;
  readonly createdAt: number;
  readonly place: QueuePlace;
  /** Failures after which the job is dead. */
  readonly maxAttempts: number;
  /** Pause before a failed attempt is repeated. */
  readonly backOffMs: number;
  /** Claims so far; the number of the current or last attempt. */
  readonly attempt: number;
  /** Attempts that failed by a fault of their own. */
  readonly failures: number;
  /** Attempts that ended because the worker went away. */
  readonly interruptions: number;
  /** Highest lease token ever handed out. */
  readonly lastToken: number;
  readonly lastFault: JobFault | undefined;
}

export interface QueuedJob extends JobBase {
  readonly state: 'queued';
  /** Not to be claimed earlier. */
  readonly notBefore: number;
}

export interface RunningJob extends JobBase {
  readonly state: 'running';
  readonly lease: Lease;
  readonly startedAt: number;
  /** A cancel was accepted; it takes effect at the next denoise step. */
  readonly cancelRequested: boolean;
}

export interface SucceededJob extends JobBase {
  readonly state: 'succeeded';
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly assetId: AssetId;
  readonly timings: JobTimings;
  /** What was done another way than asked, e.g. because the memory was short. */
  readonly warnings: readonly Warning[];
  /** Undefined for a picture that was not measured. */
  readonly quality: PictureQuality | undefined;
}

export interface UnsuccessfulJob extends JobBase {
  readonly state: 'failed' | 'dead' | 'cancelled';
  /** Undefined when it was cancelled before its first attempt. */
  readonly startedAt: number | undefined;
  readonly finishedAt: number;
}

export type FinalJob = SucceededJob | UnsuccessfulJob;
export type Job = QueuedJob | RunningJob | FinalJob;

export interface RetryPolicy {
  /** Times the worker may go away under a job before it is given up; guards against a job that kills its server. */
  readonly maxInterruptions: number;
}

export type NewJob = Pick<
  JobBase,
  | 'id'
  | 'tenantId'
  | 'generationId'
  | 'index'
  | 'seed'
  | 'priority'
  | 'createdAt'
  | 'place'
  | 'maxAttempts'
  | 'backOffMs'
>;

export function newJob(fields: NewJob): QueuedJob {
  const history = { attempt: 0, failures: 0, interruptions: 0, lastToken: 0, lastFault: undefined, triedSeeds: [] };
  return { ...fields, ...history, state: 'queued', notBefore: fields.createdAt };
}

export function isFinal(job: Job): job is FinalJob {
  return job.state !== 'queued' && job.state !== 'running';
}

/** Starts the next attempt; undefined before the job may be tried again. */
export function claim(job: QueuedJob, request: LeaseRequest): RunningJob | undefined {
  if (request.now < job.notBefore) return undefined;
  const { notBefore: _, ...base } = job;
  const lease = grantLease(job.lastToken, request);
  return {
    ...base,
    state: 'running',
    attempt: job.attempt + 1,
    lastToken: lease.token,
    lease,
    startedAt: request.now,
    cancelRequested: false,
  };
}

export function renew(job: Job, token: number, now: number, leaseMs: number): RunningJob | undefined {
  return isHeldBy(job, token) ? { ...job, lease: renewLease(job.lease, now, leaseMs) } : undefined;
}

/** Ends the attempt with a picture. */
export function complete(
  job: Job,
  token: number,
  result: {
    readonly assetId: AssetId;
    readonly timings: JobTimings;
    readonly warnings?: readonly Warning[];
    readonly quality?: PictureQuality | undefined;
    readonly now: number;
  },
): SucceededJob | UnsuccessfulJob | undefined {
  if (!isHeldBy(job, token)) return undefined;
  if (job.cancelRequested) return end(job, 'cancelled', result.now);
  const { startedAt, base } = parts(job);
  return {
    ...base,
    state: 'succeeded',
    startedAt,
    finishedAt: result.now,
    assetId: result.assetId,
    timings: result.timings,
    warnings: result.warnings ?? [],
    quality: result.quality,
    lastFault: undefined,
  };
}

/** Ends the attempt, whose picture failed the quality gate, and queues the job at once with another seed. */
export function redraw(
  job: Job,
  token: number,
  event: { readonly seed: number; readonly fault: JobFault; readonly now: number },
): QueuedJob | UnsuccessfulJob | undefined {
  if (!isHeldBy(job, token)) return undefined;
  if (job.cancelRequested) return end(job, 'cancelled', event.now);
  return requeue(withSeed({ ...job, lastFault: event.fault }, event.seed), event.now);
}

/** Takes the picture of a job that the quality gate held back; undefined for any other job. */
export function accept(
  job: Job,
  picture: Pick<SucceededJob, 'assetId' | 'timings' | 'warnings' | 'quality'>,
): SucceededJob | undefined {
  if (job.state !== 'failed' || job.lastFault?.code !== 'picture_held') return undefined;
  const { startedAt = job.finishedAt, ...base } = job;
  return { ...base, ...picture, state: 'succeeded', startedAt, lastFault: undefined };
}

/** Ends the attempt with a fault: to be repeated after a pause, or final. */
export function failAttempt(
  job: Job,
  token: number,
  event: { readonly fault: JobFault; readonly now: number },
): QueuedJob | UnsuccessfulJob | undefined {
  if (!isHeldBy(job, token)) return undefined;
  if (job.cancelRequested) return end(job, 'cancelled', event.now);
  const failed = { ...job, failures: job.failures + 1, lastFault: event.fault };
  if (!event.fault.retryable) return end(failed, 'failed', event.now);
  if (failed.failures >= job.maxAttempts) return end(failed, 'dead', event.now);
  return requeue(failed, event.now + job.backOffMs);
}

/** Ends the attempt because of the cancel that was accepted. */
export function acknowledgeCancel(job: Job, token: number, now: number): UnsuccessfulJob | undefined {
  return isHeldBy(job, token) ? end(job, 'cancelled', now) : undefined;
}

/**
 * Hands the job back without a fault of its own, e.g. at shutdown or while the disk is full. Does not count towards
 * any limit.
 */
export function release(
  job: Job,
  token: number,
  event: { readonly notBefore: number; readonly now: number; readonly fault?: JobFault | undefined },
): QueuedJob | UnsuccessfulJob | undefined {
  if (!isHeldBy(job, token)) return undefined;
  if (job.cancelRequested) return end(job, 'cancelled', event.now);
  return requeue({ ...job, lastFault: event.fault ?? job.lastFault }, event.notBefore);
}

/** Takes the job from a worker whose lease has expired; undefined while the lease is good. */
export function expire(job: RunningJob, now: number, policy: RetryPolicy): QueuedJob | UnsuccessfulJob | undefined {
  return hasExpired(job.lease, now) ? interrupt(job, now, policy) : undefined;
}

/** Takes the job from a worker that is known to be gone, whatever its lease says. */
export function interrupt(job: RunningJob, now: number, policy: RetryPolicy): QueuedJob | UnsuccessfulJob {
  if (job.cancelRequested) return end(job, 'cancelled', now);
  const interrupted = { ...job, interruptions: job.interruptions + 1 };
  if (interrupted.interruptions <= policy.maxInterruptions) return requeue(interrupted, now);
  const message = `The worker of this job went away ${interrupted.interruptions} times.`;
  const lastFault = { code: 'lease_expired', message, details: {}, retryable: true };
  return end({ ...interrupted, lastFault }, 'dead', now);
}

/** Ends a queued job at once and marks a running one; a final job is returned as it is. */
export function requestCancel(job: Job, now: number): RunningJob | FinalJob {
  if (job.state === 'running') return { ...job, cancelRequested: true };
  if (job.state !== 'queued') return job;
  const { notBefore: _, ...base } = job;
  return { ...base, state: 'cancelled', startedAt: undefined, finishedAt: now };
}

/** Moves a job that has not ended to another class, or to another place in its own. */
export function reprioritize<Open extends QueuedJob | RunningJob>(
  job: Open,
  to: { readonly priority: PriorityClass; readonly place: QueuePlace },
): Open {
  return { ...job, ...to };
}

/**
 * Queues a job again that ended without a picture, with all its attempts before it; undefined for any other. Attempts
 * and lease tokens go on counting, so nothing of an earlier attempt gets through.
 */
export function redrive(
  job: Job,
  event: { readonly place: QueuePlace; readonly now: number; readonly seed?: number | undefined },
): QueuedJob | undefined {
  if (job.state !== 'dead' && job.state !== 'failed') return undefined;
  const { startedAt: _started, finishedAt: _finished, state: _state, ...base } = withSeed(job, event.seed);
  return { ...base, state: 'queued', failures: 0, interruptions: 0, place: event.place, notBefore: event.now };
}

function withSeed<Base extends JobBase>(job: Base, seed = job.seed): Base {
  return seed === job.seed ? job : { ...job, seed, triedSeeds: [...job.triedSeeds, job.seed] };
}

function isHeldBy(job: Job, token: number): job is RunningJob {
  return job.state === 'running' && job.lease.token === token;
}

function parts(job: RunningJob): { readonly base: JobBase; readonly startedAt: number } {
  const { lease: _lease, startedAt, cancelRequested: _cancel, state: _state, ...base } = job;
  return { base, startedAt };
}

function requeue(job: RunningJob, notBefore: number): QueuedJob {
  return { ...parts(job).base, state: 'queued', notBefore };
}

function end(job: RunningJob, state: 'failed' | 'dead' | 'cancelled', now: number): UnsuccessfulJob {
  const { base, startedAt } = parts(job);
  return { ...base, state, startedAt, finishedAt: now };
}
