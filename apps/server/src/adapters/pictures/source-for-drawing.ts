/** Prepares a picture and its mask in the manner of A1111's img2img, and puts what was drawn back into the picture. */
import sharp from 'sharp';
import type { PictureSize } from '../../domain/size-policy.ts';
import { fillMasked, type MaskFill } from './fill-masked.ts';
import { boundsOf, drawnRegion, type Region } from './repaint-region.ts';

export interface SourceInput {
  /** Files that were checked. */
  readonly image: Uint8Array;
  readonly mask?: Uint8Array | undefined;
  /** Of the picture that is drawn. */
  readonly size: PictureSize;
  /** How an image of other proportions gets them. */
  readonly fit: 'stretch' | 'crop' | 'extend';
  readonly isInverted: boolean;
  /** Standard deviation of the soft edge of the mask, in pixels. */
  readonly blur: number;
  readonly fill: MaskFill;
  /** Draws the masked region alone, in the full size, and puts it back into the image. */
  readonly isRegionOnly: boolean;
  /** Margin of that region, in pixels of the image. */
  readonly padding: number;
}

export interface PreparedSource {
  /** PNG files of the size that is drawn. */
  readonly image: Uint8Array;
  readonly mask: Uint8Array | undefined;
  /** The image with what was drawn in its place and a soft edge, in 8-bit RGB; undefined when nothing is to be put back. */
  readonly putBack: ((drawn: Uint8Array) => Promise<RawPicture>) | undefined;
}

export interface RawPicture extends PictureSize {
  /** `[height, width, 3]` */
  readonly pixels: Uint8Array;
}

export async function prepareSource(input: SourceInput): Promise<PreparedSource> {
  const { size, fit } = input;
  const whole = await rgbOf(input.image);
  if (input.mask === undefined)
    return { image: await png(await fitted(whole, size, fit)), mask: undefined, putBack: undefined };
  const mask = await maskOf(input.mask, whole, input);
  const found = input.isRegionOnly ? boundsOf(mask, whole) : undefined;
  if (found === undefined) {
    const [base, softMask] = [await fitted(whole, size, fit), await fittedMask(mask, whole, size, fit)];
    return prepared(base, softMask, { ...size, left: 0, top: 0 }, base, input);
  }
  const region = drawnRegion(found, input.padding, size, whole);
  const cut = await fitted(await cutOut(whole, region), size, 'stretch');
  const regionMask = await greyCut(mask, whole, region);
  const softMask = await fittedMask(regionMask, region, size, 'stretch');
  return prepared(cut, softMask, region, whole, { ...input, regionMask });
}

async function prepared(
  drawnFrom: RawPicture,
  softMask: Uint8Array,
  region: Region,
  base: RawPicture,
  { fill, regionMask = softMask }: Pick<SourceInput, 'fill'> & { readonly regionMask?: Uint8Array },
): Promise<PreparedSource> {
  // All that shows through the soft edge is repainted too.
  const hard = softMask.map((value) => (value >= EDGE ? 255 : 0));
  const pixels = await fillMasked(drawnFrom.pixels, hard, drawnFrom, fill);
  const grey = { raw: { width: drawnFrom.width, height: drawnFrom.height, channels: 1 as const } };
  return {
    image: await png({ ...drawnFrom, pixels }),
    mask: await sharp(hard, grey).png({ compressionLevel: 1 }).toBuffer(),
    async putBack(drawn) {
      const { pixels: painted } = await fitted(await rgbOf(drawn), region, 'stretch');
      return { ...base, pixels: blended(base, painted, regionMask, region) };
    },
  };
}

/** Base · (1 − m) + painted · m inside the region. */
function blended(base: RawPicture, painted: Uint8Array, mask: Uint8Array, region: Region): Uint8Array {
  const pixels = Uint8Array.from(base.pixels);
  for (let y = 0; y < region.height; y += 1) {
    for (let x = 0; x < region.width; x += 1) {
      const from = y * region.width + x;
      const share = (mask[from] ?? 0) / 255;
      if (share === 0) continue;
      const to = (y + region.top) * base.width + x + region.left;
      for (let channel = 0; channel < 3; channel += 1) {
        const [old, next] = [pixels[3 * to + channel] ?? 0, painted[3 * from + channel] ?? 0];
        pixels[3 * to + channel] = Math.round(old + (next - old) * share);
      }
    }
  }
  return pixels;
}

/** Upright, on white, 8-bit sRGB. */
async function rgbOf(image: Uint8Array): Promise<RawPicture> {
  const { data, info } = await sharp(image, { limitInputPixels: MOST_PIXELS })
    .autoOrient()
    .flatten({ background: 'white' })
    .toColourspace('srgb')
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { pixels: data, width: info.width, height: info.height };
}

/**
 * White is repainted; of a mask that is transparent somewhere, what is opaque. One byte a pixel of the image, with a soft
 * edge.
 */
async function maskOf(
  mask: Uint8Array,
  { width, height }: PictureSize,
  { isInverted, blur }: Pick<SourceInput, 'isInverted' | 'blur'>,
): Promise<Uint8Array> {
  const open = () => sharp(mask, { limitInputPixels: MOST_PIXELS }).autoOrient();
  const { hasAlpha } = await open().metadata();
  const isByAlpha = hasAlpha && !(await open().stats()).isOpaque;
  const grey = isByAlpha ? open().extractChannel('alpha') : open().flatten({ background: 'black' });
  const hard = await grey
    .toColourspace('b-w')
    .resize({ width, height, fit: 'fill', kernel: 'nearest' })
    .extractChannel(0)
    .raw()
    .toBuffer();
  const turned = hard.map((value) => (value >= 128 !== isInverted ? 255 : 0));
  if (blur < LEAST_BLUR) return turned;
  return sharp(turned, { raw: { width, height, channels: 1 } })
    .blur(blur)
    .extractChannel(0)
    .raw()
    .toBuffer();
}

async function fitted(picture: RawPicture, size: PictureSize, fit: SourceInput['fit']): Promise<RawPicture> {
  const { width, height } = size;
  const pixels = await resized(picture.pixels, { ...picture, channels: 3 }, size, { fit, kernel: 'lanczos3' });
  return { pixels, width, height };
}

function fittedMask(
  mask: Uint8Array,
  from: PictureSize,
  size: PictureSize,
  fit: SourceInput['fit'],
): Promise<Uint8Array> {
  return resized(mask, { ...from, channels: 1 }, size, { fit, kernel: 'linear' });
}

async function resized(
  data: Uint8Array,
  { width, height, channels }: PictureSize & { readonly channels: 1 | 3 },
  size: PictureSize,
  { fit, kernel }: { readonly fit: SourceInput['fit']; readonly kernel: 'lanczos3' | 'linear' },
): Promise<Uint8Array> {
  const picture = sharp(data, { raw: { width, height, channels } });
  const space = channels === 1 ? 'b-w' : 'srgb';
  if (fit !== 'extend') {
    const how = { width: size.width, height: size.height, kernel, fit: fit === 'crop' ? 'cover' : 'fill' } as const;
    return picture.resize(how).toColourspace(space).raw().toBuffer();
  }
  const scale = Math.min(size.width / width, size.height / height);
  const inner = { width: sideOf(width * scale, size.width), height: sideOf(height * scale, size.height) };
  const small = await picture
    .resize({ ...inner, kernel, fit: 'fill' })
    .toColourspace(space)
    .raw()
    .toBuffer();
  const [left, top] = [(size.width - inner.width) >> 1, (size.height - inner.height) >> 1];
  return sharp(small, { raw: { ...inner, channels } })
    .extend({
      ...{ left, top, right: size.width - inner.width - left, bottom: size.height - inner.height - top },
      extendWith: 'copy',
    })
    .toColourspace(space)
    .raw()
    .toBuffer();
}

function sideOf(value: number, most: number): number {
  return Math.max(1, Math.min(most, Math.round(value)));
}

async function cutOut({ pixels, width, height }: RawPicture, region: Region): Promise<RawPicture> {
  const cut = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .extract(region)
    .raw()
    .toBuffer();
  return { pixels: cut, width: region.width, height: region.height };
}

function greyCut(mask: Uint8Array, { width, height }: PictureSize, region: Region): Promise<Uint8Array> {
  return sharp(mask, { raw: { width, height, channels: 1 } })
    .extract(region)
    .extractChannel(0)
    .raw()
    .toBuffer();
}

function png({ pixels, width, height }: RawPicture): Promise<Uint8Array> {
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: 1 })
    .toBuffer();
}

/** Decoded pictures are this large at most, in pixels; uploads are checked against their own setting before. */
const MOST_PIXELS = 100_000_000;
/** Where a soft mask begins to count, of 255. */
const EDGE = 8;
/** The least that can be blurred. */
const LEAST_BLUR = 0.3;
