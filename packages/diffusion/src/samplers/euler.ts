/**
 * One Euler step of the flow, in place and in float32: latents += (sigmaNext − sigma) · velocity.
 * `velocity` has the length of `latents`, and points from the picture to the noise.
 */
export function eulerStep(latents: Float32Array, velocity: Float32Array, sigma: number, sigmaNext: number): void {
  const delta = Math.fround(sigmaNext - sigma);
  for (let i = 0; i < latents.length; i++) latents[i] = latents[i]! + Math.fround(delta * velocity[i]!);
}
