import { LIMITS } from '@imagemill/api';
import type { FastifyRequest } from 'fastify';
import type { CheckPicture, UploadAsset } from '../../../application/upload-asset.ts';
import { AppError } from '../../../domain/errors.ts';
import type { TenantId } from '../../../domain/ids.ts';
import { sizeLike } from '../../../domain/size-policy.ts';
import { tenantOf } from '../tenant.ts';
import type { DrawPlan, DrawPlans } from './draw.ts';
import { SdapiError } from './errors.ts';
import type { PictureWork, SourceWork } from './pictures-port.ts';
import { findCheckpoint, type PlanContext, planGeneration, refuseUnknown } from './plan.ts';
import { decodePicture, type Img2ImgRequest } from './request.ts';

export interface Img2ImgPorts {
  readonly uploadAsset: UploadAsset;
  readonly work: PictureWork;
}

/**
 * The generations that an img2img request means: each picture is brought to the size that is drawn, the mask turned,
 * softened and filled as A1111 does, and all are stored. Several pictures are a batch, as there: one drawing of each in
 * every iteration, whatever `batch_size` says.
 *
 * @throws SdapiError, AppError `validation_failed`, `picture_rejected`
 */
export async function planFromPictures(
  request: FastifyRequest,
  body: Img2ImgRequest,
  context: PlanContext,
  ports: Img2ImgPorts,
): Promise<DrawPlans> {
  refuseUnknown(body);
  const texts = body.init_images ?? [];
  const rounds = texts.length > 1 ? (body.n_iter ?? 1) : 1;
  if (texts.length * rounds > LIMITS.count) {
    throw new SdapiError(422, `init_images: at most ${LIMITS.count} pictures are drawn by one request`);
  }
  const pictures = [];
  for (const text of texts) pictures.push(await checked(ports.work, text));
  const pixels = pictures.reduce((sum, { facts }) => sum + facts.width * facts.height, 0);
  if (pixels > MOST_PIXELS * ports.work.maxPixels) {
    throw new SdapiError(422, `init_images: at most ${MOST_PIXELS * ports.work.maxPixels} pixels together`);
  }
  const mask = body.mask == null ? undefined : await checked(ports.work, body.mask);
  const single = texts.length > 1 ? { ...body, batch_size: 1, n_iter: 1 } : body;
  const plans: DrawPlan[] = [];
  for (const image of pictures) {
    plans.push(await planFromPicture({ image, mask, tenantId: tenantOf(request) }, single, context, ports));
  }
  const [first, ...others] = Array.from({ length: rounds }, () => plans)
    .flat()
    .map((plan, at) => withSeed(plan, at));
  if (first === undefined) throw new SdapiError(404, 'Init image not found');
  return [first, ...others];
}

/** Successive seeds, where one is given. */
function withSeed({ asked, putBack }: DrawPlan, at: number): DrawPlan {
  return { asked: { ...asked, seed: asked.seed === undefined ? undefined : asked.seed + at }, putBack };
}

interface Sources {
  readonly image: CheckedPicture;
  readonly mask: CheckedPicture | undefined;
  readonly tenantId: TenantId;
}

async function planFromPicture(
  { image, mask, tenantId }: Sources,
  body: Img2ImgRequest,
  context: PlanContext,
  { uploadAsset, work }: Img2ImgPorts,
): Promise<DrawPlan> {
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

interface CheckedPicture {
  readonly bytes: Uint8Array;
  readonly facts: Awaited<ReturnType<CheckPicture>>;
}

async function checked(work: PictureWork, text: string): Promise<CheckedPicture> {
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
/** All pictures of a request together, as multiple of the largest one. */
const MOST_PIXELS = 4;
