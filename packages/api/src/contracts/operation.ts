/** How an installation is doing: its workers, and its last hours. */
import { z } from 'zod';
import { type Notice, noticeSchema } from './notice.ts';
import { timestampSchema } from './primitives.ts';
import type { DeviceMemory, EngineState } from './system.ts';

/** `silent`: it was not heard of for some seconds; its jobs go to others when their leases end. */
export const workerStates = ['starting', 'ready', 'restarting', 'broken', 'silent'] as const;
export type WorkerState = EngineState | 'silent';

/** A process that draws. */
export interface WorkerInfo {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly state: WorkerState;
  readonly device: string;
  readonly executionProvider?: string | undefined;
  /** Pictures that may be worked on at once. */
  readonly slots: number;
  /** Jobs that it draws. */
  readonly jobs: number;
  /** Times its engine process ended unasked. */
  readonly crashes: number;
  readonly problem?: Notice | undefined;
  readonly notes: readonly Notice[];
  readonly memory?: DeviceMemory | undefined;
  /** When it was heard of last. */
  readonly seenAt: string;
}

/** Answer of `GET /v1/workers`. */
export interface WorkerList {
  readonly items: readonly WorkerInfo[];
}

export const workerListSchema: z.ZodType<WorkerList> = z
  .object({
    items: z.array(
      z
        .object({
          id: z.string(),
          host: z.string(),
          pid: z.int().nonnegative(),
          state: z.enum(workerStates),
          device: z.string(),
          executionProvider: z.string().optional(),
          slots: z.int().nonnegative(),
          jobs: z.int().nonnegative().meta({ description: 'Jobs that it draws' }),
          crashes: z.int().nonnegative(),
          problem: noticeSchema.optional(),
          notes: z.array(noticeSchema),
          memory: z
            .object({
              source: z.enum(['nvml', 'system']),
              totalBytes: z.number().nonnegative(),
              freeBytes: z.number().nonnegative(),
              reserveBytes: z.number().nonnegative(),
            })
            .optional(),
          seenAt: timestampSchema,
        })
        .meta({ id: 'WorkerInfo' }),
    ),
  })
  .meta({ id: 'WorkerList' });

/** Query of `GET /v1/system/history`. */
export interface HistoryQuery {
  /** How far back, 5 to 1440. @default 60 */
  readonly minutes: number;
  /** Points at most, 10 to 1000. @default 240 */
  readonly points: number;
}

export const historyQuerySchema: z.ZodType<HistoryQuery, unknown> = z.strictObject({
  minutes: z.coerce.number().int().min(5).max(1_440).default(60),
  points: z.coerce.number().int().min(10).max(1_000).default(240),
});

/** A step of time. */
export interface SystemSample {
  /** Its begin. */
  readonly at: string;
  /** Jobs that waited, at most. */
  readonly queued: number;
  /** Jobs that were drawn at a time, at most. */
  readonly running: number;
  /** Mean use of the devices, 0 to 1; absent when nobody tells. */
  readonly utilization?: number | undefined;
  /** Mean share of the devices' memory that was taken, 0 to 1; absent when nobody tells. */
  readonly memory?: number | undefined;
  /** Pictures that were drawn in it. */
  readonly succeeded: number;
  readonly failed: number;
}

/** Answer of `GET /v1/system/history`: steps of equal length, oldest first; a time without a server has none. */
export interface SystemHistory {
  readonly from: string;
  readonly to: string;
  readonly stepSeconds: number;
  readonly samples: readonly SystemSample[];
}

const count = z.number().nonnegative();
const share = z.number().min(0).max(1).optional();
export const systemHistorySchema: z.ZodType<SystemHistory> = z
  .object({
    from: timestampSchema,
    to: timestampSchema,
    stepSeconds: z.number().positive(),
    samples: z.array(
      z.object({
        at: timestampSchema,
        queued: count,
        running: count,
        utilization: share,
        memory: share,
        succeeded: count,
        failed: count,
      }),
    ),
  })
  .meta({ id: 'SystemHistory' });
