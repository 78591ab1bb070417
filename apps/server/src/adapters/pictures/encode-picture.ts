import sharp from 'sharp';
import type { PictureFormat } from '../../domain/generation.ts';
import type { RawPicture } from './source-for-drawing.ts';

/** A file of 8-bit RGB pixels. `quality` 1 to 100 is for JPEG and WebP. */
export function encodePicture(
  { pixels, width, height }: RawPicture,
  { format, quality }: { readonly format: PictureFormat; readonly quality: number },
): Promise<Uint8Array> {
  const picture = sharp(pixels, { raw: { width, height, channels: 3 } });
  switch (format) {
    case 'jpeg':
      return picture.jpeg({ quality, chromaSubsampling: '4:4:4' }).toBuffer();
    case 'webp':
      return picture.webp({ quality }).toBuffer();
    case 'png':
      return picture.png().toBuffer();
  }
}
