/** The values of the server as the API shows them. */
import type {
  Asset as ApiAsset,
  Attempt as ApiAttempt,
  Generation as ApiGeneration,
  Job as ApiJob,
  GenerationEvent,
  JobDetail,
} from '@imagemill/api';
import type { AssetUrls } from '../../application/asset-urls.ts';
import type { JobWithAttempts } from '../../application/get-job.ts';
import type { AttemptRecord, GenerationRecord, JobRecord } from '../../application/ports.ts';
import type { Asset } from '../../domain/asset.ts';
import type { NumberedEvent } from '../../domain/event.ts';
import type { JobId, TenantId } from '../../domain/ids.ts';

/** Tells how far a running job is. */
export type StepOf = (id: JobId) => number;

/** What showing a record takes beside the record. */
export interface PresentPorts {
  readonly stepOf: StepOf;
  readonly assetUrls: Pick<AssetUrls, 'pathOf'>;
  /** The name of a tenant that is not the reader's; undefined for the own one. */
  readonly foreign?: ((tenant: TenantId) => string | undefined) | undefined;
}

export function presentGeneration({ generation, jobs }: GenerationRecord, ports: PresentPorts): ApiGeneration {
  const { tenantId, askedBy: _asker, maxAttempts, backOffMs, dueAt, ...shown } = generation;
  const self = `/v1/generations/${generation.id}`;
  return {
    ...shown,
    tenant: ports.foreign?.(tenantId),
    createdAt: time(generation.createdAt),
    finishedAt: optionalTime(generation.finishedAt),
    deadline: optionalTime(dueAt),
    maxRetries: maxAttempts - 1,
    retryBackoffSeconds: backOffMs / 1_000,
    jobs: jobs.map((job) => presentJob(job, ports)),
    links: { self, events: `${self}/events`, cancel: `${self}/cancel` },
  };
}

export function presentJob({ job, asset, steps }: JobRecord, { stepOf, assetUrls, foreign }: PresentPorts): ApiJob {
  const step = job.state === 'succeeded' ? steps : job.state === 'running' ? stepOf(job.id) : 0;
  const isRetry = job.state === 'queued' && job.attempt > 0;
  return {
    id: job.id,
    generationId: job.generationId,
    tenant: foreign?.(job.tenantId),
    index: job.index,
    seed: job.seed,
    triedSeeds: job.triedSeeds.length > 0 ? job.triedSeeds : undefined,
    state: job.state,
    attempt: job.attempt,
    progress: { step, steps },
    cancelRequested: job.state === 'running' && job.cancelRequested,
    createdAt: time(job.createdAt),
    startedAt: optionalTime('startedAt' in job ? job.startedAt : undefined),
    finishedAt: optionalTime('finishedAt' in job ? job.finishedAt : undefined),
    notBefore: isRetry ? time(job.notBefore) : undefined,
    asset: asset && presentAsset(asset, assetUrls),
    error: job.lastFault,
    timings: job.state === 'succeeded' ? job.timings : undefined,
    warnings: job.state === 'succeeded' && job.warnings.length > 0 ? job.warnings : undefined,
    quality: job.state === 'succeeded' ? job.quality : undefined,
  };
}

export function presentJobDetail(record: JobWithAttempts, ports: PresentPorts): JobDetail {
  const { job, attempts, outlook } = record;
  const presented = presentJob(record, ports);
  return {
    ...presented,
    warnings: outlook?.warnings ?? presented.warnings,
    attempts: attempts.map(presentAttempt),
    priority: job.priority,
    queuePosition: outlook?.position,
    estimatedSeconds: outlook?.waitMs === undefined ? undefined : Math.round(outlook.waitMs / 100) / 10,
  };
}

function presentAttempt({ number, startedAt, finishedAt, outcome, fault }: AttemptRecord): ApiAttempt {
  return { number, startedAt: time(startedAt), finishedAt: time(finishedAt), outcome, error: fault };
}

export function presentAsset(asset: Asset, assetUrls: PresentPorts['assetUrls']): ApiAsset {
  const { id, mediaType, sizeBytes, width, height, sha256 } = asset;
  return { id, url: assetUrls.pathOf(asset), mediaType, sizeBytes, width, height, sha256 };
}

export function presentEvent(event: NumberedEvent, { assetUrls }: Pick<PresentPorts, 'assetUrls'>): GenerationEvent {
  const base = { id: event.id, generationId: event.generationId, at: time(event.at) };
  if (event.type === 'generation.finished') return { ...base, type: event.type, state: event.state };
  const { jobId, index, attempt } = event;
  const jobBase = { ...base, jobId, index, attempt };
  switch (event.type) {
    case 'job.queued':
      return { ...jobBase, type: event.type, notBefore: optionalTime(event.notBefore), error: event.fault };
    case 'job.step':
      return { ...jobBase, type: event.type, step: event.step, steps: event.steps };
    case 'job.preview': {
      const { step, steps, mediaType, image } = event;
      return { ...jobBase, type: event.type, step, steps, mediaType, image: Buffer.from(image).toString('base64') };
    }
    case 'job.succeeded':
      return {
        ...jobBase,
        type: event.type,
        asset: presentAsset(event.asset, assetUrls),
        timings: event.timings,
        quality: event.quality,
      };
    case 'job.failed':
      return { ...jobBase, type: event.type, state: event.state, error: event.fault };
    default:
      return { ...jobBase, type: event.type };
  }
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}

function optionalTime(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : time(ms);
}
