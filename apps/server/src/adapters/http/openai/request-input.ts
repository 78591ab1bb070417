import { type GenerationRequest, generationRequestSchema } from '@imagemill/api';
import type { ModelFacts } from '../../../domain/model.ts';
import { validationError } from '../validation.ts';
import type { ImageRequest } from './schema.ts';

/**
 * The request as the native API has it, so that the same bounds hold.
 * @throws AppError `validation_failed`
 */
export function nativeRequest(
  body: ImageRequest,
  model: ModelFacts,
  priority: GenerationRequest['priority'] = 'interactive',
): GenerationRequest {
  const input = {
    ...sizeOf(body, model),
    prompt: body.prompt,
    negativePrompt: body.negative_prompt,
    count: body.n,
    seed: body.seed,
    steps: body.num_inference_steps ?? stepsOf(body.quality, model),
    guidanceScale: body.guidance_scale,
    model: model.name,
    loras: body.lora,
    format: body.output_format,
    quality: Math.max(1, body.output_compression),
    priority,
  };
  const parsed = generationRequestSchema.safeParse(input);
  if (!parsed.success) throw validationError(parsed.error, input);
  return parsed.data;
}

function sizeOf({ size, width, height }: ImageRequest, { grain }: ModelFacts): { width?: number; height?: number } {
  const [, first, second] = /^(\d+)x(\d+)$/.exec(size) ?? [];
  const wide = width ?? (first === undefined ? undefined : Number(first));
  const high = height ?? (second === undefined ? undefined : Number(second));
  if (wide === undefined || high === undefined) return {};
  const toGrain = (side: number): number => Math.max(1, Math.round(side / grain)) * grain;
  return { width: toGrain(wide), height: toGrain(high) };
}

function stepsOf(quality: ImageRequest['quality'], { defaultSteps }: ModelFacts): number {
  if (quality === 'low') return Math.max(1, Math.round(defaultSteps / 2));
  return quality === 'high' || quality === 'hd' ? Math.min(100, Math.round(defaultSteps * 1.5)) : defaultSteps;
}
