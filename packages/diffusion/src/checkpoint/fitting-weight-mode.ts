import type { WeightMode } from '../runtime.ts';
import type { Checkpoint } from './checkpoint.ts';
import { elementCountOf } from './model-bytes.ts';

/** Part of the machine's memory that a model may take as f32; the rest is for activations and for others. */
const shareOfMemory = 0.25;

/**
 * `packed` for a model that fits into a quarter of the memory as f32, where it draws fastest; `mapped` for a larger
 * one, which then loads at once and leaves the memory to others.
 * @param memoryBytes of the machine
 */
export function fittingWeightMode(checkpoint: Checkpoint, memoryBytes: number): WeightMode {
  return 4 * elementCountOf(checkpoint) <= shareOfMemory * memoryBytes ? 'packed' : 'mapped';
}
