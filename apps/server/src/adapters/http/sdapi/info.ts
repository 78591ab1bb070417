import type { GenerationRecord, JobRecord, ModelCatalog } from '../../../application/ports.ts';
import { writeA1111Text } from '../../../domain/provenance/a1111-text.ts';
import { SAMPLER, SCHEDULE } from '../../../domain/provenance/provenance.ts';

/** The object that A1111 sends as a JSON text in `info`; clients read the seeds from it. */
export function infoOf(
  { generation, jobs }: GenerationRecord,
  drawn: readonly JobRecord[],
  { models, software }: { readonly models: ModelCatalog; readonly software: string },
): Readonly<Record<string, unknown>> {
  const entry = models.list().find((one) => one.kind === 'usable' && one.facts.name === generation.model);
  const modelSha256 = entry?.kind === 'usable' ? entry.facts.weightsSha256 : undefined;
  const { prompt, negativePrompt, width, height, steps, guidanceScale, model, loras, image } = generation;
  const shown = drawn.length > 0 ? drawn : jobs.slice(0, 1);
  const tagged = prompt + loras.map(({ name, strength }) => ` <lora:${name}:${strength}>`).join('');
  const seeds = shown.map(({ job }) => job.seed);
  const textOf = (seed: number): string =>
    writeA1111Text({
      ...{
        prompt,
        negativePrompt,
        width,
        height,
        steps,
        guidanceScale,
        model,
        modelSha256,
        loras,
        seed,
        software,
        image,
      },
      ...{ sampler: SAMPLER, schedule: SCHEDULE },
    });
  return {
    prompt: tagged,
    all_prompts: seeds.map(() => tagged),
    negative_prompt: negativePrompt,
    all_negative_prompts: seeds.map(() => negativePrompt),
    seed: generation.seed,
    all_seeds: seeds,
    subseed: generation.seed,
    all_subseeds: seeds,
    subseed_strength: 0,
    width,
    height,
    sampler_name: SAMPLER,
    cfg_scale: Math.round((guidanceScale + 1) * 1e6) / 1e6,
    steps,
    batch_size: generation.count,
    restore_faces: false,
    face_restoration_model: null,
    sd_model_name: model,
    sd_model_hash: modelSha256?.slice(0, 10) ?? '',
    sd_vae_name: null,
    sd_vae_hash: null,
    seed_resize_from_w: -1,
    seed_resize_from_h: -1,
    denoising_strength: image?.strength ?? null,
    extra_generation_params: { 'Schedule type': SCHEDULE, ...(image && { 'Denoising strength': image.strength }) },
    index_of_first_image: 0,
    infotexts: seeds.map(textOf),
    styles: [],
    job_timestamp: timestamp(generation.createdAt),
    clip_skip: 1,
    is_using_inpainting_conditioning: false,
    version: software,
    generation_id: generation.id,
  };
}

/** `20261125131500`, as A1111 writes times. */
export function timestamp(ms: number): string {
  return new Date(ms).toISOString().replace(/\D/g, '').slice(0, 14);
}
