/**
 * How the weights of a model are held, see docs/numerics.md: `mapped` as they are stored, `packed` as fp32, `fp16`,
 * and `w8a8` as 8-bit numbers. One model may be in memory in several of them.
 */
export const precisions = ['mapped', 'packed', 'fp16', 'w8a8'] as const;
export type Precision = (typeof precisions)[number];

/** A precision that the device of this server offers for a model. */
export interface PrecisionFacts {
  readonly precision: Precision;
  /** Memory that the weights take; 0 for mapped ones, which the operating system takes back when it needs room. */
  readonly bytes: number;
}

/** What the server knows of a model before any engine has loaded it. Sizes in pixels. */
export interface ModelFacts {
  readonly name: string;
  /** Folder of the checkpoint. */
  readonly path: string;
  readonly family: string;
  /** SHA-256 over the hashes of its weight files, in hex; undefined where no manifest has them. */
  readonly weightsSha256?: string | undefined;
  readonly nativeWidth: number;
  readonly nativeHeight: number;
  /** Both sides of a picture are multiples of this: 2 × the VAE's factor. */
  readonly grain: number;
  readonly maxSide: number;
  readonly maxPixels: number;
  readonly defaultSteps: number;
  readonly defaultGuidanceScale: number;
  /** Those that a request may choose; the first is what the bare name stands for. Empty where the device has one way. */
  readonly precisions: readonly PrecisionFacts[];
}

/** `demo:w8a8` */
export function variantName(model: string, precision: Precision): string {
  return `${model}:${precision}`;
}
