import sharp from 'sharp';
import type { CheckPicture } from '../../application/upload-asset.ts';
import { AppError } from '../../domain/errors.ts';
import { formatOf, pictureEnd } from './picture-end.ts';

/**
 * Tells what an uploaded file is and refuses what nobody can draw from. The size is read from the header and checked
 * before a pixel is decoded; then all of them are decoded once, so that a broken file is refused now and not later.
 */
export function createCheckPicture({ maxPixels }: { readonly maxPixels: number }): CheckPicture {
  return async (bytes) => {
    const format = formatOf(bytes);
    if (format === undefined) throw rejected('It is not a PNG, JPEG or WebP file.');
    const end = pictureEnd(bytes, format);
    if (end === undefined) throw rejected('The file ends before the picture does.');
    if (!isPadding(bytes.subarray(end))) {
      throw rejected(`It holds ${bytes.length - end} bytes of something else after the end of the picture.`);
    }
    const input = sharp(bytes, { failOn: 'error', limitInputPixels: maxPixels });
    const { width, height, autoOrient, pages = 1 } = await readable(() => input.metadata());
    if (width * height > maxPixels) {
      throw rejected(`It has ${width} × ${height} pixels; at most ${maxPixels} are accepted.`, { maxPixels });
    }
    if (pages > 1) throw rejected('It is animated.');
    await readable(() => input.stats());
    return { mediaType: `image/${format}`, width: autoOrient.width, height: autoOrient.height };
  };
}

async function readable<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    const reason = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause);
    throw rejected(`It cannot be decoded: ${reason}.`, { reason }, cause);
  }
}

function isPadding(rest: Uint8Array): boolean {
  return rest.every((byte) => byte === 0);
}

function rejected(why: string, details: Readonly<Record<string, unknown>> = {}, cause?: unknown): AppError {
  return new AppError('picture_rejected', `The picture was refused. ${why}`, { details, cause });
}
