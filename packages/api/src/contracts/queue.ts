import { z } from 'zod';
import { anyTenantQuery, mineQuery } from './access.ts';
import { type JobDetail, jobDetailSchema } from './job.ts';
import { DEFAULT_PAGE_SIZE, LIMITS } from './limits.ts';
import { idSchema, type Priority, priorities, timestampSchema } from './primitives.ts';

/** One class of the queue. */
export interface QueueClass {
  /** Jobs that may be started. */
  readonly queued: number;
  /** Jobs that failed and wait for their next attempt. */
  readonly backingOff: number;
  readonly running: number;
  /** Age of the oldest job that waits; absent when none does. */
  readonly oldestSeconds?: number | undefined;
  /** Predicted device time of all that waits. */
  readonly predictedSeconds: number;
}

/** Answer of `GET /v1/queue`. */
export interface QueueStatus {
  readonly paused: boolean;
  readonly pausedSince?: string | undefined;
  readonly classes: Readonly<Record<Priority, QueueClass>>;
  /** Jobs that are out of attempts. */
  readonly deadLetters: number;
}

const seconds = z.number().nonnegative();
const count = z.int().nonnegative();

const queueClassSchema = z
  .object({
    queued: count.meta({ description: 'Jobs that may be started' }),
    backingOff: count.meta({ description: 'Jobs that failed and wait for their next attempt' }),
    running: count,
    oldestSeconds: seconds.optional().meta({ description: 'Age of the oldest job that waits' }),
    predictedSeconds: seconds.meta({ description: 'Predicted device time of all that waits' }),
  })
  .meta({ id: 'QueueClass' });

export const queueStatusSchema: z.ZodType<QueueStatus> = z
  .object({
    paused: z.boolean(),
    pausedSince: timestampSchema.optional(),
    classes: z.object({ interactive: queueClassSchema, standard: queueClassSchema, bulk: queueClassSchema }),
    deadLetters: count.meta({ description: 'Jobs that are out of attempts' }),
  })
  .meta({ id: 'QueueStatus' });

/** `dead`: out of attempts; `failed`: ended by a fault that a repeat would not mend. */
export const deadLetterStates = ['dead', 'failed'] as const;
export type DeadLetterState = (typeof deadLetterStates)[number];

/** Body of `POST /v1/dead-letters/redrive`; what is left out matches all. */
export interface RedriveRequest {
  /** @default 'dead' */
  readonly state: DeadLetterState;
  /** Code of the last error. */
  readonly code?: string | undefined;
  readonly generationId?: string | undefined;
  /** Only what the caller asked for. @default false */
  readonly mine?: boolean | undefined;
}

const filter = {
  state: z.enum(deadLetterStates).default('dead'),
  code: z
    .string()
    .regex(/^[a-z0-9_]{1,100}$/, 'a code of lower-case letters, digits and _')
    .optional()
    .meta({ description: 'Code of the last error' }),
  generationId: idSchema.optional(),
};

export const redriveRequestSchema: z.ZodType<RedriveRequest, unknown> = z
  .strictObject({ ...filter, mine: z.boolean().optional().meta({ description: 'Only what the caller asked for' }) })
  .meta({ id: 'RedriveRequest' });

export interface RedriveResult {
  /** Jobs that were queued again. */
  readonly redriven: number;
}

export const redriveResultSchema: z.ZodType<RedriveResult> = z
  .object({ redriven: count })
  .meta({ id: 'RedriveResult' });

/** Query of `GET /v1/dead-letters`. */
export interface ListDeadLettersQuery extends RedriveRequest {
  /** Another tenant than the caller's, or `*` for all; for admins of the installation. */
  readonly tenant?: string | undefined;
  /** 1 to 100. @default 20 */
  readonly limit: number;
  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
}

export const listDeadLettersQuerySchema: z.ZodType<ListDeadLettersQuery, unknown> = z.strictObject({
  ...filter,
  mine: mineQuery,
  tenant: anyTenantQuery,
  limit: z.coerce.number().int().min(1).max(LIMITS.pageSize).default(DEFAULT_PAGE_SIZE),
  cursor: z.string().min(1).max(200).optional(),
});

/** One page, newest first: each job with the errors of all its attempts. */
export interface DeadLetterPage {
  readonly items: readonly JobDetail[];
  /** Absent on the last page. */
  readonly nextCursor?: string | undefined;
}

export const deadLetterPageSchema: z.ZodType<DeadLetterPage> = z
  .object({ items: z.array(jobDetailSchema), nextCursor: z.string().optional() })
  .meta({ id: 'DeadLetterPage' });

/** Body of `POST /v1/jobs/:id/priority`. */
export interface PriorityRequest {
  readonly priority: Priority;
}

export const priorityRequestSchema: z.ZodType<PriorityRequest> = z
  .strictObject({ priority: z.enum(priorities) })
  .meta({ id: 'PriorityRequest' });
