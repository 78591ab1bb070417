import { z } from 'zod';
import { LIMITS } from './limits.ts';
import { type Notice, noticeSchema } from './notice.ts';
import { timestampSchema } from './primitives.ts';

/** An adapter in a request: which, and how strongly. */
export interface LoraRequest {
  /** Name as in `GET /v1/loras`. */
  readonly name: string;
  /** 1 as trained, 0 not at all, negative the other way; −4 to 4. @default 1 */
  readonly strength?: number | undefined;
}

/** The same after parsing. */
export interface ParsedLoraRequest {
  readonly name: string;
  readonly strength: number;
}

export const loraRequestSchema: z.ZodType<ParsedLoraRequest, LoraRequest> = z
  .strictObject({
    name: z.string().min(1).max(LIMITS.loraNameLength).meta({ description: 'Name as in GET /v1/loras' }),
    strength: z
      .number()
      .min(-LIMITS.loraStrength)
      .max(LIMITS.loraStrength)
      .default(1)
      .meta({ description: '1 as trained, 0 not at all, negative the other way' }),
  })
  .meta({ id: 'LoraRequest' });

/** An adapter that a generation was accepted with. */
export interface LoraUse {
  readonly name: string;
  readonly strength: number;
  /** SHA-256 of the file, in hex. */
  readonly sha256: string;
}

export const loraUseSchema: z.ZodType<LoraUse> = z.object({
  name: z.string(),
  strength: z.number(),
  sha256: z.string(),
});

/** An adapter of the library. */
export interface Lora {
  readonly name: string;
  readonly state: 'usable' | 'unusable';
  /** Why it is unusable. */
  readonly problem?: Notice | undefined;
  /** An upload of this tenant, or a file of the installation that everybody sees. */
  readonly origin: 'upload' | 'installation';
  readonly sizeBytes: number;
  readonly addedAt: string;
  readonly sha256?: string | undefined;
  /** The highest of its layers. */
  readonly rank?: number | undefined;
  /** Layers that it changes. */
  readonly layers?: number | undefined;
  /** Models that it fits. */
  readonly models: readonly string[];
  readonly description?: string | undefined;
  /** Words that its maker wants in the prompt. */
  readonly triggerWords: readonly string[];
  /** What was left out of the file. */
  readonly warnings: readonly Notice[];
}

export const loraSchema: z.ZodType<Lora> = z
  .object({
    name: z.string(),
    state: z.enum(['usable', 'unusable']),
    problem: noticeSchema.optional(),
    origin: z.enum(['upload', 'installation']),
    sizeBytes: z.int().nonnegative(),
    addedAt: timestampSchema,
    sha256: z.string().optional(),
    rank: z.int().optional(),
    layers: z.int().optional(),
    models: z.array(z.string()),
    description: z.string().optional(),
    triggerWords: z.array(z.string()),
    warnings: z.array(noticeSchema),
  })
  .meta({ id: 'Lora' });

export interface LoraList {
  readonly items: readonly Lora[];
}

export const loraListSchema: z.ZodType<LoraList> = z.object({ items: z.array(loraSchema) }).meta({ id: 'LoraList' });

/** Path of one adapter; folders in a name are written with `%2F`. */
export interface LoraParams {
  readonly name: string;
}

export const loraParamsSchema: z.ZodType<LoraParams, unknown> = z.object({
  name: z.string().min(1).max(LIMITS.loraNameLength),
});
