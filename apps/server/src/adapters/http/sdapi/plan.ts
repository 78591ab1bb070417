import { type GenerationRequest, generationRequestSchema, type PictureFormat } from '@imagemill/api';
import { findModel } from '../../../application/find-model.ts';
import type { ModelCatalog } from '../../../application/ports.ts';
import type { ModelFacts } from '../../../domain/model.ts';
import { takeLoraTags } from '../../../domain/provenance/a1111-text.ts';
import type { PictureSize } from '../../../domain/size-policy.ts';
import { validationError } from '../validation.ts';
import { SdapiError } from './errors.ts';
import type { ClientOptionValues, DrawingRequest } from './request.ts';
import { isKnownSampler } from './samplers.ts';

export interface PlanContext {
  readonly models: ModelCatalog;
  /** Those of the key, with what the request sets in their place. */
  readonly options: ClientOptionValues;
  /** The size of pictures where the request names none. @default the model's own */
  readonly native?: PictureSize | undefined;
}

/**
 * The generation that a request of A1111 means. What is left out gets the model's own value rather than A1111's, whose
 * defaults (50 steps, scale 7) are those of another family.
 *
 * @throws SdapiError `Sampler not found`, scripts; AppError `validation_failed`
 */
export function planGeneration(body: DrawingRequest, { models, options, native }: PlanContext): GenerationRequest {
  refuseUnknown(body);
  const model = findCheckpoint(models, options.sd_model_checkpoint);
  const { prompt, loras } = takeLoraTags(body.prompt ?? '');
  const seed = body.seed ?? -1;
  const input = {
    prompt,
    negativePrompt: body.negative_prompt ?? '',
    count: (body.batch_size ?? 1) * (body.n_iter ?? 1),
    ...sizeOf(body, model, native),
    seed: seed === -1 ? undefined : seed,
    steps: body.steps ?? undefined,
    // Theirs is neg + s·(pos − neg), where 1 is off; up to 1 means off.
    guidanceScale: body.cfg_scale == null ? undefined : Math.max(0, Math.round((body.cfg_scale - 1) * 1e6) / 1e6),
    model: model?.name,
    loras: loras.map(({ name, strength }) => ({ name, strength })),
    format: formatOf(options.samples_format),
    quality: options.jpeg_quality ?? undefined,
  };
  const parsed = generationRequestSchema.safeParse(input);
  if (!parsed.success) throw validationError(parsed.error, input);
  return parsed.data;
}

/** The model that a title, a name or a hash stands for; undefined for none asked. */
export function findCheckpoint(models: ModelCatalog, wanted: string | null | undefined): ModelFacts | undefined {
  const usable = models.list().flatMap((entry) => (entry.kind === 'usable' ? [entry.facts] : []));
  if (wanted === undefined || wanted === null || wanted === '') return usable[0];
  const name = wanted.replace(/\s*\[[0-9a-f]*\]\s*$/i, '').replace(/\.(safetensors|ckpt)$/i, '');
  const named = findModel(models, name);
  if (named.kind === 'usable') return { ...named.facts, name };
  const found = usable.find((facts) => facts.weightsSha256?.startsWith(wanted.toLowerCase()));
  if (found === undefined) throw new SdapiError(404, `Checkpoint not found: ${wanted.slice(0, 200)}`);
  return found;
}

/** @throws SdapiError for samplers and scripts that are not there */
export function refuseUnknown(body: DrawingRequest): void {
  // `sampler_index` is its old name.
  const sampler = body.sampler_name ?? body.sampler_index ?? '';
  if (sampler !== '' && !isKnownSampler(sampler)) throw new SdapiError(404, 'Sampler not found');
  const script = body.script_name ?? '';
  if (script !== '') throw new SdapiError(422, `Script '${script.slice(0, 100)}' not found`);
  for (const [name, { args }] of Object.entries(body.alwayson_scripts ?? {})) {
    if (isOn(args ?? [])) throw new SdapiError(422, `always on script ${name.slice(0, 100)} not found`);
  }
}

/** Clients name ControlNet without units, or with such as are off, as a matter of course; ADetailer begins with a switch. */
function isOn(args: readonly unknown[]): boolean {
  const isOff = (unit: unknown): boolean =>
    unit == null || unit === false || (typeof unit === 'object' && 'enabled' in unit && unit.enabled === false);
  return args[0] !== false && !args.every(isOff);
}

/**
 * Sides on the model's grain: A1111 takes multiples of 8, we round to the nearest. With `enable_hr` the picture is
 * drawn at its final size in one pass.
 */
function sizeOf(
  body: DrawingRequest,
  model: ModelFacts | undefined,
  native: PictureSize | undefined,
): { width?: number; height?: number } {
  const grain = model?.grain ?? 1;
  const factor = body.enable_hr === true ? (body.hr_scale ?? 2) : 1;
  const toGrain = (side: number): number => Math.max(grain, Math.round(side / grain) * grain);
  const sideOf = (side: number | null | undefined, resized: number | null | undefined, own: number | undefined) => {
    if (body.enable_hr === true && resized != null && resized > 0) return toGrain(resized);
    const first = side == null || side === 0 ? own : side;
    return first === undefined ? undefined : toGrain(first * factor);
  };
  const width = sideOf(body.width, body.hr_resize_x, native?.width ?? model?.nativeWidth);
  const height = sideOf(body.height, body.hr_resize_y, native?.height ?? model?.nativeHeight);
  return width === undefined || height === undefined ? {} : { width, height };
}

function formatOf(name: string | null | undefined): PictureFormat {
  switch (name?.toLowerCase()) {
    case 'jpg':
    case 'jpeg':
      return 'jpeg';
    case 'webp':
      return 'webp';
    default:
      return 'png';
  }
}
