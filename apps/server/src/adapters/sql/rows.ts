import type { Selectable } from 'kysely';
import type { AttemptRecord } from '../../application/ports.ts';
import { THE_MACHINE } from '../../domain/access/caller.ts';
import type { Asset } from '../../domain/asset.ts';
import { assert } from '../../domain/errors.ts';
import type { NumberedEvent, StoredEvent } from '../../domain/event.ts';
import type { Generation, GenerationState, JobCounts, PictureFormat } from '../../domain/generation.ts';
import { assetId, contentHash, generationId, jobId, tenantId, workerId } from '../../domain/ids.ts';
import type { Job, JobFault, JobTimings, PriorityClass, QueuedJob, RunningJob } from '../../domain/job.ts';
import type { PictureQuality } from '../../domain/quality/judge.ts';
import type { Warning } from '../../domain/warning.ts';
import { readExtras, writeExtras } from './generation-extras.ts';
import type { AssetsTable, AttemptsTable, EventsTable, GenerationsTable, JobsTable } from './schema.ts';

export type GenerationRow = Selectable<GenerationsTable>;
export type JobRow = Selectable<JobsTable>;

const priorities: readonly PriorityClass[] = ['interactive', 'standard', 'bulk'];

/** Number of a class in the tables. */
export function rankOf(priority: PriorityClass): number {
  return priorities.indexOf(priority);
}

export function generationFromRow(row: GenerationRow): Generation {
  return {
    id: generationId(row.id),
    tenantId: tenantId(row.tenant_id),
    askedBy: row.asked_by,
    state: row.state as GenerationState,
    createdAt: row.created_at,
    finishedAt: row.finished_at ?? undefined,
    prompt: row.prompt,
    negativePrompt: row.negative_prompt,
    count: row.count,
    width: row.width,
    height: row.height,
    seed: row.seed,
    steps: row.steps,
    guidanceScale: row.guidance_scale,
    model: row.model,
    format: row.format as PictureFormat,
    quality: row.quality,
    priority: priorityFromRank(row.priority),
    dueAt: row.due_at ?? undefined,
    maxAttempts: row.max_attempts,
    backOffMs: row.back_off_ms,
    ...readExtras(row.id, row.extras),
  };
}

export function generationToRow(generation: Generation, counts: JobCounts): GenerationRow {
  return {
    id: generation.id,
    tenant_id: generation.tenantId,
    asked_by: generation.askedBy ?? THE_MACHINE,
    state: generation.state,
    created_at: generation.createdAt,
    finished_at: generation.finishedAt ?? null,
    prompt: generation.prompt,
    negative_prompt: generation.negativePrompt,
    count: generation.count,
    width: generation.width,
    height: generation.height,
    seed: generation.seed,
    steps: generation.steps,
    guidance_scale: generation.guidanceScale,
    model: generation.model,
    format: generation.format,
    quality: generation.quality,
    priority: rankOf(generation.priority),
    max_attempts: generation.maxAttempts,
    due_at: generation.dueAt ?? null,
    back_off_ms: generation.backOffMs,
    extras: writeExtras(generation),
    jobs_queued: counts.queued,
    jobs_running: counts.running,
    jobs_succeeded: counts.succeeded,
    jobs_failed: counts.failed,
    jobs_cancelled: counts.cancelled,
  };
}

export function jobFromRow(row: JobRow): Job {
  const base = {
    id: jobId(row.id),
    tenantId: tenantId(row.tenant_id),
    generationId: generationId(row.generation_id),
    index: row.position,
    seed: row.seed,
    priority: priorityFromRank(row.priority),
    createdAt: row.created_at,
    place: {
      startTag: row.start_tag,
      costMs: row.cost_ms,
      chargeMs: row.charge_ms,
      shapeKey: row.shape_key,
      dueAt: row.due_at ?? undefined,
    },
    maxAttempts: row.max_attempts,
    backOffMs: row.back_off_ms,
    attempt: row.attempt,
    failures: row.failures,
    interruptions: row.interruptions,
    lastToken: row.lease_token,
    triedSeeds: row.tried_seeds === null ? [] : (JSON.parse(row.tried_seeds) as number[]),
    lastFault: row.fault === null ? undefined : (JSON.parse(row.fault) as JobFault),
  };
  const startedAt = row.started_at ?? undefined;
  switch (row.state) {
    case 'queued':
      return { ...base, state: 'queued', notBefore: row.not_before };
    case 'running':
      return { ...base, state: 'running', ...runningParts(row) };
    case 'succeeded': {
      assert(row.asset_id !== null && row.timings !== null, `job ${row.id} succeeded without a picture`);
      const timings = JSON.parse(row.timings) as JobTimings;
      const finishedAt = row.finished_at ?? 0;
      return {
        ...base,
        state: 'succeeded',
        startedAt: row.started_at ?? 0,
        finishedAt,
        assetId: assetId(row.asset_id),
        timings,
        warnings: row.warnings === null ? [] : (JSON.parse(row.warnings) as Warning[]),
        quality: row.quality === null ? undefined : (JSON.parse(row.quality) as PictureQuality),
      };
    }
    case 'failed':
    case 'dead':
    case 'cancelled':
      return { ...base, state: row.state, startedAt, finishedAt: row.finished_at ?? 0 };
    default:
      return assertNever(row);
  }
}

function runningParts(row: JobRow): Pick<RunningJob, 'lease' | 'startedAt' | 'cancelRequested'> {
  assert(row.worker_id !== null && row.lease_expires_at !== null, `job ${row.id} runs without a lease`);
  return {
    lease: { token: row.lease_token, workerId: workerId(row.worker_id), expiresAt: row.lease_expires_at },
    startedAt: row.started_at ?? 0,
    cancelRequested: row.cancel_requested === 1,
  };
}

function assertNever(row: JobRow): never {
  assert(false, `job ${row.id} is in the unknown state ${row.state}`);
  throw new Error('unreachable');
}

export function queuedJobFromRow(row: JobRow): QueuedJob {
  const job = jobFromRow(row);
  assert(job.state === 'queued', `job ${row.id} is in the queue as ${row.state}`);
  return job;
}

export function runningJobFromRow(row: JobRow): RunningJob {
  const job = jobFromRow(row);
  assert(job.state === 'running', `job ${row.id} has a lease as ${row.state}`);
  return job;
}

/** Columns of a job that never change. */
type FixedColumns = 'id' | 'tenant_id' | 'generation_id' | 'position' | 'created_at' | 'max_attempts' | 'back_off_ms';

/** Columns of a job that its transitions change. */
export function jobChanges(job: Job): Omit<JobRow, FixedColumns> {
  const lease = job.state === 'running' ? job.lease : undefined;
  const succeeded = job.state === 'succeeded' ? job : undefined;
  return {
    state: job.state,
    seed: job.seed,
    tried_seeds: job.triedSeeds.length === 0 ? null : JSON.stringify(job.triedSeeds),
    priority: rankOf(job.priority),
    not_before: job.state === 'queued' ? job.notBefore : 0,
    // A job is born ready; one that comes back waits until the next claim finds its pause over.
    ready: job.state === 'queued' && job.notBefore > job.createdAt ? 0 : 1,
    start_tag: job.place.startTag,
    cost_ms: job.place.costMs,
    charge_ms: job.place.chargeMs,
    shape_key: job.place.shapeKey,
    due_at: job.place.dueAt ?? null,
    attempt: job.attempt,
    failures: job.failures,
    interruptions: job.interruptions,
    lease_token: job.lastToken,
    worker_id: lease?.workerId ?? null,
    lease_expires_at: lease?.expiresAt ?? null,
    cancel_requested: job.state === 'running' && job.cancelRequested ? 1 : 0,
    started_at: job.state === 'queued' ? null : (job.startedAt ?? null),
    finished_at: job.state === 'queued' || job.state === 'running' ? null : job.finishedAt,
    asset_id: succeeded?.assetId ?? null,
    timings: succeeded === undefined ? null : JSON.stringify(succeeded.timings),
    warnings: succeeded === undefined || succeeded.warnings.length === 0 ? null : JSON.stringify(succeeded.warnings),
    quality: succeeded?.quality === undefined ? null : JSON.stringify(succeeded.quality),
    score: succeeded?.quality?.measures.aesthetic ?? null,
    fault: job.lastFault === undefined ? null : JSON.stringify(job.lastFault),
  };
}

export function jobToRow(job: Job): JobRow {
  return {
    id: job.id,
    tenant_id: job.tenantId,
    generation_id: job.generationId,
    position: job.index,
    created_at: job.createdAt,
    max_attempts: job.maxAttempts,
    back_off_ms: job.backOffMs,
    ...jobChanges(job),
  };
}

export function assetFromRow(row: Selectable<AssetsTable>): Asset {
  return {
    id: assetId(row.id),
    tenantId: tenantId(row.tenant_id),
    sha256: contentHash(row.sha256),
    mediaType: row.media_type,
    sizeBytes: row.size_bytes,
    width: row.width,
    height: row.height,
    createdAt: row.created_at,
  };
}

export function attemptFromRow(row: Selectable<AttemptsTable>): AttemptRecord {
  return {
    tenantId: tenantId(row.tenant_id),
    jobId: jobId(row.job_id),
    number: row.number,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    outcome: row.outcome as AttemptRecord['outcome'],
    fault: row.fault === null ? undefined : (JSON.parse(row.fault) as JobFault),
  };
}

export function eventToRow(id: number, event: StoredEvent): Selectable<EventsTable> {
  const { tenantId: tenant_id, generationId: generation_id, type, at, ...data } = event;
  return { id, tenant_id, generation_id, type, at, data: JSON.stringify(data) };
}

export function eventFromRow(row: Selectable<EventsTable>): NumberedEvent {
  const base = {
    id: row.id,
    tenantId: tenantId(row.tenant_id),
    generationId: generationId(row.generation_id),
    at: row.at,
  };
  return { ...(JSON.parse(row.data) as object), ...base, type: row.type } as NumberedEvent;
}

export function priorityFromRank(rank: number): PriorityClass {
  const priority = priorities[rank];
  assert(priority !== undefined, `there is no priority of rank ${rank}`);
  return priority;
}
