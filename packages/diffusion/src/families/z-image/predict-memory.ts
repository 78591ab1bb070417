import type { AttentionForm } from '@imagemill/onnx';
import type { TransformerConfig } from './config.ts';

/** What one forward of the transformer is asked to hold. */
export interface StepLoad {
  /** Of one row: picture and caption. */
  readonly tokens: number;
  readonly rows: number;
}

/**
 * Bytes that one forward holds beside the weights: the widest moment of a block, f32. Eight tensors of the model's
 * width are alive there (residual, norm, query, key, value, their rotated forms) and three of the feed-forward's; a
 * primitive attention holds its scores twice.
 */
export function stepPeakBytes(config: TransformerConfig, load: StepLoad, attention: AttentionForm): number {
  const { dim, heads } = config;
  const { tokens, rows } = load;
  const hidden = Math.ceil((dim * 8) / 3);
  const scores = attention === 'fused' ? 0 : 2 * heads * tokens ** 2;
  return 4 * rows * (tokens * (8 * dim + 3 * hidden) + scores);
}
