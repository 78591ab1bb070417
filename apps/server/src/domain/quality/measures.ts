/** What was measured about a drawn picture, before it was encoded. */
export interface PictureMeasures {
  /** Standard deviation of the most varied colour channel, 0 to 127.5; about 0 for a picture of one colour. */
  readonly spread: number;
  /** Share of pixels that are black or nearly so, 0 to 1. */
  readonly darkShare: number;
  /** Share of pixels that are white or nearly so, 0 to 1. */
  readonly lightShare: number;
  /** Standard deviation of the Laplacian of the brightness; what is normal differs from model to model. */
  readonly sharpness: number;
  /** Perceptual hash: 16 hex digits; pictures that look alike differ in few bits. */
  readonly hash: string;
  /** How likely the picture is unsafe, by the model that the operator gave; absent without one. */
  readonly unsafe?: number | undefined;
  /** How well it looks, by the model that the operator gave; absent without one. */
  readonly aesthetic?: number | undefined;
}
