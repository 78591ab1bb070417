import { z } from 'zod';

/**
 * `available`: its files are complete on disk · `loading` · `loaded`: in the memory of an engine process ·
 * `unusable`: `problem` says why.
 */
export const modelStates = ['available', 'loading', 'loaded', 'unusable'] as const;
export type ModelState = (typeof modelStates)[number];

/** A model as a client needs to know it to fill in a form. Sizes in pixels. */
export interface Model {
  readonly name: string;
  readonly family: string;
  readonly state: ModelState;
  readonly problem?: string | undefined;
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
}

const pixels = z.int().positive();

export const modelSchema: z.ZodType<Model> = z
  .object({
    name: z.string(),
    family: z.string().meta({ example: 'z-image' }),
    state: z.enum(modelStates),
    problem: z.string().optional(),
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
  })
  .meta({ id: 'Model' });

export interface ModelList {
  readonly items: readonly Model[];
}

export const modelListSchema: z.ZodType<ModelList> = z
  .object({ items: z.array(modelSchema) })
  .meta({ id: 'ModelList' });
