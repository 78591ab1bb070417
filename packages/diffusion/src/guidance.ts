/** Settings of classifier-free guidance, in the convention of Z-Image: 0 is off. */
export interface GuidanceSettings {
  /** g in `positive + g · (positive − negative)`. The usual scale `s` of `negative + s · (…)` is g + 1. */
  readonly scale: number;
  /** Greatest length of the result relative to the positive prediction; 0 leaves it. @default 0 */
  readonly normalization?: number;
  /** Steps whose time (1 − sigma) is greater run unguided; above 1 none do. @default 1 */
  readonly truncation?: number;
}

/** True when the step at `time` (1 − sigma, in [0, 1]) needs the negative prediction. */
export function isGuided(settings: GuidanceSettings, time: number): boolean {
  const { scale, truncation = 1 } = settings;
  return scale > 0 && !(truncation <= 1 && time > truncation);
}

export interface Predictions {
  /** Prediction for the prompt; overwritten by the result. */
  readonly positive: Float32Array;
  /** Prediction for the negative prompt, of the same length. */
  readonly negative: Float32Array;
}

/**
 * Combines both predictions of one picture, into `positive`: p + g · (p − n), then scaled down to
 * `normalization` · ‖p‖ if it is longer (L2 over the whole picture). Returns `positive`.
 */
export function combineGuidance(predictions: Predictions, settings: GuidanceSettings): Float32Array {
  const { positive, negative } = predictions;
  const { scale, normalization = 0 } = settings;
  let positiveSquares = 0;
  let combinedSquares = 0;
  for (let i = 0; i < positive.length; i++) {
    const p = positive[i]!;
    const combined = Math.fround(p + Math.fround(scale * Math.fround(p - negative[i]!)));
    positiveSquares += p * p;
    combinedSquares += combined * combined;
    positive[i] = combined;
  }
  const limit = Math.sqrt(positiveSquares) * normalization;
  const length = Math.sqrt(combinedSquares);
  if (normalization > 0 && length > limit) {
    const factor = Math.fround(limit / length);
    for (let i = 0; i < positive.length; i++) positive[i] = positive[i]! * factor;
  }
  return positive;
}
