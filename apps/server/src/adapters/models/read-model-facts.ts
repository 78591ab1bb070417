import { createHash } from 'node:crypto';
import { openCheckpoint, readManifest } from '@imagemill/diffusion';
import type { ModelFacts } from '../../domain/model.ts';
import { type DeviceChoice, offeredPrecisions } from './offered-precisions.ts';

export interface ModelToRead {
  readonly name: string;
  /** Folder of the checkpoint. */
  readonly path: string;
  readonly family: string;
}

export interface ReadFactsOptions extends DeviceChoice {
  /** Most pixels of one picture, whatever the model could do. */
  readonly maxPixels: number;
}

/**
 * What a client needs to know of a checkpoint, from its configuration files and the headers of its weights; nothing is
 * loaded.
 *
 * @throws DiffusionError as `openCheckpoint`, naming the file that is missing or damaged
 */
export async function readModelFacts(model: ModelToRead, options: ReadFactsOptions): Promise<ModelFacts> {
  const checkpoint = await openCheckpoint(model.path);
  const { transformer, vae, schedule } = checkpoint;
  const grain = transformer.config.patchSize * vae.config.factor;
  const [, rows = 512, columns = 512] = transformer.config.axesLens;
  const nativeSide = Math.max(grain, Math.floor(vae.config.sampleSize / grain) * grain);
  const { steps, guidanceScale } = schedule.shift >= BASE_MODEL_SHIFT ? BASE_DEFAULTS : TURBO_DEFAULTS;
  return {
    name: model.name,
    path: model.path,
    family: model.family,
    weightsSha256: await hashOfWeights(model.path),
    nativeWidth: nativeSide,
    nativeHeight: nativeSide,
    grain,
    maxSide: Math.min(rows, columns) * grain,
    maxPixels: options.maxPixels,
    defaultSteps: steps,
    defaultGuidanceScale: guidanceScale,
    precisions: offeredPrecisions(checkpoint, options),
  };
}

/**
 * SHA-256 of the lines `<sha256>  <path>` of the weight files, as sha256sum prints them, by path. Reading gigabytes to
 * hash them is left to `imagemill models verify --record`.
 */
async function hashOfWeights(folder: string): Promise<string | undefined> {
  try {
    const { files } = await readManifest(folder);
    const weights = files.filter(({ path }) => path.endsWith('.safetensors'));
    if (weights.length === 0) return undefined;
    const lines = weights.map(({ path, sha256 }) => `${sha256}  ${path}\n`).sort();
    return createHash('sha256').update(lines.join('')).digest('hex');
  } catch {
    return undefined;
  }
}

/** Turbo has shift 3, the base model 6; nothing else in the files tells them apart. */
const BASE_MODEL_SHIFT = 5;
const TURBO_DEFAULTS = { steps: 8, guidanceScale: 0 };
const BASE_DEFAULTS = { steps: 50, guidanceScale: 4 };
