import { denoiseStep } from './denoise.ts';
import type { ZImagePipeline } from './families/z-image/pipeline.ts';

export interface TinyPicture {
  /** Tokens of its image. */
  readonly tokens: number;
  readonly msPerStep: number;
}

/**
 * Draws a picture of 4 × 4 patches in one step and throws it away, so that what a model needs is in memory, from the
 * prompt to the pixels.
 * @param isWanted asked between the parts; false ends it
 * @returns undefined when it was ended
 * @throws DiffusionError as drawing
 */
export async function drawTinyPicture(
  pipeline: ZImagePipeline,
  isWanted: () => boolean,
): Promise<TinyPicture | undefined> {
  const { grain, maxWidth, maxHeight } = pipeline.limits;
  const [width, height] = [Math.min(4 * grain, maxWidth), Math.min(4 * grain, maxHeight)];
  const settings = { prompt: 'a lighthouse', negativePrompt: '', width, height, seed: 0, steps: 1 };
  const item = await pipeline.prepare({ ...settings, guidance: { scale: 0 } });
  const isStillWanted = async (): Promise<boolean> => {
    await new Promise(setImmediate);
    return isWanted();
  };
  if (!(await isStillWanted())) return undefined;
  const start = performance.now();
  await denoiseStep(pipeline, [item]);
  const msPerStep = performance.now() - start;
  if (!(await isStillWanted())) return undefined;
  await pipeline.decode(item.latent, item.grid);
  return { tokens: item.grid.rows * item.grid.columns, msPerStep };
}
