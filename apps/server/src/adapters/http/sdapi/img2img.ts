import type { GenerationRequest } from '@imagemill/api';
import type { FastifyRequest } from 'fastify';
import type { UploadAsset } from '../../../application/upload-asset.ts';
import { AppError } from '../../../domain/errors.ts';
import { sizeLike } from '../../../domain/size-policy.ts';
import { tenantOf } from '../tenant.ts';
import { SdapiError } from './errors.ts';
import type { PictureWork, SourceWork } from './pictures-port.ts';
import { findCheckpoint, type PlanContext, planGeneration, refuseUnknown } from './plan.ts';
import { decodePicture, type Img2ImgRequest } from './request.ts';

export interface Img2ImgPorts {
  readonly uploadAsset: UploadAsset;
  readonly work: PictureWork;
}

/** A generation from a picture, and what is to be done with what it draws. */
export interface SourcedPlan {
  readonly asked: GenerationRequest;
  readonly putBack: ((drawn: Uint8Array) => Promise<Uint8Array>) | undefined;
}

/**
 * The generation that an img2img request means: its picture is brought to the size that is drawn, its mask turned,
 * softened and filled as A1111 does, and both are stored.
 *
 * @throws SdapiError, AppError `validation_failed`, `picture_rejected`
 */
export async function planFromPicture(
  request: FastifyRequest,
  body: Img2ImgRequest,
  context: PlanContext,
  { uploadAsset, work }: Img2ImgPorts,
): Promise<SourcedPlan> {
  refuseUnknown(body);
  const tenantId = tenantOf(request);
  const [first, ...others] = body.init_images ?? [];
  if (first === undefined) throw new SdapiError(404, 'Init image not found');
  if (others.length > 0) throw new SdapiError(422, 'init_images: one picture at a time is drawn from');
  const image = await checked(work, first);
  const mask = body.mask == null ? undefined : await checked(work, body.mask);
  const model = findCheckpoint(context.models, context.options.sd_model_checkpoint);
  const native = model && sizeLike(image.facts, model);
  const asked = planGeneration(body, { ...context, native });
  const size = { width: asked.width ?? image.facts.width, height: asked.height ?? image.facts.height };
  const isMarked = await work.isMarked(tenantId);
  const how = workOf(body, size);
  const prepared = await work.prepare({
    ...how,
    image: image.bytes,
    mask: mask?.bytes,
    // What is put over the drawn picture would hide its visible mark.
    isRegionOnly: how.isRegionOnly && !isMarked,
  });
  const source = await uploadAsset({ tenantId, bytes: prepared.image });
  const maskAsset = prepared.mask && (await uploadAsset({ tenantId, bytes: prepared.mask }));
  const strength = Math.max(LEAST_STRENGTH, body.denoising_strength ?? 0.75);
  const putBack = isMarked ? undefined : prepared.putBack;
  return {
    asked: {
      ...asked,
      ...size,
      // What is put together afterwards is encoded then, once.
      ...(putBack === undefined ? {} : { format: 'png' as const }),
      image: { assetId: source.id, strength },
      mask: maskAsset && { assetId: maskAsset.id },
    },
    putBack: putBack && ((drawn) => putBack(drawn, { format: asked.format, quality: asked.quality })),
  };
}

async function checked(work: PictureWork, text: string) {
  const bytes = decodePicture(text);
  try {
    return { bytes, facts: await work.check(bytes) };
  } catch (error) {
    if (error instanceof AppError && error.code === 'picture_rejected') {
      throw new SdapiError(422, `Invalid encoded image: ${error.message}`);
    }
    throw error;
  }
}

function workOf(body: Img2ImgRequest, size: SourceWork['size']): Omit<SourceWork, 'image' | 'mask'> {
  const blur = Math.max(body.mask_blur_x ?? 0, body.mask_blur_y ?? 0);
  return {
    size,
    fit: (['stretch', 'crop', 'extend', 'stretch'] as const)[body.resize_mode ?? 0] ?? 'stretch',
    isInverted: body.inpainting_mask_invert ?? false,
    blur: body.mask_blur ?? (blur > 0 ? blur : 4),
    fill: (['surroundings', 'original', 'noise', 'grey'] as const)[body.inpainting_fill ?? 0] ?? 'surroundings',
    isRegionOnly: body.inpaint_full_res ?? true,
    padding: body.inpaint_full_res_padding ?? 0,
  };
}

/** A strength of 0 draws nothing anew; this is as near to it as there are steps. */
const LEAST_STRENGTH = 0.001;
