import type { Weights } from '../../checkpoint/weights.ts';

/** Layers `from` to `to` (excluded). */
export interface LayerRange {
  readonly from: number;
  readonly to: number;
}

/**
 * Layers per session: at most four, and about 512 MB of weights as computed with, so that memory stays fine-grained.
 * @param weights with keys `layers.<n>.…`
 */
export function layerRanges(layers: number, weights: Weights): LayerRange[] {
  const layerBytes = weights
    .names()
    .filter((name) => name.startsWith('layers.0.'))
    .reduce((sum, name) => sum + 4 * weights.get(name).shape.reduce((product, size) => product * size, 1), 0);
  const size = Math.min(4, Math.max(1, Math.floor(2 ** 29 / layerBytes)));
  const ranges: LayerRange[] = [];
  for (let from = 0; from < layers; from += size) ranges.push({ from, to: Math.min(from + size, layers) });
  return ranges;
}
