import { z } from 'zod';
import { type Notice, noticeSchema } from './notice.ts';
import { timestampSchema } from './primitives.ts';

/**
 * `available`: its files are complete on disk · `loading` · `loaded`: in the memory of an engine process ·
 * `unusable`: `problem` says why.
 */
export const modelStates = ['available', 'loading', 'loaded', 'unusable'] as const;
export type ModelState = (typeof modelStates)[number];

/**
 * How weights are held: `mapped` as they are stored (fp32, bf16, fp16), `packed` as fp32, `fp16`, and `w8a8` as 8-bit
 * numbers. Offered on the CPU; other devices hold them in one way.
 */
export const precisions = ['mapped', 'packed', 'fp16', 'w8a8'] as const;
export type Precision = (typeof precisions)[number];

/** Whether weights are in the memory of an engine. */
export interface ModelMemory {
  /** Memory that they take, measured when it is loaded, else predicted; 0 for mapped ones, which give way to others. */
  readonly bytes: number;
  /** When a picture was last drawn with it, or it was loaded; absent while it is not in memory. */
  readonly lastUsedAt?: string | undefined;
  /** A picture is being drawn with it, so it cannot be unloaded. */
  readonly pinned: boolean;
}

/** A model in one precision. */
export interface ModelVariant extends ModelMemory {
  /** What a request asks for it by: `demo:w8a8`. */
  readonly name: string;
  readonly precision: Precision;
  /** The one that the name of the model alone stands for. */
  readonly isDefault: boolean;
  /** `failed`: it could not be loaded when it was last tried; `problem` says why. */
  readonly state: 'unloaded' | 'loading' | 'loaded' | 'failed';
  readonly problem?: Notice | undefined;
}

/** A model as a client needs to know it to fill in a form. Sizes in pixels. */
export interface Model extends ModelMemory {
  readonly name: string;
  readonly family: string;
  readonly state: ModelState;
  readonly problem?: Notice | undefined;
  /** The one that is used when a request names none. */
  readonly isDefault: boolean;
  readonly nativeWidth: number;
  readonly nativeHeight: number;
  /** Both sides of a picture are multiples of this. */
  readonly grain: number;
  readonly minSide: number;
  readonly maxSide: number;
  /** Most pixels (width × height) of one picture. */
  readonly maxPixels: number;
  readonly maxSteps: number;
  readonly maxCount: number;
  readonly maxGuidanceScale: number;
  readonly maxPromptLength: number;
  readonly defaultSteps: number;
  readonly defaultGuidanceScale: number;
  /** Precisions to choose from, the default first; empty on a device that has one way. */
  readonly precisions: readonly ModelVariant[];
}

const pixels = z.int().positive();

const memory = {
  bytes: z.number().nonnegative(),
  lastUsedAt: timestampSchema.optional(),
  pinned: z.boolean(),
};

const variantSchema = z.object({
  ...memory,
  name: z.string().meta({ example: 'demo:w8a8' }),
  precision: z.enum(precisions),
  isDefault: z.boolean(),
  state: z.enum(['unloaded', 'loading', 'loaded', 'failed']),
  problem: noticeSchema.optional(),
});

export const modelSchema: z.ZodType<Model> = z
  .object({
    name: z.string(),
    family: z.string().meta({ example: 'z-image' }),
    state: z.enum(modelStates),
    problem: noticeSchema.optional(),
    isDefault: z.boolean(),
    nativeWidth: pixels,
    nativeHeight: pixels,
    grain: pixels,
    minSide: pixels,
    maxSide: pixels,
    maxPixels: pixels,
    maxSteps: z.int().positive(),
    maxCount: z.int().positive(),
    maxGuidanceScale: z.number().nonnegative(),
    maxPromptLength: z.int().positive(),
    defaultSteps: z.int().positive(),
    defaultGuidanceScale: z.number().nonnegative(),
    ...memory,
    precisions: z.array(variantSchema),
  })
  .meta({ id: 'Model' });

export interface ModelList {
  readonly items: readonly Model[];
  /** The same list in the shape of OpenAI's API. */
  readonly object?: 'list' | undefined;
  readonly data?: readonly OpenAiModel[] | undefined;
}

/** A model as OpenAI's clients read it. */
export interface OpenAiModel {
  readonly id: string;
  readonly object: 'model';
  readonly created: number;
  readonly owned_by: string;
}

export const openAiModelSchema: z.ZodType<OpenAiModel> = z
  .object({ id: z.string(), object: z.literal('model'), created: z.int(), owned_by: z.string() })
  .meta({ id: 'OpenAiModel' });

export const modelListSchema: z.ZodType<ModelList> = z
  .object({
    items: z.array(modelSchema),
    object: z.literal('list').optional(),
    data: z.array(openAiModelSchema).optional(),
  })
  .meta({ id: 'ModelList' });

/** Path of `POST /v1/models/:name/load` and `/unload`. */
export interface ModelParams {
  /** As in `GET /v1/models`, with or without a precision. */
  readonly name: string;
}

export const modelParamsSchema: z.ZodType<ModelParams> = z.object({ name: z.string().min(1).max(200) });
