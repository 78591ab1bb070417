import { combineGuidance, type GuidanceSettings, isGuided } from './guidance.ts';
import { type KeptPart, keepOutside } from './inpaint.ts';
import type { AppliedLora } from './lora/lora-batch.ts';
import { eulerStep } from './samplers/euler.ts';
import type { Schedule } from './schedule.ts';

/** Size of a latent in patches of the model. */
export interface LatentGrid {
  readonly rows: number;
  readonly columns: number;
}

/** A prompt as the denoiser takes it; computed once, used at every step. */
export interface Caption {
  /** Rows, padded to a multiple of 32; the padding is part of the caption. */
  readonly tokens: number;
  /** `[tokens, dim]` */
  readonly rows: Float32Array;
}

/** One row of a forward. */
export interface DenoiserInput {
  /** `[channels, height, width]` */
  readonly latent: Float32Array;
  /** 1 − sigma: 0 is pure noise. */
  readonly time: number;
  readonly caption: Caption;
  /** @default none */
  readonly loras?: readonly AppliedLora[] | undefined;
}

/** One picture on its way from noise to latent. The loop owns `latent` and `step`. */
export interface DenoiseItem {
  readonly grid: LatentGrid;
  /** f32 `[channels, height, width]`, changed in place. */
  readonly latent: Float32Array;
  readonly schedule: Schedule;
  /** Steps done, 0 to `schedule.steps`. */
  step: number;
  readonly caption: Caption;
  /** Present when guidance is on. */
  readonly negative: Caption | undefined;
  readonly guidance: GuidanceSettings;
  /** Adapters of this picture. @default none */
  readonly loras?: readonly AppliedLora[] | undefined;
  /** What stays as it is. @default nothing */
  readonly kept?: KeptPart | undefined;
}

/** The model as the loop sees it: one forward over a batch of one size. */
export interface Denoiser {
  predict(inputs: readonly DenoiserInput[], grid: LatentGrid, signal?: AbortSignal): Promise<Float32Array[]>;
}

/** What a step leaves behind beside the moved latents. */
export interface StepResult {
  /** For each item its velocity, from which `estimatePicture` guesses the end. */
  readonly velocities: readonly Float32Array[];
}

/**
 * Moves every item of a group by one step: items share the size and may stand at different steps.
 *
 * The model's output y points from noise to picture, so the velocity is −y; guided items take two rows of the batch.
 * A cancelled forward leaves all items where they were.
 */
export async function denoiseStep(
  denoiser: Denoiser,
  items: readonly DenoiseItem[],
  signal?: AbortSignal,
): Promise<StepResult> {
  const [first] = items;
  if (first === undefined) return { velocities: [] };
  const inputs = items.flatMap((item) => inputsOf(item));
  const outputs = await denoiser.predict(inputs, first.grid, signal);
  let at = 0;
  const velocities = items.map((item) => {
    const negative = negativeOf(item);
    const output = outputs[at] ?? new Float32Array();
    const against = negative === undefined ? undefined : outputs[at + 1];
    at += negative === undefined ? 1 : 2;
    const combined =
      against === undefined ? output : combineGuidance({ positive: output, negative: against }, item.guidance);
    for (let index = 0; index < combined.length; index += 1) combined[index] = -combined[index]!;
    const { sigmas } = item.schedule;
    eulerStep(item.latent, combined, sigmas[item.step]!, sigmas[item.step + 1]!);
    item.step += 1;
    if (item.kept !== undefined) keepOutside(item.latent, item.kept, sigmas[item.step]!);
    return combined;
  });
  return { velocities };
}

/** Rows of the batch that an item takes at its present step: two when it is guided. */
export function rowsOf(item: DenoiseItem): number {
  return negativeOf(item) === undefined ? 1 : 2;
}

/**
 * The picture that the flow points to, after a step: latent − sigma · velocity.
 * @returns `[channels, height, width]`
 */
export function estimatePicture(item: DenoiseItem, velocity: Float32Array): Float32Array {
  const sigma = item.schedule.sigmas[item.step]!;
  return item.latent.map((value, at) => value - sigma * velocity[at]!);
}

function inputsOf(item: DenoiseItem): DenoiserInput[] {
  const time = item.schedule.times[item.step]!;
  const negative = negativeOf(item);
  const positive = { latent: item.latent, time, caption: item.caption, loras: item.loras };
  return negative === undefined ? [positive] : [positive, { ...positive, caption: negative }];
}

function negativeOf(item: DenoiseItem): Caption | undefined {
  return isGuided(item.guidance, item.schedule.times[item.step]!) ? item.negative : undefined;
}
