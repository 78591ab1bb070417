import { z } from 'zod';

/** A picture of `POST /v1/assets` or one that was drawn. */
export interface MaskRequest {
  readonly assetId: string;
}

export interface ImageRequest extends MaskRequest {
  /** Above 0 to 1: how far the picture may leave the image; the share of the steps that is drawn. @default 0.6 */
  readonly strength?: number | undefined;
}

/** The same after parsing. */
export interface ParsedImageRequest extends MaskRequest {
  readonly strength: number;
}

const assetId = z.string().min(1).max(200).meta({ description: 'Id of an asset of your own' });

export const imageRequestSchema: z.ZodType<ParsedImageRequest, ImageRequest> = z
  .strictObject({
    assetId,
    strength: z
      .number()
      .gt(0)
      .max(1)
      .default(0.6)
      .meta({ description: 'How far the picture may leave the image; the share of the steps that is drawn' }),
  })
  .meta({ id: 'ImageRequest' });

export const maskRequestSchema: z.ZodType<MaskRequest, MaskRequest> = z
  .strictObject({ assetId })
  .meta({ id: 'MaskRequest' });

/** The picture that a generation was accepted with. */
export interface MaskUse {
  readonly assetId: string;
  /** SHA-256 of the file, in hex. */
  readonly sha256: string;
}

export interface ImageUse extends MaskUse {
  readonly strength: number;
}

export const maskUseSchema: z.ZodType<MaskUse> = z.object({ assetId: z.string(), sha256: z.string() });

export const imageUseSchema: z.ZodType<ImageUse> = z.object({
  assetId: z.string(),
  sha256: z.string(),
  strength: z.number(),
});
