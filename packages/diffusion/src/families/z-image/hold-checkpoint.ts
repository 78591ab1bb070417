import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import { type HeldForm, type HoldProgress, holdWeights } from '../../checkpoint/held-weights.ts';
import type { ComponentName, Weights } from '../../checkpoint/weights.ts';
import type { Runtime } from '../../runtime.ts';
import { isUnusedTextEncoderTensor } from './expected-tensors.ts';

export interface HoldCheckpointOptions {
  /** Folder of converted weights; needed by the modes `fp16` and `w8a8`. */
  readonly cacheDir?: string | undefined;
  readonly onProgress?: (progress: HoldProgress) => void;
}

/**
 * The checkpoint with its weights held as the runtime's mode asks: as they are for `mapped` and `packed`, converted once
 * and kept on the disk for `fp16` and `w8a8`.
 * @throws DiffusionError as `holdWeights`
 */
export async function holdCheckpoint(
  checkpoint: Checkpoint,
  runtime: Runtime,
  { cacheDir, onProgress }: HoldCheckpointOptions = {},
): Promise<Checkpoint> {
  const mode = runtime.weights;
  if (mode === 'mapped' || mode === 'packed') return checkpoint;
  const hold = (weights: Weights): Promise<Weights> => {
    const unused = weights.component === 'text_encoder' ? isUnusedTextEncoderTensor : () => false;
    const formOf = (name: string): HeldForm =>
      unused(checkpoint.textEncoder.config, name) ? 'own' : heldForm(weights, name, mode);
    return holdWeights(weights, { mode, formOf, integer: runtime.forms.integer ?? 'u8', cacheDir, onProgress });
  };
  const { transformer, textEncoder } = checkpoint;
  return Object.freeze({
    ...checkpoint,
    transformer: { ...transformer, weights: await hold(transformer.weights) },
    textEncoder: { ...textEncoder, weights: await hold(textEncoder.weights) },
  });
}

/**
 * Vectors (norms, biases) are always exact, and so is the VAE, which is 1 % of the model and shows every rounding (f16
 * weights there cost more than 8-bit ones in the transformer). `fp16` takes all other matrices; `w8a8` the linear layers
 * of the blocks, 98 % of the weights: embedders, modulation and final layer are known to be sensitive.
 */
export function heldForm(weights: Weights, name: string, mode: 'fp16' | 'w8a8'): HeldForm {
  if (weights.get(name).shape.length < 2) return 'own';
  if (mode === 'fp16') return 'f16';
  return quantised[weights.component]?.test(name) ? 'quantised' : 'own';
}

const quantised: Readonly<Partial<Record<ComponentName, RegExp>>> = {
  transformer:
    /^(layers|noise_refiner|context_refiner)\.\d+\.(attention\.to_(q|k|v|out\.0)|feed_forward\.w[123])\.weight$/,
  text_encoder: /^layers\.\d+\.(self_attn\.[qkvo]_proj|mlp\.(gate|up|down)_proj)\.weight$/,
};
