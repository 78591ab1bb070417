import { z } from 'zod';

/** Form fields arrive as text; JSON sends the types themselves. */
const number = z.coerce.number();
const flag = z.union([z.boolean(), z.enum(['true', 'false']).transform((value) => value === 'true')]);

const decimal = z
  .string()
  .regex(/^[+-]?\d{1,3}(\.\d{1,20})?$/, 'a number')
  .transform(Number);
const strength = z.union([z.number(), decimal]).nullish();

const lora = z.union([
  z.string().transform((name) => ({ name, strength: 1 })),
  z
    .object({ name: z.string(), strength, scale: strength })
    .transform(({ name, strength, scale }) => ({ name, strength: strength ?? scale ?? 1 })),
]);

const shared = {
  prompt: z.string().meta({ description: 'What to draw' }),
  model: z
    .string()
    .optional()
    .meta({ description: 'Name as in GET /v1/models; gpt-image-*, dall-e-* and chatgpt-image-latest are the default' }),
  n: number.pipe(z.int().min(1).max(10)).default(1),
  size: z
    .string()
    .regex(/^(auto|[1-9]\d{0,4}x[1-9]\d{0,4})$/, 'auto or <width>x<height>')
    .default('auto')
    .meta({ description: "auto or <width>x<height>; sides are rounded to multiples of the model's grain" }),
  quality: z
    .enum(['auto', 'low', 'medium', 'high', 'standard', 'hd'])
    .default('auto')
    .meta({ description: "Denoise steps: low half of the model's own, high and hd half as many again" }),
  response_format: z.enum(['url', 'b64_json']).optional(),
  output_format: z.enum(['png', 'jpeg', 'webp']).default('png'),
  output_compression: number.pipe(z.int().min(0).max(100)).default(100),
  background: z
    .enum(['auto', 'opaque'], { error: 'auto or opaque; transparent pictures cannot be drawn' })
    .default('auto'),
  moderation: z.string().optional().meta({ description: 'Ignored' }),
  style: z.string().optional().meta({ description: 'Ignored' }),
  user: z.string().max(512).optional(),
  stream: flag.default(false),
  partial_images: number.pipe(z.int().min(0).max(3)).default(0),
  seed: number.pipe(z.int()).optional(),
  negative_prompt: z.string().optional(),
  num_inference_steps: number.pipe(z.int()).optional(),
  guidance_scale: number.optional(),
  width: number.pipe(z.int()).optional(),
  height: number.pipe(z.int()).optional(),
  lora: z
    .preprocess((value) => (Array.isArray(value) || value === undefined ? value : [value]), z.array(lora).optional())
    .meta({ description: 'Names, or objects with name and strength' }),
};

/** Null is left out, as OpenAI's clients mean it. Fields that are not known are ignored. */
function withoutNulls(body: unknown): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body;
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
}

const image = z.object({ image_url: z.string().optional(), file_id: z.string().max(100).optional() });

const generationFields = z.object(shared).meta({ id: 'OpenAiImageRequest' });
const editFields = z.object({
  ...shared,
  strength: number.optional(),
  images: z.array(image).max(16).optional(),
  mask: image.optional(),
});

export type ImageRequest = z.output<typeof generationFields>;
export type EditRequest = z.output<typeof editFields>;

export const imageRequestSchema: z.ZodType<ImageRequest, unknown> = z.preprocess(withoutNulls, generationFields);
export const editRequestSchema: z.ZodType<EditRequest, unknown> = z.preprocess(withoutNulls, editFields);

export interface ImagesAnswer {
  readonly created: number;
  readonly background: 'opaque';
  readonly output_format: string;
  readonly size: string;
  readonly quality: string;
  readonly data: readonly { readonly b64_json?: string | undefined; readonly url?: string | undefined }[];
  readonly usage: Usage;
}

/** Patches of pictures, and the length of the prompt in tokens, estimated at four bytes each. */
export interface Usage {
  readonly total_tokens: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly input_tokens_details: { readonly text_tokens: number; readonly image_tokens: number };
}

const tokens = z.int().nonnegative();
const usage = z.object({
  total_tokens: tokens,
  input_tokens: tokens,
  output_tokens: tokens,
  input_tokens_details: z.object({ text_tokens: tokens, image_tokens: tokens }),
});

export const imagesAnswerSchema: z.ZodType<ImagesAnswer> = z
  .object({
    created: z.int(),
    background: z.literal('opaque'),
    output_format: z.string(),
    size: z.string(),
    quality: z.string(),
    data: z.array(z.object({ b64_json: z.string().optional(), url: z.string().optional() })),
    usage,
  })
  .meta({ id: 'OpenAiImages' });

/** What a stream tells, by `type`. */
export const imageEventSchema = z
  .object({
    type: z.enum([
      'image_generation.partial_image',
      'image_generation.completed',
      'image_edit.partial_image',
      'image_edit.completed',
      'error',
    ]),
    b64_json: z.string().optional(),
    created_at: z.int().optional(),
    background: z.string().optional(),
    output_format: z.string().optional(),
    size: z.string().optional(),
    quality: z.string().optional(),
    partial_image_index: z.int().optional(),
    usage: usage.optional(),
    error: z.unknown().optional(),
  })
  .meta({ id: 'OpenAiImageEvent' });
