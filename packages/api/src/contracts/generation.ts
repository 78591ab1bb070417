import { z } from 'zod';
import { anyTenantQuery, mineQuery } from './access.ts';
import { type Job, jobSchema } from './job.ts';
import { DEFAULT_PAGE_SIZE, LIMITS } from './limits.ts';
import { type LoraRequest, type LoraUse, loraRequestSchema, loraUseSchema, type ParsedLoraRequest } from './lora.ts';
import {
  idSchema,
  type OversizePolicy,
  oversizePolicies,
  type PictureFormat,
  type Priority,
  pictureFormats,
  priorities,
  timestampSchema,
  type Warning,
  warningSchema,
} from './primitives.ts';
import {
  type ImageRequest,
  type ImageUse,
  imageRequestSchema,
  imageUseSchema,
  type MaskRequest,
  type MaskUse,
  maskRequestSchema,
  maskUseSchema,
  type ParsedImageRequest,
} from './source.ts';

/** Body of `POST /v1/generations` as the caller writes it; only the prompt is required. */
export interface GenerationRequestInput {
  readonly prompt: string;
  /** What to move away from; has an effect only with a guidance scale above 0. @default '' */
  readonly negativePrompt?: string | undefined;
  /** Pictures to draw, 1 to 100. Picture i uses seed + i. @default 1 */
  readonly count?: number | undefined;
  /** Pixels, a multiple of the model's grain. @default the model's native width */
  readonly width?: number | undefined;
  /** Pixels, a multiple of the model's grain. @default the model's native height */
  readonly height?: number | undefined;
  /** 0 to 2^53 − 1. @default one picked by the server and returned */
  readonly seed?: number | undefined;
  /** Denoise steps, 1 to 100. @default the model's */
  readonly steps?: number | undefined;
  /** The model's own convention: pos + s · (pos − neg); 0 is off. 0 to 30. @default the model's */
  readonly guidanceScale?: number | undefined;
  /** Name as in `GET /v1/models`, with a precision as in `demo:w8a8` or without. @default the first model */
  readonly model?: string | undefined;
  /** Adapters to draw with, at most 8. @default none */
  readonly loras?: readonly LoraRequest[] | undefined;
  /** The picture to start from. @default none */
  readonly image?: ImageRequest | undefined;
  /** Which part of the image to repaint. @default all of it */
  readonly mask?: MaskRequest | undefined;
  /** @default 'png' */
  readonly format?: PictureFormat | undefined;
  /** 1 to 100, for jpeg and webp. @default 90 */
  readonly quality?: number | undefined;
  /** @default 'standard' */
  readonly priority?: Priority | undefined;
  /** When the pictures are wanted: RFC 3339, or seconds from now. They are moved forward in the queue, never back. */
  readonly deadline?: string | number | undefined;
  /** Repeats of a picture whose attempt failed, 0 to 20. @default the server's, 3 */
  readonly maxRetries?: number | undefined;
  /** Pause before a repeat, 0 to 3600. @default the server's, 5 */
  readonly retryBackoffSeconds?: number | undefined;
  /**
   * What to do about a size that cannot be drawn: `fit` draws it smaller, sides to multiples of 64, with a warning;
   * `reject` refuses it. @default the server's, reject
   */
  readonly oversize?: OversizePolicy | undefined;
}

/** The body after parsing: defaults that need no model are filled. */
export interface GenerationRequest extends GenerationRequestInput {
  readonly negativePrompt: string;
  readonly count: number;
  readonly loras: readonly ParsedLoraRequest[];
  readonly image?: ParsedImageRequest | undefined;
  readonly format: PictureFormat;
  readonly quality: number;
  readonly priority: Priority;
}

/**
 * Text that every part of the system can hold: bounded, whole UTF-16 pairs, no U+0000.
 * The messages are the `expected` side of a field error.
 */
const text = z
  .string()
  .max(LIMITS.promptLength)
  .refine((value) => !/\p{Surrogate}/u.test(value), {
    params: { code: 'invalid_character' },
    message: 'text without half surrogate pairs',
  })
  .refine((value) => !value.includes('\u0000'), {
    params: { code: 'invalid_character' },
    message: 'text without the character U+0000',
  });

const side = z.int().min(1).max(LIMITS.side);

export const generationRequestSchema: z.ZodType<GenerationRequest, GenerationRequestInput> = z
  .strictObject({
    prompt: text
      .min(1)
      .refine((value) => value.trim() !== '', {
        params: { code: 'blank' },
        message: 'text that is more than white space',
      })
      .meta({ description: 'What to draw', example: 'a red apple on a blue background' }),
    negativePrompt: text.default('').meta({ description: 'What to move away from; needs a guidanceScale above 0' }),
    count: z
      .int()
      .min(1)
      .max(LIMITS.count)
      .default(1)
      .meta({ description: 'Pictures to draw; picture i uses seed + i' }),
    width: side
      .optional()
      .meta({ description: "Pixels, a multiple of the model's grain; the model's native width by default" }),
    height: side
      .optional()
      .meta({ description: "Pixels, a multiple of the model's grain; the model's native height by default" }),
    seed: z.int().min(0).max(LIMITS.seed).optional().meta({ description: 'Picked by the server when absent' }),
    steps: z
      .int()
      .min(1)
      .max(LIMITS.steps)
      .optional()
      .meta({ description: "Denoise steps; the model's own number by default" }),
    guidanceScale: z
      .number()
      .min(0)
      .max(LIMITS.guidanceScale)
      .optional()
      .meta({ description: "pos + s * (pos - neg); 0 is off; the model's own scale by default" }),
    model: z.string().min(1).max(200).optional().meta({
      description: 'Name as in GET /v1/models, with a precision (demo:w8a8) or without; the first one by default',
    }),
    loras: z
      .array(loraRequestSchema)
      .max(LIMITS.loras)
      .default([])
      .meta({ description: 'Adapters to draw with; GET /v1/loras lists them' }),
    image: imageRequestSchema
      .optional()
      .meta({ description: 'The picture to start from; its size is the default of width and height' }),
    mask: maskRequestSchema.optional().meta({ description: 'The part of the image that is repainted: white' }),
    format: z.enum(pictureFormats).default('png'),
    quality: z.int().min(1).max(100).default(90).meta({ description: 'For jpeg and webp' }),
    priority: z
      .enum(priorities)
      .default('standard')
      .meta({ description: 'interactive goes ahead of standard, standard ahead of bulk' }),
    deadline: z
      .union([z.iso.datetime({ offset: true }), z.number().positive().max(LIMITS.deadlineSeconds)], {
        error: `an RFC 3339 time with its zone, or seconds from now above 0 and up to ${LIMITS.deadlineSeconds}`,
      })
      .optional()
      .meta({ description: 'When the pictures are wanted; moves them forward in the queue, never back' }),
    maxRetries: z
      .int()
      .min(0)
      .max(LIMITS.retries)
      .optional()
      .meta({ description: "Repeats of a picture whose attempt failed; the server's setting by default, 3" }),
    retryBackoffSeconds: z
      .number()
      .min(0)
      .max(LIMITS.retryBackoffSeconds)
      .optional()
      .meta({ description: "Pause before a repeat; the server's setting by default, 5" }),
    oversize: z.enum(oversizePolicies).optional().meta({
      description:
        "Of a size that cannot be drawn: fit draws it smaller, sides to multiples of 64, with a warning; reject refuses it. The server's setting by default, reject",
    }),
  })
  .meta({ id: 'GenerationRequest' });

/**
 * Follows from the jobs: `queued` (none started), `running`, and once all are final `succeeded` (all of them),
 * `partial` (some), `failed` (none, at least one failed or dead), `cancelled` (none, all cancelled).
 */
export const generationStates = ['queued', 'running', 'succeeded', 'partial', 'failed', 'cancelled'] as const;
export type GenerationState = (typeof generationStates)[number];

export interface GenerationLinks {
  readonly self: string;
  readonly events: string;
  readonly cancel: string;
}

/** What a client asked for, with all settings fixed, and its jobs by index. */
export interface Generation {
  readonly id: string;
  /** Whose it is, where it is not the caller's tenant's. */
  readonly tenant?: string | undefined;
  readonly state: GenerationState;
  readonly createdAt: string;
  readonly finishedAt?: string | undefined;
  readonly prompt: string;
  readonly negativePrompt: string;
  readonly count: number;
  readonly width: number;
  readonly height: number;
  /** Seed of picture 0. */
  readonly seed: number;
  readonly steps: number;
  readonly guidanceScale: number;
  readonly model: string;
  readonly loras: readonly LoraUse[];
  readonly image?: ImageUse | undefined;
  readonly mask?: MaskUse | undefined;
  readonly format: PictureFormat;
  readonly quality: number;
  readonly priority: Priority;
  readonly deadline?: string | undefined;
  readonly maxRetries: number;
  readonly retryBackoffSeconds: number;
  readonly oversize: OversizePolicy;
  /** What was done another way than asked, e.g. `size_reduced`. */
  readonly warnings: readonly Warning[];
  readonly jobs: readonly Job[];
  readonly links: GenerationLinks;
}

export const generationSchema: z.ZodType<Generation> = z
  .object({
    id: idSchema,
    tenant: z.string().optional().meta({ description: "Whose it is, where it is not the caller's tenant's" }),
    state: z.enum(generationStates),
    createdAt: timestampSchema,
    finishedAt: timestampSchema.optional(),
    prompt: z.string(),
    negativePrompt: z.string(),
    count: z.int().positive(),
    width: z.int().positive(),
    height: z.int().positive(),
    seed: z.int().nonnegative(),
    steps: z.int().positive(),
    guidanceScale: z.number().nonnegative(),
    model: z.string(),
    loras: z.array(loraUseSchema),
    image: imageUseSchema.optional(),
    mask: maskUseSchema.optional(),
    format: z.enum(pictureFormats),
    quality: z.int().positive(),
    priority: z.enum(priorities),
    deadline: timestampSchema.optional(),
    maxRetries: z.int().nonnegative(),
    retryBackoffSeconds: z.number().nonnegative(),
    oversize: z.enum(oversizePolicies),
    warnings: z.array(warningSchema),
    jobs: z.array(jobSchema),
    links: z.object({ self: z.string(), events: z.string(), cancel: z.string() }),
  })
  .meta({ id: 'Generation' });

/** Headers of `POST /v1/generations`. */
export interface SubmitHeaders {
  /** The same key with the same body gets the first answer again; with another body it is refused. */
  readonly 'idempotency-key'?: string | undefined;
}

export const submitHeadersSchema: z.ZodType<SubmitHeaders, unknown> = z.looseObject({
  'idempotency-key': z
    .string()
    .min(1)
    .max(LIMITS.idempotencyKeyLength)
    .regex(/^[\x21-\x7e]+$/, 'visible ASCII characters')
    .optional()
    .meta({
      description:
        'Makes a repeat safe: the same key with the same body gets the first answer again, with the header Idempotency-Replayed: true. Keys are forgotten after a day.',
    }),
});

/** Query of `GET /v1/generations`. */
export interface ListGenerationsQuery {
  /** 1 to 100. @default 20 */
  readonly limit: number;
  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
  readonly state?: GenerationState | undefined;
  /** Only what the caller asked for: the person whatever key they come with, else the key. @default false */
  readonly mine?: boolean | undefined;
  /** Another tenant than the caller's, or `*` for all; for admins of the installation. */
  readonly tenant?: string | undefined;
}

export const listGenerationsQuerySchema: z.ZodType<ListGenerationsQuery, unknown> = z.strictObject({
  limit: z.coerce.number().int().min(1).max(LIMITS.pageSize).default(DEFAULT_PAGE_SIZE),
  cursor: z.string().min(1).max(200).optional(),
  state: z.enum(generationStates).optional(),
  mine: mineQuery,
  tenant: anyTenantQuery,
});

/** One page, newest first. */
export interface GenerationPage {
  readonly items: readonly Generation[];
  /** Absent on the last page. */
  readonly nextCursor?: string | undefined;
}

export const generationPageSchema: z.ZodType<GenerationPage> = z
  .object({ items: z.array(generationSchema), nextCursor: z.string().optional() })
  .meta({ id: 'GenerationPage' });
