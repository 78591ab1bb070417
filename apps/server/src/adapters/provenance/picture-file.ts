import { createHash } from 'node:crypto';
import type { PictureFiles } from '../../application/provenance-ports.ts';
import { type ContentHash, contentHash } from '../../domain/ids.ts';
import type { PictureMetadata, PictureTexts } from '../../domain/provenance/picture-metadata.ts';
import { isJpeg, readJpeg, writeJpegTexts } from './jpeg.ts';
import { isPng, readPng, writePngTexts } from './png.ts';
import { isWebp, readWebp, writeWebpTexts } from './webp.ts';

/** SHA-256 in hex. */
export function hashOfBytes(bytes: Uint8Array): ContentHash {
  return contentHash(createHash('sha256').update(bytes).digest('hex'));
}

export const pictureFiles: PictureFiles = { write: writePictureTexts, read: readPictureMetadata };

/** The same picture with the texts in its file; pixels stay as they are. Any other file comes back unchanged. */
function writePictureTexts(picture: Uint8Array, texts: PictureTexts): Uint8Array {
  const bytes = Buffer.from(picture.buffer, picture.byteOffset, picture.byteLength);
  if (isPng(bytes)) return writePngTexts(bytes, texts);
  if (isJpeg(bytes)) return writeJpegTexts(bytes, texts);
  return isWebp(bytes) ? writeWebpTexts(bytes, texts) : picture;
}

/**
 * The texts of a PNG, JPEG or WebP file; undefined for anything else. Pixels are not decoded, so a small file cannot
 * ask for much; damaged parts are passed over.
 */
function readPictureMetadata(picture: Uint8Array): PictureMetadata | undefined {
  const bytes = Buffer.from(picture.buffer, picture.byteOffset, picture.byteLength);
  try {
    if (isPng(bytes)) return readPng(bytes);
    if (isJpeg(bytes)) return readJpeg(bytes);
    return isWebp(bytes) ? readWebp(bytes) : undefined;
  } catch (error) {
    // A length that leads outside of the file.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
