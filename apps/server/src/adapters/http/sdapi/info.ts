import { findModel } from '../../../application/find-model.ts';
import type { GenerationRecord, ModelCatalog } from '../../../application/ports.ts';
import type { Generation } from '../../../domain/generation.ts';
import { writeA1111Text } from '../../../domain/provenance/a1111-text.ts';
import { SAMPLER, SCHEDULE } from '../../../domain/provenance/provenance.ts';

interface InfoPorts {
  readonly models: ModelCatalog;
  readonly software: string;
}

/** The object that A1111 sends as a JSON text in `info`; clients read the seeds from it. The first record speaks for all. */
export function infoOf(
  records: readonly [GenerationRecord, ...GenerationRecord[]],
  ports: InfoPorts,
): Readonly<Record<string, unknown>> {
  const [{ generation, jobs }] = records;
  const { prompt, negativePrompt, width, height, steps, guidanceScale, model, loras, image } = generation;
  const modelSha256 = weightsOf(model, ports.models);
  const drawn = records.flatMap((record) =>
    record.jobs
      .filter(({ asset }) => asset !== undefined)
      .map(({ job }) => ({ of: record.generation, seed: job.seed })),
  );
  const shown = drawn.length > 0 ? drawn : jobs.slice(0, 1).map(({ job }) => ({ of: generation, seed: job.seed }));
  const tagged = prompt + loras.map(({ name, strength }) => ` <lora:${name}:${strength}>`).join('');
  const seeds = shown.map(({ seed }) => seed);
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
    batch_size: records.reduce((sum, { generation: { count } }) => sum + count, 0),
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
    infotexts: shown.map(({ of, seed }) => textOf(of, seed, { modelSha256, software: ports.software })),
    styles: [],
    job_timestamp: timestamp(generation.createdAt),
    clip_skip: 1,
    is_using_inpainting_conditioning: false,
    version: ports.software,
    generation_id: generation.id,
    generation_ids: records.map((record) => record.generation.id),
  };
}

function weightsOf(name: string, models: ModelCatalog): string | undefined {
  const found = findModel(models, name);
  return found.kind === 'usable' ? found.facts.weightsSha256 : undefined;
}

function textOf(
  { prompt, negativePrompt, width, height, steps, guidanceScale, model, loras, image }: Generation,
  seed: number,
  files: { readonly modelSha256: string | undefined; readonly software: string },
): string {
  const settings = { prompt, negativePrompt, width, height, steps, guidanceScale, model, loras, image };
  return writeA1111Text({ ...settings, ...files, seed, sampler: SAMPLER, schedule: SCHEDULE });
}

/** `20261125131500`, as A1111 writes times. */
export function timestamp(ms: number): string {
  return new Date(ms).toISOString().replace(/\D/g, '').slice(0, 14);
}
