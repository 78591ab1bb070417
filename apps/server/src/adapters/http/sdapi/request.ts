/** Bodies of AUTOMATIC1111's API (modules/api/models.py). Unknown fields are accepted, as there. */
import { LIMITS } from '@imagemill/api';
import { z } from 'zod';

const count = z.int().min(1).max(LIMITS.count);
const side = z.int().min(0).max(LIMITS.side);
/** Base64, by itself or as a data URL. */
const picture = z.string().min(1);

export const drawingFields = {
  prompt: z.string().nullish(),
  negative_prompt: z.string().nullish(),
  seed: z.int().min(-1).max(LIMITS.seed).nullish(),
  batch_size: count.nullish(),
  n_iter: count.nullish(),
  steps: z.int().min(1).nullish(),
  cfg_scale: z.number().min(0).nullish(),
  width: side.nullish(),
  height: side.nullish(),
  sampler_name: z.string().nullish(),
  sampler_index: z.string().nullish(),
  scheduler: z.string().nullish(),
  enable_hr: z.boolean().nullish(),
  hr_scale: z.number().min(1).max(8).nullish(),
  hr_resize_x: side.nullish(),
  hr_resize_y: side.nullish(),
  override_settings: z
    .looseObject({ sd_model_checkpoint: z.string().nullish(), samples_format: z.string().nullish() })
    .nullish(),
  script_name: z.string().nullish(),
  alwayson_scripts: z.record(z.string(), z.looseObject({ args: z.array(z.unknown()).nullish() })).nullish(),
  send_images: z.boolean().nullish(),
  force_task_id: z.string().max(200).nullish(),
} as const;

export const txt2imgSchema = z.looseObject(drawingFields);
export type DrawingRequest = z.infer<typeof txt2imgSchema>;

export const pictureSchema = z.looseObject({ image: picture });

export const optionsSchema = z.looseObject({
  sd_model_checkpoint: z.string().max(300).nullish(),
  samples_format: z.string().max(20).nullish(),
});

export const internalProgressSchema = z.looseObject({
  id_task: z.string().max(200),
  id_live_preview: z.int().nullish(),
  live_preview: z.boolean().nullish(),
});

export const progressQuerySchema = z.looseObject({
  skip_current_image: z
    .enum(['true', 'false', 'True', 'False', '1', '0'])
    .transform((text) => /^(true|1)$/i.test(text))
    .optional(),
});

/** The bytes of a picture in a body. */
export function decodePicture(text: string): Buffer {
  return Buffer.from(text.replace(/^data:[^,]*,/, ''), 'base64');
}
