import type { Generation, GenerationRequestInput, Job } from '@imagemill/api';

/** The request that draws one picture of a generation again, with its own seed. */
export function requestOfJob(generation: Generation, job: Job): GenerationRequestInput {
  const { prompt, negativePrompt, width, height, steps, guidanceScale, model, format, quality } = generation;
  const { image, mask } = generation;
  return {
    priority: 'interactive',
    prompt,
    negativePrompt,
    width,
    height,
    steps,
    guidanceScale,
    model,
    format,
    quality,
    count: 1,
    seed: job.seed,
    loras: generation.loras.map(({ name, strength }) => ({ name, strength })),
    ...(image && { image: { assetId: image.assetId, strength: image.strength } }),
    ...(mask && { mask: { assetId: mask.assetId } }),
  };
}
