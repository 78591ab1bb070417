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
}
