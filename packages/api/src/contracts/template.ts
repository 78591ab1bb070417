import { z } from 'zod';
import { LIMITS } from './limits.ts';
import { timestampSchema } from './primitives.ts';

/** Body of `PUT /v1/templates/:name`. */
export interface TemplateRequest {
  /** `{{prompt}}` is what the user writes; every other name in double braces is a field to fill in. */
  readonly prompt: string;
  readonly negativePrompt: string;
}

/** A prompt with fields, kept for all members of a tenant on all their devices. */
export interface Template extends TemplateRequest {
  readonly name: string;
  readonly createdAt: string;
}

const shape = {
  prompt: z.string().min(1).max(LIMITS.templateLength).meta({
    description: '{{prompt}} is what the user writes; other names are fields',
    example: '{{product}}, studio',
  }),
  negativePrompt: z.string().max(LIMITS.templateLength).default(''),
};

export const templateRequestSchema: z.ZodType<TemplateRequest, unknown> = z
  .strictObject(shape)
  .meta({ id: 'TemplateRequest' });

const nameSchema = z
  .string()
  .trim()
  .min(1)
  .max(LIMITS.templateNameLength)
  // As \p{Cc}, which readers of the OpenAPI document in other languages do not know.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
  .regex(/^[^\u0000-\u001f\u007f-\u009f]*$/, 'text without control characters');

export const templateSchema: z.ZodType<Template> = z
  .object({ name: z.string(), prompt: z.string(), negativePrompt: z.string(), createdAt: timestampSchema })
  .meta({ id: 'Template' });

export interface TemplateList {
  /** By name. */
  readonly items: readonly Template[];
}

export const templateListSchema: z.ZodType<TemplateList> = z
  .object({ items: z.array(templateSchema) })
  .meta({ id: 'TemplateList' });

/** Path of one template. */
export interface TemplateParams {
  readonly name: string;
}

export const templateParamsSchema: z.ZodType<TemplateParams> = z.object({ name: nameSchema });
