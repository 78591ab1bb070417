import sharp, { type Sharp } from 'sharp';
import { DiffusionError } from './errors.ts';
import type { PictureSize } from './image.ts';

/** A picture to start from, and which part of it to repaint. */
export interface PictureSource {
  /** A PNG, JPEG or WebP file of any size; it is cropped in the middle to the proportions of the picture. */
  readonly image: Uint8Array;
  /** Above 0 to 1: the share of the schedule that is drawn anew. 1 starts at noise alone. */
  readonly strength: number;
  /** A file in the proportions of `image`: white is repainted, black stays. @default all is repainted */
  readonly mask?: Uint8Array | undefined;
}

/** Decoded files are this large at most, in pixels. */
const maxSourcePixels = 100_000_000;

/**
 * Decodes a picture as 8-bit RGB `[height, width, 3]` of a size: turned upright, cropped in the middle, on white.
 * @throws DiffusionError `source_invalid`
 */
export async function readSourcePixels(image: Uint8Array, size: PictureSize): Promise<Uint8Array> {
  return decode('source picture', () =>
    open(image)
      .flatten({ background: 'white' })
      .toColourspace('srgb')
      .resize({ ...pick(size), fit: 'cover' })
      .raw(),
  );
}

/**
 * Decodes a mask as one byte a pixel, 1 where the picture is repainted: values of 128 and more are white. It is
 * stretched to the size of the picture it belongs to, then cropped as that is.
 * @throws DiffusionError `source_invalid`
 */
export async function readMaskPixels(mask: Uint8Array, image: Uint8Array, size: PictureSize): Promise<Uint8Array> {
  const whole = await decode('mask', async () => {
    const { autoOrient } = await open(image).metadata();
    const grey = open(mask).flatten({ background: 'black' }).toColourspace('b-w');
    return grey.resize({ ...pick(autoOrient), fit: 'fill', kernel: 'nearest' }).png({ compressionLevel: 1 });
  });
  const grey = await decode('mask', () =>
    open(whole)
      .toColourspace('b-w')
      .resize({ ...pick(size), fit: 'cover', kernel: 'nearest' })
      .extractChannel(0)
      .raw(),
  );
  return grey.map((value) => (value >= 128 ? 1 : 0));
}

/** Pixels 0 to 255 `[height, width, 3]` as the autoencoder takes them: −1 to 1, `[3, height, width]`. */
export function toPlanes(pixels: Uint8Array): Float32Array {
  const plane = pixels.length / 3;
  const values = new Float32Array(pixels.length);
  for (let i = 0; i < plane; i++) {
    for (let channel = 0; channel < 3; channel++) {
      values[channel * plane + i] = Math.fround(pixels[3 * i + channel]! / 255) * 2 - 1;
    }
  }
  return values;
}

function open(bytes: Uint8Array): Sharp {
  return sharp(bytes, { limitInputPixels: maxSourcePixels, failOn: 'error' }).autoOrient();
}

function pick({ width, height }: PictureSize): PictureSize {
  return { width, height };
}

async function decode(what: string, build: () => Sharp | Promise<Sharp>): Promise<Uint8Array> {
  try {
    const picture = await build();
    return await picture.toBuffer();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const message = `The ${what} cannot be read: ${reason}`;
    throw new DiffusionError('source_invalid', message, { details: { reason }, cause: error });
  }
}
