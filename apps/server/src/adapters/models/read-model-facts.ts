import { openCheckpoint } from '@imagemill/diffusion';
import type { ModelFacts } from '../../domain/model.ts';

export interface ModelToRead {
  readonly name: string;
  /** Folder of the checkpoint. */
  readonly path: string;
  readonly family: string;
}

/**
 * What a client needs to know of a checkpoint, from its configuration files and the headers of its weights; nothing is
 * loaded.
 *
 * @param maxPixels most pixels of one picture, whatever the model could do
 * @throws DiffusionError as `openCheckpoint`, naming the file that is missing or damaged
 */
export async function readModelFacts(model: ModelToRead, maxPixels: number): Promise<ModelFacts> {
  const { transformer, vae, schedule } = await openCheckpoint(model.path);
  const grain = transformer.config.patchSize * vae.config.factor;
  const [, rows = 512, columns = 512] = transformer.config.axesLens;
  const nativeSide = Math.max(grain, Math.floor(vae.config.sampleSize / grain) * grain);
  const { steps, guidanceScale } = schedule.shift >= BASE_MODEL_SHIFT ? BASE_DEFAULTS : TURBO_DEFAULTS;
  return {
    name: model.name,
    path: model.path,
    family: model.family,
    nativeWidth: nativeSide,
    nativeHeight: nativeSide,
    grain,
    maxSide: Math.min(rows, columns) * grain,
    maxPixels,
    defaultSteps: steps,
    defaultGuidanceScale: guidanceScale,
  };
}

/** Turbo has shift 3, the base model 6; nothing else in the files tells them apart. */
const BASE_MODEL_SHIFT = 5;
const TURBO_DEFAULTS = { steps: 8, guidanceScale: 0 };
const BASE_DEFAULTS = { steps: 50, guidanceScale: 4 };
