/**
 * Events of one generation, as `GET /v1/generations/:id/events` streams them (server-sent events).
 *
 * Each message has `id:` (an integer that rises within the generation, also over a restart of the server), `event:`
 * (the type) and `data:` (the JSON below). A stream starts at the first event, or after the one named by the
 * `Last-Event-ID` header or `?lastEventId`, and ends after `generation.finished`. Comment lines keep it alive.
 * State changes are stored for good; steps and previews are kept in memory for a while, so a late reader may miss them.
 */
import { z } from 'zod';
import { type Asset, assetSchema } from './asset.ts';
import { type GenerationState, generationStates } from './generation.ts';
import { type JobTimings, jobTimingsSchema } from './job.ts';
import { idSchema, timestampSchema } from './primitives.ts';
import { type JobError, jobErrorSchema } from './problem.ts';
import { type PictureQuality, pictureQualitySchema } from './quality.ts';

interface EventBase {
  /** Equals the `id:` of the message. */
  readonly id: number;
  readonly generationId: string;
  readonly at: string;
}

interface JobEventBase extends EventBase {
  readonly jobId: string;
  /** Position of the job in the generation. */
  readonly index: number;
  /** Number of the current or last attempt; 0 before the first. */
  readonly attempt: number;
}

/** The job waits: newly accepted, or to be tried again (then `error` says why and `notBefore` from when). */
export interface JobQueuedEvent extends JobEventBase {
  readonly type: 'job.queued';
  readonly notBefore?: string | undefined;
  readonly error?: JobError | undefined;
}

export interface JobStartedEvent extends JobEventBase {
  readonly type: 'job.started';
}

export interface JobStepEvent extends JobEventBase {
  readonly type: 'job.step';
  /** Denoise steps done, from 1. */
  readonly step: number;
  readonly steps: number;
}

export interface JobPreviewEvent extends JobEventBase {
  readonly type: 'job.preview';
  readonly step: number;
  readonly steps: number;
  readonly mediaType: string;
  /** Base64 of a small picture. */
  readonly image: string;
}

export interface JobSucceededEvent extends JobEventBase {
  readonly type: 'job.succeeded';
  readonly asset: Asset;
  readonly timings: JobTimings;
  /** Absent for a picture that was not measured. */
  readonly quality?: PictureQuality | undefined;
}

export interface JobFailedEvent extends JobEventBase {
  readonly type: 'job.failed';
  readonly state: 'failed' | 'dead';
  readonly error: JobError;
}

export interface JobCancelledEvent extends JobEventBase {
  readonly type: 'job.cancelled';
}

export interface GenerationFinishedEvent extends EventBase {
  readonly type: 'generation.finished';
  readonly state: GenerationState;
}

export type GenerationEvent =
  | JobQueuedEvent
  | JobStartedEvent
  | JobStepEvent
  | JobPreviewEvent
  | JobSucceededEvent
  | JobFailedEvent
  | JobCancelledEvent
  | GenerationFinishedEvent;

export const generationEventTypes: readonly GenerationEvent['type'][] = [
  'job.queued',
  'job.started',
  'job.step',
  'job.preview',
  'job.succeeded',
  'job.failed',
  'job.cancelled',
  'generation.finished',
];

const eventBase = { id: z.int().positive(), generationId: idSchema, at: timestampSchema };
const jobEventBase = {
  ...eventBase,
  jobId: idSchema,
  index: z.int().nonnegative(),
  attempt: z.int().nonnegative(),
};
const step = z.int().nonnegative();

export const generationEventSchema: z.ZodType<GenerationEvent> = z
  .discriminatedUnion('type', [
    z.object({
      ...jobEventBase,
      type: z.literal('job.queued'),
      notBefore: timestampSchema.optional(),
      error: jobErrorSchema.optional(),
    }),
    z.object({ ...jobEventBase, type: z.literal('job.started') }),
    z.object({ ...jobEventBase, type: z.literal('job.step'), step, steps: step }),
    z.object({
      ...jobEventBase,
      type: z.literal('job.preview'),
      step,
      steps: step,
      mediaType: z.string(),
      image: z.string(),
    }),
    z.object({
      ...jobEventBase,
      type: z.literal('job.succeeded'),
      asset: assetSchema,
      timings: jobTimingsSchema,
      quality: pictureQualitySchema.optional(),
    }),
    z.object({
      ...jobEventBase,
      type: z.literal('job.failed'),
      state: z.enum(['failed', 'dead']),
      error: jobErrorSchema,
    }),
    z.object({ ...jobEventBase, type: z.literal('job.cancelled') }),
    z.object({ ...eventBase, type: z.literal('generation.finished'), state: z.enum(generationStates) }),
  ])
  .meta({ id: 'GenerationEvent', description: 'The data of one server-sent event' });

/** Query of `GET /v1/generations/:id/events`, for clients that cannot set the `Last-Event-ID` header. */
export interface EventsQuery {
  readonly lastEventId?: number | undefined;
}

export const eventsQuerySchema: z.ZodType<EventsQuery, unknown> = z.strictObject({
  lastEventId: z.coerce.number().int().min(0).optional(),
});
