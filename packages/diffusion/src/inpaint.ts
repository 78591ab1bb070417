/** The part of a picture that inpainting leaves alone. */
export interface KeptPart {
  /** The source picture as a latent, `[channels, height, width]`. */
  readonly source: Float32Array;
  /** The noise that the run began with, of the same shape. */
  readonly noise: Float32Array;
  /** `[height, width]` of the latent: 1 is repainted, 0 stays. */
  readonly mask: Uint8Array;
  /** The source in 8-bit RGB, `[height, width, 3]`, in the size of the finished picture. */
  readonly pixels: Uint8Array;
  /** The mask in the size of the finished picture. */
  readonly pixelMask: Uint8Array;
}

/**
 * Puts the source back outside the mask after a step, with the noise that belongs to `sigma`, as the reference's
 * inpainting pipeline does: (1 − m) · (σ · noise + (1 − σ) · source) + m · latent.
 */
export function keepOutside(latent: Float32Array, { source, noise, mask }: KeptPart, sigma: number): void {
  for (let i = 0; i < latent.length; i++) {
    if (mask[i % mask.length] === 0) latent[i] = sigma * noise[i]! + (1 - sigma) * source[i]!;
  }
}

/** Puts the pixels of the source back outside the mask, so that they are the same and not merely alike. */
export function pasteKept(pixels: Uint8Array, { pixels: source, pixelMask }: KeptPart): void {
  for (const [at, isRepainted] of pixelMask.entries()) {
    if (isRepainted === 0) pixels.set(source.subarray(3 * at, 3 * at + 3), 3 * at);
  }
}
