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
    if (isArchive(bytes)) throw rejected('It is a ZIP archive as well.');
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

/**
 * Whether programs that read archives from their end would find one: its last record may hide in the last parts of a
 * picture, with what follows as its comment.
 */
function isArchive(bytes: Uint8Array): boolean {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const first = Math.max(0, view.length - ARCHIVE_END - MOST_COMMENT);
  for (
    let at = view.lastIndexOf('PK\x05\x06');
    at >= first;
    at = at === 0 ? -1 : view.lastIndexOf('PK\x05\x06', at - 1)
  ) {
    if (at + ARCHIVE_END > view.length) continue;
    const directory = at - view.readUInt32LE(at + 12);
    if (directory >= 0 && view.toString('latin1', directory, directory + 4) === 'PK\x01\x02') return true;
  }
  return false;
}

function isPadding(rest: Uint8Array): boolean {
  return rest.every((byte) => byte === 0);
}

function rejected(why: string, details: Readonly<Record<string, unknown>> = {}, cause?: unknown): AppError {
  return new AppError('picture_rejected', `The picture was refused. ${why}`, { details, cause });
}

/** Bytes of the last record of an archive without its comment, and of the longest comment. */
const ARCHIVE_END = 22;
const MOST_COMMENT = 65_535;
