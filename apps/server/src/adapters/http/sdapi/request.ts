/** Bodies of AUTOMATIC1111's API (modules/api/models.py). Unknown fields are accepted, as there. */
import { LIMITS } from '@imagemill/api';
import { z } from 'zod';
import { SdapiError } from './errors.ts';

const count = z.int().min(1).max(LIMITS.count);
const side = z.int().min(0).max(LIMITS.side);
/** Base64, by itself or as a data URL. */
const picture = z.string().min(1);

const blur = z.number().min(0).max(1_000);

/** Options that have an effect here; the others are kept and shown as they were set. */
const options = z.looseObject({
  sd_model_checkpoint: z.string().max(300).nullish(),
  samples_format: z.string().max(20).nullish(),
  jpeg_quality: z.int().min(1).max(100).nullish(),
  live_previews_enable: z.boolean().nullish(),
});
export type ClientOptionValues = z.infer<typeof options>;

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
  override_settings: options.nullish(),
  override_settings_restore_afterwards: z.boolean().nullish(),
  script_name: z.string().nullish(),
  alwayson_scripts: z.record(z.string(), z.looseObject({ args: z.array(z.unknown()).nullish() })).nullish(),
  send_images: z.boolean().nullish(),
  force_task_id: z.string().max(200).nullish(),
} as const;

export const txt2imgSchema = z.looseObject(drawingFields);
export type DrawingRequest = z.infer<typeof txt2imgSchema>;

export const pictureSchema = z.looseObject({ image: picture });

export const optionsSchema = options;

/** Modes that A1111 has numbers for. */
const modes = (highest: number) => z.int().min(0).max(highest).nullish();
const flag = z.union([z.boolean(), z.literal([0, 1]).transform((value) => value === 1)]);

export const img2imgSchema = z.looseObject({
  ...drawingFields,
  init_images: z.array(picture).nullish(),
  mask: picture.nullish(),
  mask_blur: blur.nullish(),
  mask_blur_x: blur.nullish(),
  mask_blur_y: blur.nullish(),
  denoising_strength: z.number().min(0).max(1).nullish(),
  resize_mode: modes(3),
  inpainting_fill: modes(3),
  inpaint_full_res: flag.nullish(),
  inpaint_full_res_padding: z.int().min(0).max(LIMITS.side).nullish(),
  inpainting_mask_invert: flag.nullish(),
  include_init_images: z.boolean().nullish(),
});
export type Img2ImgRequest = z.infer<typeof img2imgSchema>;

const extraFields = {
  resize_mode: modes(1),
  upscaling_resize: z.number().gt(0).max(8).nullish(),
  upscaling_resize_w: side.nullish(),
  upscaling_resize_h: side.nullish(),
  upscaling_crop: z.boolean().nullish(),
  upscaler_1: z.string().nullish(),
  upscaler_2: z.string().nullish(),
  extras_upscaler_2_visibility: z.number().nullish(),
} as const;

export const extraImageSchema = z.looseObject({ ...extraFields, image: picture });
export type ExtraRequest = z.infer<z.ZodObject<typeof extraFields>>;

/** Clients of npm send `image_list` with `image`, A1111 itself takes `imageList` with `data`. */
const namedPicture = z
  .looseObject({ data: picture.nullish(), image: picture.nullish(), name: z.string().nullish() })
  .refine(({ data, image }) => (data ?? image) != null, { error: 'a picture in the field data' });
const pictureList = z.array(namedPicture).min(1).max(100);
export const extraImagesSchema = z.looseObject({
  ...extraFields,
  imageList: pictureList.nullish(),
  image_list: pictureList.nullish(),
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

/** The bytes of a picture in a body. @throws SdapiError for an address, or what is no base64 */
export function decodePicture(text: string): Buffer {
  if (/^https?:/i.test(text)) throw new SdapiError(422, 'Requests not allowed: send the picture itself, in base64');
  const data = text.replace(/^data:[^,]*,/, '').replace(/\s+/g, '');
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(data)) throw new SdapiError(422, 'Invalid encoded image');
  return Buffer.from(data, 'base64');
}
