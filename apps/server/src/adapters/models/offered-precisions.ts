import { totalmem } from 'node:os';
import { type Checkpoint, fittingWeightMode, modelBytes } from '@imagemill/diffusion';
import { type Precision, type PrecisionFacts, precisions } from '../../domain/model.ts';

export interface DeviceChoice {
  /** As configured. */
  readonly device: string;
  readonly weights: 'auto' | Precision;
}

/**
 * The precisions in which a device holds a model, that of the settings first. Devices other than the CPU hold weights
 * in one way; there is nothing to choose there.
 */
export function offeredPrecisions(checkpoint: Checkpoint, { device, weights }: DeviceChoice): PrecisionFacts[] {
  if (device !== 'cpu') return [];
  const first = weights === 'auto' ? fittingWeightMode(checkpoint, totalmem()) : weights;
  const all = [first, ...precisions.filter((precision) => precision !== first)];
  return all.map((precision) => ({ precision, bytes: modelBytes(checkpoint, precision) }));
}
