import type { WeightMode } from '../runtime.ts';
import type { Checkpoint } from './checkpoint.ts';

/**
 * Bytes of memory that the weights of a model take in a mode, from the shapes of its tensors. Mapped weights lie in
 * the cache of the operating system, which gives them back under pressure: they count as nothing.
 */
export function modelBytes(checkpoint: Checkpoint, mode: WeightMode): number {
  return Math.ceil(elementCountOf(checkpoint) * bytesPerWeight[mode]);
}

/** Numbers in all tensors of a model. */
export function elementCountOf(checkpoint: Checkpoint): number {
  return [checkpoint.transformer, checkpoint.textEncoder, checkpoint.vae].reduce(
    (sum, { weights }) => sum + weights.names().reduce((own, name) => own + elements(weights.get(name).shape), 0),
    0,
  );
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Measured on models/demo: what a runtime lays out beside its weights adds 15 % to packed ones. */
const bytesPerWeight: Readonly<Record<WeightMode, number>> = { mapped: 0, packed: 4.6, fp16: 2.1, w8a8: 1.1 };
