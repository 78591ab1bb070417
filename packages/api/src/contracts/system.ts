import { z } from 'zod';
import { type Notice, noticeSchema } from './notice.ts';
import { timestampSchema } from './primitives.ts';

/** `starting` · `ready` · `restarting` after a crash · `broken`: `problem` says why; it is tried again. */
export const engineStates = ['starting', 'ready', 'restarting', 'broken'] as const;
export type EngineState = (typeof engineStates)[number];

export interface DeviceMemory {
  /** `nvml` for NVIDIA's library, `system` for the machine or its container. */
  readonly source: 'nvml' | 'system';
  readonly totalBytes: number;
  readonly freeBytes: number;
  /** Left to others, by the setting memoryReserveBytes. */
  readonly reserveBytes: number;
}

export interface EngineStatus {
  readonly state: EngineState;
  /** As configured: `cpu`, `webgpu`, `cuda:0`, `fixed:250`. */
  readonly device: string;
  /** What the engine runs on, once it is ready: `cpu`, `webgpu`, `cuda`, `fixed-time`. */
  readonly executionProvider?: string | undefined;
  /** Pictures that may be worked on at once. */
  readonly slots: number;
  /** Times the engine process ended unasked since the server started. */
  readonly crashes: number;
  readonly problem?: Notice | undefined;
  /** What the engine noticed at start, e.g. a fall-back. */
  readonly notes: readonly Notice[];
  /** Memory of the device; absent when nobody tells. */
  readonly memory?: DeviceMemory | undefined;
}

/** Answer of `GET /v1/system`. */
export interface SystemStatus {
  readonly version: string;
  readonly startedAt: string;
  readonly engines: readonly EngineStatus[];
  readonly queue: {
    /** Jobs that wait, those that wait for a repeat included. */
    readonly queued: number;
    readonly running: number;
  };
  readonly disk: {
    /** Free bytes where pictures are stored. */
    readonly freeBytes: number;
    /** Below this, new generations are refused with `disk_full`. */
    readonly minFreeBytes: number;
  };
}

export const systemStatusSchema: z.ZodType<SystemStatus> = z
  .object({
    version: z.string(),
    startedAt: timestampSchema,
    engines: z.array(
      z.object({
        state: z.enum(engineStates),
        device: z.string(),
        executionProvider: z.string().optional(),
        slots: z.int().positive(),
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
      }),
    ),
    queue: z.object({ queued: z.int().nonnegative(), running: z.int().nonnegative() }),
    disk: z.object({ freeBytes: z.number().nonnegative(), minFreeBytes: z.number().nonnegative() }),
  })
  .meta({ id: 'SystemStatus' });

/** Answer of `GET /health/live` and, when all is well, of `GET /health/ready`. */
export interface Health {
  readonly status: 'ok';
}

export const healthSchema: z.ZodType<Health> = z.object({ status: z.literal('ok') }).meta({ id: 'Health' });
