import sharp from 'sharp';
import { AppError } from '../../domain/errors.ts';
import type { PictureSize } from '../../domain/size-policy.ts';

/** Plain resampling; no model draws anything here. */
export type Resampling = 'lanczos3' | 'nearest';

export interface EnlargeInput {
  /** A file that was checked. */
  readonly picture: Uint8Array;
  readonly resampling: Resampling;
  /** A factor for both sides, or a size that the picture covers and is cropped to where wanted. */
  readonly to: { readonly factor: number } | (PictureSize & { readonly isCropped: boolean });
}

export interface EnlargeLimits {
  readonly maxPixels: number;
}

/**
 * A picture in another size, as PNG. What its file says of how it was made, labels included, stays in it.
 *
 * @throws AppError `validation_failed` for a size beyond the limit
 */
export async function enlarge(
  { picture, resampling, to }: EnlargeInput,
  { maxPixels }: EnlargeLimits,
): Promise<Buffer> {
  const input = sharp(picture, { limitInputPixels: maxPixels }).autoOrient();
  const { autoOrient: from } = await input.metadata();
  const factor = 'factor' in to ? to.factor : Math.max(to.width / from.width, to.height / from.height);
  const size = { width: sideOf(from.width * factor), height: sideOf(from.height * factor) };
  if (size.width * size.height > maxPixels) throw tooLarge(size, maxPixels);
  const resized = input.resize({ ...size, fit: 'fill', kernel: resampling });
  if ('factor' in to || !to.isCropped) return resized.keepMetadata().png().toBuffer();
  // Rounding may leave a side a pixel short.
  const cropped = { width: Math.min(to.width, size.width), height: Math.min(to.height, size.height) };
  const [left, top] = [(size.width - cropped.width) >> 1, (size.height - cropped.height) >> 1];
  return resized
    .extract({ left, top, ...cropped })
    .keepMetadata()
    .png()
    .toBuffer();
}

function sideOf(value: number): number {
  return Math.max(1, Math.round(value));
}

function tooLarge({ width, height }: PictureSize, maxPixels: number): AppError {
  const expected = `a result of at most ${maxPixels} pixels`;
  const message = `The result would have ${width} × ${height} pixels; ${expected} is expected.`;
  const fields = [{ field: 'upscaling_resize', code: 'too_many_pixels' as const, message, expected }];
  return new AppError('validation_failed', message, { fields });
}
