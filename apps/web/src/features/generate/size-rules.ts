/** Sizes a model accepts, in pixels. */
export interface SizeLimits {
  /** Side of the square the model was trained on. */
  readonly nativeSide: number;
  /** Width and height are multiples of this. */
  readonly grain: number;
  readonly minSide: number;
  readonly maxSide: number;
  /** Most pixels, width × height. */
  readonly maxPixels: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface AspectRatio {
  readonly id: string;
  readonly across: number;
  readonly down: number;
}

export const aspectRatios: readonly AspectRatio[] = [
  { id: '1:1', across: 1, down: 1 },
  { id: '4:3', across: 4, down: 3 },
  { id: '3:4', across: 3, down: 4 },
  { id: '3:2', across: 3, down: 2 },
  { id: '2:3', across: 2, down: 3 },
  { id: '16:9', across: 16, down: 9 },
  { id: '9:16', across: 9, down: 16 },
];

/** Nearest side the model accepts. */
export function snapSide(side: number, limits: SizeLimits): number {
  const smallest = Math.ceil(limits.minSide / limits.grain) * limits.grain;
  const largest = Math.floor(limits.maxSide / limits.grain) * limits.grain;
  const onGrain = Math.round(side / limits.grain) * limits.grain;
  return Math.min(largest, Math.max(smallest, onGrain));
}

/**
 * Nearest size the model accepts. Where both sides are allowed but their product is not, the side that is not `kept`
 * gives way first.
 */
export function fitSize(size: Size, limits: SizeLimits, kept: 'width' | 'height' = 'width'): Size {
  const other = kept === 'width' ? 'height' : 'width';
  const fitted = { width: snapSide(size.width, limits), height: snapSide(size.height, limits) };
  const shrink = (side: 'width' | 'height', beside: number): void => {
    const most = Math.floor(limits.maxPixels / beside / limits.grain) * limits.grain;
    if (fitted[side] > most) fitted[side] = snapSide(most, limits);
  };
  shrink(other, fitted[kept]);
  shrink(kept, fitted[other]);
  return fitted;
}

/**
 * The size to draw a picture of this size in: its own where the model draws that, else one in its proportions, of about
 * the model's native area.
 */
export function sizeForPicture({ width, height }: Size, limits: SizeLimits): Size {
  const { minSide, maxSide, maxPixels } = limits;
  const [short, long] = [Math.min(width, height), Math.max(width, height)];
  if (short >= minSide && long <= maxSide && width * height <= maxPixels) return fitSize({ width, height }, limits);
  return sizeForAspectRatio({ id: '', across: width, down: height }, limits);
}

/** Size of about the model's native area in the given aspect ratio, on the grain and within the limits. */
export function sizeForAspectRatio(ratio: AspectRatio, limits: SizeLimits): Size {
  const stretch = Math.sqrt(ratio.across / ratio.down);
  return fitSize({ width: limits.nativeSide * stretch, height: limits.nativeSide / stretch }, limits);
}

/** The chip that stands for this size; undefined for a size of the reader's own. */
export function aspectRatioOf(size: Size, limits: SizeLimits): AspectRatio | undefined {
  return aspectRatios.find((ratio) => {
    const candidate = sizeForAspectRatio(ratio, limits);
    return candidate.width === size.width && candidate.height === size.height;
  });
}
