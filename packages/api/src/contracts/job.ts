import { z } from 'zod';
import { type Asset, assetSchema } from './asset.ts';
import { idSchema, type Priority, priorities, timestampSchema, type Warning, warningSchema } from './primitives.ts';
import { type JobError, jobErrorSchema } from './problem.ts';
import { type PictureQuality, pictureQualitySchema } from './quality.ts';

/**
 * `queued` → `running` → `succeeded`, `failed` (a fault that a repeat would not mend), `cancelled`, or `dead` (out of
 * attempts). A failed attempt that may be repeated puts the job back to `queued`. The last four are final.
 */
export const jobStates = ['queued', 'running', 'succeeded', 'failed', 'cancelled', 'dead'] as const;
export type JobState = (typeof jobStates)[number];

export interface JobProgress {
  /** Denoise steps done, 0 to `steps`. */
  readonly step: number;
  readonly steps: number;
}

/** Milliseconds by phase, for a job that succeeded. */
export interface JobTimings {
  /** From acceptance to the start of the attempt that succeeded. */
  readonly queueMs: number;
  /** Model load caused by this job; 0 when the model was loaded. */
  readonly loadMs: number;
  readonly encodeMs: number;
  readonly denoiseMs: number;
  readonly decodeMs: number;
  readonly storeMs: number;
  /** From acceptance to the stored picture. */
  readonly totalMs: number;
}

/** One picture of a generation. */
export interface Job {
  readonly id: string;
  readonly generationId: string;
  /** Whose it is, where it is not the caller's tenant's. */
  readonly tenant?: string | undefined;
  /** Position in the generation, from 0. */
  readonly index: number;
  /** What it is drawn with; another than it was asked for once the quality gate had it drawn anew. */
  readonly seed: number;
  /** Seeds that were given up, oldest first; absent when none was. */
  readonly triedSeeds?: readonly number[] | undefined;
  readonly state: JobState;
  /** Number of the current or last attempt, from 1; 0 before the first. */
  readonly attempt: number;
  readonly progress: JobProgress;
  /** A cancel was accepted and takes effect at the next denoise step. */
  readonly cancelRequested: boolean;
  readonly createdAt: string;
  readonly startedAt?: string | undefined;
  readonly finishedAt?: string | undefined;
  /** A queued job that failed before is not tried again earlier than this. */
  readonly notBefore?: string | undefined;
  /** Present when `state` is `succeeded`. */
  readonly asset?: Asset | undefined;
  /** Why the last attempt ended badly. */
  readonly error?: JobError | undefined;
  readonly timings?: JobTimings | undefined;
  /** What was done another way than asked, e.g. `memory_smaller_size`; absent when nothing was. */
  readonly warnings?: readonly Warning[] | undefined;
  /** What the quality gate found; absent when the picture was not measured. */
  readonly quality?: PictureQuality | undefined;
}

const milliseconds = z.number().nonnegative();

export const jobTimingsSchema: z.ZodType<JobTimings> = z.object({
  queueMs: milliseconds,
  loadMs: milliseconds,
  encodeMs: milliseconds,
  denoiseMs: milliseconds,
  decodeMs: milliseconds,
  storeMs: milliseconds,
  totalMs: milliseconds,
});

const jobShape = {
  id: idSchema,
  generationId: idSchema,
  tenant: z.string().optional().meta({ description: "Whose it is, where it is not the caller's tenant's" }),
  index: z.int().nonnegative(),
  seed: z.int().nonnegative(),
  triedSeeds: z.array(z.int().nonnegative()).optional(),
  state: z.enum(jobStates),
  attempt: z.int().nonnegative(),
  progress: z.object({ step: z.int().nonnegative(), steps: z.int().positive() }),
  cancelRequested: z.boolean(),
  createdAt: timestampSchema,
  startedAt: timestampSchema.optional(),
  finishedAt: timestampSchema.optional(),
  notBefore: timestampSchema.optional(),
  asset: assetSchema.optional(),
  error: jobErrorSchema.optional(),
  timings: jobTimingsSchema.optional(),
  warnings: z.array(warningSchema).optional(),
  quality: pictureQualitySchema.optional(),
};

export const jobSchema: z.ZodType<Job> = z.object(jobShape).meta({ id: 'Job' });

export const attemptOutcomes = ['succeeded', 'failed', 'cancelled', 'interrupted'] as const;
export type AttemptOutcome = (typeof attemptOutcomes)[number];

/** One try at a job that has ended. */
export interface Attempt {
  /** From 1. */
  readonly number: number;
  readonly startedAt: string;
  readonly finishedAt: string;
  /** `interrupted`: the worker went away or handed the job back. */
  readonly outcome: AttemptOutcome;
  readonly error?: JobError | undefined;
}

/** Answer of `GET /v1/jobs/:id`: the job with its past attempts, and what it may expect while it waits. */
export interface JobDetail extends Job {
  readonly attempts: readonly Attempt[];
  readonly priority: Priority;
  /** Of a queued job: 1 is next. Absent beyond 10,000. */
  readonly queuePosition?: number | undefined;
  /** Of a queued job: time until its picture is there, as the queue stands. Absent when nothing was measured yet. */
  readonly estimatedSeconds?: number | undefined;
}

export const jobDetailSchema: z.ZodType<JobDetail> = z
  .object({
    ...jobShape,
    attempts: z.array(
      z.object({
        number: z.int().positive(),
        startedAt: timestampSchema,
        finishedAt: timestampSchema,
        outcome: z.enum(attemptOutcomes),
        error: jobErrorSchema.optional(),
      }),
    ),
    priority: z.enum(priorities),
    queuePosition: z.int().positive().optional().meta({ description: '1 is next; absent beyond 10,000' }),
    estimatedSeconds: z.number().nonnegative().optional().meta({
      description:
        'Until the picture is there, from measured costs; absent when nothing was measured, and while the queue is paused',
    }),
  })
  .meta({ id: 'JobDetail' });

/** Path parameters of every route that names one thing. */
export interface IdParams {
  readonly id: string;
}

export const idParamsSchema: z.ZodType<IdParams> = z.object({ id: z.string().max(64) });
