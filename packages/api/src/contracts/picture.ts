import { z } from 'zod';
import { anyTenantQuery } from './access.ts';
import { type Asset, assetSchema } from './asset.ts';
import { type JobTimings, jobTimingsSchema } from './job.ts';
import { DEFAULT_PAGE_SIZE, LIMITS } from './limits.ts';
import { type LoraUse, loraUseSchema } from './lora.ts';
import { idSchema, timestampSchema } from './primitives.ts';
import { type PictureQuality, pictureQualitySchema } from './quality.ts';
import { type ImageUse, imageUseSchema, type MaskUse, maskUseSchema } from './source.ts';

/** A picture of the gallery: a job that succeeded, with how it was drawn and what its owner noted. */
export interface Picture {
  /** That of the job. */
  readonly id: string;
  readonly generationId: string;
  /** Whose it is, where it is not the caller's tenant's. */
  readonly tenant?: string | undefined;
  /** Position in the generation, from 0. */
  readonly index: number;
  readonly createdAt: string;
  readonly prompt: string;
  readonly negativePrompt: string;
  readonly width: number;
  readonly height: number;
  readonly seed: number;
  readonly steps: number;
  readonly guidanceScale: number;
  readonly model: string;
  readonly loras: readonly LoraUse[];
  /** The picture it was drawn from. */
  readonly image?: ImageUse | undefined;
  /** What of that was repainted. */
  readonly mask?: MaskUse | undefined;
  readonly starred: boolean;
  readonly tags: readonly string[];
  readonly asset: Asset;
  readonly timings: JobTimings;
  /** What the quality gate found; absent when the picture was not measured. */
  readonly quality?: PictureQuality | undefined;
}

export const pictureSchema: z.ZodType<Picture> = z
  .object({
    id: idSchema,
    generationId: idSchema,
    tenant: z.string().optional().meta({ description: "Whose it is, where it is not the caller's tenant's" }),
    index: z.int().nonnegative(),
    createdAt: timestampSchema,
    prompt: z.string(),
    negativePrompt: z.string(),
    width: z.int().positive(),
    height: z.int().positive(),
    seed: z.int().nonnegative(),
    steps: z.int().positive(),
    guidanceScale: z.number().nonnegative(),
    model: z.string(),
    loras: z.array(loraUseSchema),
    image: imageUseSchema.optional(),
    mask: maskUseSchema.optional(),
    starred: z.boolean(),
    tags: z.array(z.string()),
    asset: assetSchema,
    timings: jobTimingsSchema,
    quality: pictureQualitySchema.optional(),
  })
  .meta({ id: 'Picture' });

/** Query of `GET /v1/pictures`; what is left out matches all. */
export interface ListPicturesQuery {
  /** 1 to 100. @default 20 */
  readonly limit: number;
  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
  /** A part of the prompt, upper and lower case of Latin letters alike. */
  readonly text?: string | undefined;
  readonly model?: string | undefined;
  /** Name of a LoRA it was drawn with. */
  readonly lora?: string | undefined;
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  /** RFC 3339; not older than this. */
  readonly since?: string | undefined;
  /** RFC 3339; older than this. */
  readonly until?: string | undefined;
  readonly starred?: boolean | undefined;
  readonly tag?: string | undefined;
  readonly generationId?: string | undefined;
  /** A bulk that asked for it. */
  readonly bulkId?: string | undefined;
  /** Least and highest score of the aesthetic model; pictures without one are left out. */
  readonly minScore?: number | undefined;
  readonly maxScore?: number | undefined;
  /** Another tenant than the caller's, or `*` for all; for admins of the installation. */
  readonly tenant?: string | undefined;
}

const tagSchema = z.string().trim().min(1).max(LIMITS.tagLength);
const side = z.coerce.number().int().min(1).max(LIMITS.side).optional();
const score = z.coerce.number().min(-1e6).max(1e6).optional();
const moment = z.iso.datetime({ offset: true }).optional();

export const listPicturesQuerySchema: z.ZodType<ListPicturesQuery, unknown> = z.strictObject({
  limit: z.coerce.number().int().min(1).max(LIMITS.pageSize).default(DEFAULT_PAGE_SIZE),
  cursor: z.string().min(1).max(200).optional(),
  text: z.string().min(1).max(200).optional().meta({ description: 'A part of the prompt' }),
  model: z.string().min(1).max(200).optional(),
  lora: z.string().min(1).max(LIMITS.loraNameLength).optional().meta({ description: 'A LoRA it was drawn with' }),
  width: side,
  height: side,
  since: moment.meta({ description: 'Not older than this' }),
  until: moment.meta({ description: 'Older than this' }),
  starred: z.stringbool({ truthy: ['true'], falsy: ['false'] }).optional(),
  tag: tagSchema.optional(),
  generationId: idSchema.optional(),
  bulkId: idSchema.optional().meta({ description: 'A bulk that asked for it' }),
  minScore: score.meta({ description: 'Least score of the aesthetic model; pictures without one are left out' }),
  maxScore: score.meta({ description: 'Highest score of the aesthetic model; pictures without one are left out' }),
  tenant: anyTenantQuery,
});

/** One page, newest first. */
export interface PicturePage {
  readonly items: readonly Picture[];
  /** Absent on the last page. */
  readonly nextCursor?: string | undefined;
}

export const picturePageSchema: z.ZodType<PicturePage> = z
  .object({ items: z.array(pictureSchema), nextCursor: z.string().optional() })
  .meta({ id: 'PicturePage' });

/** Body of `POST /v1/pictures/mark`; what is left out stays as it is. */
export interface MarkPicturesRequest {
  /** 1 to 1000 pictures; those that are not there are passed over. */
  readonly ids: readonly string[];
  readonly starred?: boolean | undefined;
  /** True takes the pictures out of the gallery, false brings them back. */
  readonly deleted?: boolean | undefined;
  readonly addTags?: readonly string[] | undefined;
  readonly removeTags?: readonly string[] | undefined;
}

const ids = z.array(z.string().max(64)).min(1).max(LIMITS.selection);
const tags = z.array(tagSchema).max(LIMITS.tags).optional();

export const markPicturesRequestSchema: z.ZodType<MarkPicturesRequest, unknown> = z
  .strictObject({
    ids,
    starred: z.boolean().optional(),
    deleted: z.boolean().optional().meta({ description: 'true takes them out of the gallery, false brings them back' }),
    addTags: tags,
    removeTags: tags,
  })
  .meta({ id: 'MarkPicturesRequest' });

export interface MarkPicturesResult {
  /** Pictures that were there. */
  readonly marked: number;
}

export const markPicturesResultSchema: z.ZodType<MarkPicturesResult> = z
  .object({ marked: z.int().nonnegative() })
  .meta({ id: 'MarkPicturesResult' });

/** Body of `POST /v1/pictures/archive`. */
export interface ArchiveRequest {
  /** 1 to 1000 pictures; those that are not there are passed over. */
  readonly ids: readonly string[];
}

export const archiveRequestSchema: z.ZodType<ArchiveRequest, unknown> = z
  .strictObject({ ids })
  .meta({ id: 'ArchiveRequest' });
