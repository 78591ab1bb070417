/** What to do about a size that is over a limit: refuse it, or draw smaller and say so. */
export type OversizePolicy = 'fit' | 'reject';

export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

export interface SizeBounds {
  /** Both sides are multiples of this. */
  readonly grain: number;
  readonly maxSide: number;
  readonly maxPixels: number;
}

/**
 * The largest size of about the same shape that is within the bounds: scaled down by area, sides to multiples of 64
 * (of the grain where that is coarser, or where 64 does not fit). A size within the bounds is returned as it is.
 */
export function fitSize(wanted: PictureSize, bounds: SizeBounds): PictureSize {
  const { grain, maxSide, maxPixels } = bounds;
  const fits = ({ width, height }: PictureSize): boolean =>
    width <= maxSide && height <= maxSide && width * height <= maxPixels;
  if (fits(wanted)) return wanted;
  const step = 64 % grain === 0 && maxSide >= 64 && maxPixels >= 64 ** 2 ? 64 : grain;
  const area = Math.sqrt(maxPixels / (wanted.width * wanted.height));
  const scale = Math.min(1, area, maxSide / wanted.width, maxSide / wanted.height);
  const toSide = (value: number): number => Math.max(step, Math.round((value * scale) / step) * step);
  let size = { width: toSide(wanted.width), height: toSide(wanted.height) };
  // Rounding up may have passed a bound again; the longer side gives way.
  while (!fits(size) && Math.max(size.width, size.height) > step) {
    const isWide = size.width >= size.height;
    size = isWide ? { ...size, width: size.width - step } : { ...size, height: size.height - step };
  }
  return size;
}

/** The size that a model can draw nearest to one that nobody chose for it, e.g. that of a photograph. */
export function sizeLike(picture: PictureSize, bounds: SizeBounds): PictureSize {
  const toGrain = (value: number): number => Math.max(1, Math.round(value / bounds.grain)) * bounds.grain;
  return fitSize({ width: toGrain(picture.width), height: toGrain(picture.height) }, bounds);
}
