/** Pulls and checks of models. */
import { z } from 'zod';
import { type Notice, noticeSchema } from './notice.ts';
import { idSchema, timestampSchema } from './primitives.ts';

export interface ModelActivity {
  readonly id: string;
  readonly kind: 'pull' | 'verify';
  /** `owner/name` of a pull, the name of the model of a check. */
  readonly model: string;
  readonly state: 'waiting' | 'running' | 'succeeded' | 'failed' | 'cancelled';
  readonly doneBytes: number;
  /** 0 until it is known. */
  readonly totalBytes: number;
  readonly createdAt: string;
  readonly finishedAt?: string | undefined;
  /** Why it failed. */
  readonly problem?: Notice | undefined;
  /** Files that a check found missing, changed or surplus. */
  readonly faults: readonly { readonly path: string; readonly fault: 'missing' | 'size' | 'hash' | 'surplus' }[];
}

export const modelActivitySchema: z.ZodType<ModelActivity> = z
  .object({
    id: z.string(),
    kind: z.enum(['pull', 'verify']),
    model: z.string(),
    state: z.enum(['waiting', 'running', 'succeeded', 'failed', 'cancelled']),
    doneBytes: z.number().nonnegative(),
    totalBytes: z.number().nonnegative(),
    createdAt: timestampSchema,
    finishedAt: timestampSchema.optional(),
    problem: noticeSchema.optional(),
    faults: z.array(z.object({ path: z.string(), fault: z.enum(['missing', 'size', 'hash', 'surplus']) })),
  })
  .meta({ id: 'ModelActivity' });

export interface ModelActivityList {
  readonly items: readonly ModelActivity[];
}

export const modelActivityListSchema: z.ZodType<ModelActivityList> = z
  .object({ items: z.array(modelActivitySchema) })
  .meta({ id: 'ModelActivityList' });

/** Body of `POST /v1/model-activities/pull`. */
export interface PullModelRequest {
  /** `owner/name` */
  readonly repository: string;
  /** @default huggingface */
  readonly source?: 'huggingface' | 'modelscope' | undefined;
  /** Branch, tag or commit. @default the main branch */
  readonly revision?: string | undefined;
}

export const pullModelRequestSchema: z.ZodType<PullModelRequest> = z
  .strictObject({
    repository: z
      .string()
      .max(200)
      .regex(/^[\w][\w.-]*\/[\w][\w.-]*$/, 'owner/name'),
    source: z.enum(['huggingface', 'modelscope']).optional(),
    revision: z
      .string()
      .max(100)
      .regex(/^[\w][\w./-]*$/, 'a branch, tag or commit')
      .optional(),
  })
  .meta({ id: 'PullModelRequest' });

export const modelActivityParamsSchema: z.ZodType<{ readonly id: string }> = z.object({ id: idSchema });
