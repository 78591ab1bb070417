import { z } from 'zod';
import { readJsonFile } from '../../checkpoint/json-file.ts';
import { DiffusionError } from '../../errors.ts';

/** Widths and depths of the denoiser (ZImageTransformer2DModel). */
export interface TransformerConfig {
  /** Channels of the latents. */
  readonly inChannels: number;
  readonly dim: number;
  readonly layers: number;
  /** Blocks of the noise refiner, and as many of the context refiner. */
  readonly refinerLayers: number;
  readonly heads: number;
  readonly headDim: number;
  readonly normEps: number;
  readonly qkNorm: boolean;
  /** Width of the caption features: the text encoder's hidden size. */
  readonly capFeatDim: number;
  readonly ropeTheta: number;
  /** Factor on the time in [0, 1] before its sinusoids. */
  readonly tScale: number;
  /** Width of the rotary embedding of each position axis; they add up to `headDim`. */
  readonly axesDims: readonly number[];
  /** Positions that each axis has. */
  readonly axesLens: readonly number[];
  /** Latent pixels along one side of a token. */
  readonly patchSize: number;
}

/** Qwen3, without its language-model head. */
export interface TextEncoderConfig {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly rmsNormEps: number;
  readonly ropeTheta: number;
  readonly vocabSize: number;
  readonly maxPositions: number;
  readonly tieWordEmbeddings: boolean;
}

/** AutoencoderKL. */
export interface VaeConfig {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly latentChannels: number;
  /** Channels of each level, from the picture inwards. */
  readonly blockOutChannels: readonly number[];
  readonly layersPerBlock: number;
  readonly normGroups: number;
  readonly midBlockAttention: boolean;
  /** latent = (encoded − shiftFactor) · scalingFactor */
  readonly scalingFactor: number;
  readonly shiftFactor: number;
  readonly sampleSize: number;
  readonly useQuantConv: boolean;
  readonly usePostQuantConv: boolean;
  /** Picture pixels along one side of a latent pixel: 2^(levels − 1). */
  readonly factor: number;
}

/** FlowMatchEulerDiscreteScheduler. */
export interface ScheduleConfig {
  readonly trainTimesteps: number;
  readonly shift: number;
  /** Bend by picture size (`baseShift` … `maxShift`) instead of by `shift`. */
  readonly useDynamicShifting: boolean;
  readonly baseShift: number;
  readonly maxShift: number;
  readonly baseImageSeqLen: number;
  readonly maxImageSeqLen: number;
  readonly timeShiftType: 'exponential' | 'linear';
  /** Last sigma before 0 that the schedule is stretched to; undefined leaves it. */
  readonly shiftTerminal: number | undefined;
}

const natural = z.int().min(1);
const positive = z.number().positive();
const list = z.array(natural).min(1);

// Defaults are those of the classes that write the files, for keys that old writers left out.
const transformerSchema = z.object({
  _class_name: z.string(),
  all_patch_size: list.default([2]),
  all_f_patch_size: list.default([1]),
  in_channels: natural.default(16),
  dim: natural.default(3840),
  n_layers: natural.default(30),
  n_refiner_layers: z.int().min(0).default(2),
  n_heads: natural.default(30),
  n_kv_heads: natural.default(30),
  norm_eps: positive.default(1e-5),
  qk_norm: z.boolean().default(true),
  cap_feat_dim: natural.default(2560),
  siglip_feat_dim: z.unknown().optional(),
  rope_theta: positive.default(256),
  t_scale: positive.default(1000),
  axes_dims: list.default([32, 48, 48]),
  axes_lens: list.default([1024, 512, 512]),
});

/**
 * Reads `transformer/config.json`.
 *
 * @throws DiffusionError `checkpoint_file_missing`, `checkpoint_config_invalid`, `checkpoint_unsupported`
 */
export async function readTransformerConfig(file: string): Promise<TransformerConfig> {
  const raw = await readJsonFile(file, transformerSchema);
  requireValue(file, '_class_name', raw._class_name, ['ZImageTransformer2DModel']);
  requireValue(file, 'siglip_feat_dim', raw.siglip_feat_dim, [undefined, null]);
  requireValue(file, 'n_kv_heads', raw.n_kv_heads, [raw.n_heads]);
  requireValue(file, 'all_f_patch_size', JSON.stringify(raw.all_f_patch_size), ['[1]']);
  const [patchSize = 2, ...otherPatchSizes] = raw.all_patch_size;
  if (otherPatchSizes.length > 0) throw unsupported(file, 'all_patch_size', raw.all_patch_size, 'a single patch size');
  const headDim = raw.dim / raw.n_heads;
  const axesSum = raw.axes_dims.reduce((sum, dim) => sum + dim, 0);
  requireRule(file, Number.isInteger(headDim), `dim ${raw.dim} is not a multiple of n_heads ${raw.n_heads}`);
  requireRule(file, axesSum === headDim, `axes_dims [${raw.axes_dims}] do not add up to dim / n_heads = ${headDim}`);
  requireRule(file, raw.axes_dims.length === 3, `axes_dims [${raw.axes_dims}] are not three (caption, row, column)`);
  requireRule(file, raw.axes_lens.length === 3, `axes_lens [${raw.axes_lens}] are not three (caption, row, column)`);
  requireRule(
    file,
    raw.axes_dims.every((dim) => dim % 2 === 0),
    `axes_dims [${raw.axes_dims}] are not all even`,
  );
  return Object.freeze({
    inChannels: raw.in_channels,
    dim: raw.dim,
    layers: raw.n_layers,
    refinerLayers: raw.n_refiner_layers,
    heads: raw.n_heads,
    headDim,
    normEps: raw.norm_eps,
    qkNorm: raw.qk_norm,
    capFeatDim: raw.cap_feat_dim,
    ropeTheta: raw.rope_theta,
    tScale: raw.t_scale,
    axesDims: Object.freeze(raw.axes_dims),
    axesLens: Object.freeze(raw.axes_lens),
    patchSize,
  });
}

/** Hidden width of a feed-forward layer of the transformer: `int(dim / 3 · 8)`, in floating point as upstream. */
export function feedForwardWidth(dim: number): number {
  return Math.trunc((dim / 3) * 8);
}

/** Width of the time embedding that steers the blocks; 256 is a constant of the architecture. */
export function timeEmbeddingWidth(dim: number): number {
  return Math.min(dim, 256);
}

const ropeSchema = z.object({
  rope_theta: positive.optional(),
  rope_type: z.string().optional(),
  type: z.string().optional(),
});

const textEncoderSchema = z.object({
  model_type: z.string(),
  hidden_size: natural,
  intermediate_size: natural,
  num_hidden_layers: z.int().min(2, 'at least 2, because the features are those before the last layer'),
  num_attention_heads: natural,
  num_key_value_heads: natural.nullish(),
  head_dim: natural.default(128),
  hidden_act: z.string().default('silu'),
  rms_norm_eps: positive.default(1e-6),
  rope_theta: positive.optional(),
  rope_scaling: ropeSchema.nullish(),
  rope_parameters: ropeSchema.nullish(),
  vocab_size: natural,
  max_position_embeddings: natural.default(32_768),
  attention_bias: z.boolean().default(false),
  use_sliding_window: z.boolean().default(false),
  layer_types: z.array(z.string()).nullish(),
  tie_word_embeddings: z.boolean().default(false),
});

/**
 * Reads `text_encoder/config.json`, with `rope_theta` at the top (transformers 4) or in `rope_parameters` (5).
 *
 * @throws DiffusionError `checkpoint_file_missing`, `checkpoint_config_invalid`, `checkpoint_unsupported`
 */
export async function readTextEncoderConfig(file: string): Promise<TextEncoderConfig> {
  const raw = await readJsonFile(file, textEncoderSchema);
  requireValue(file, 'model_type', raw.model_type, ['qwen3']);
  requireValue(file, 'hidden_act', raw.hidden_act, ['silu']);
  requireValue(file, 'attention_bias', raw.attention_bias, [false]);
  requireValue(file, 'use_sliding_window', raw.use_sliding_window, [false]);
  for (const rope of [raw.rope_parameters, raw.rope_scaling]) {
    requireValue(file, 'rope_type', rope?.rope_type ?? rope?.type ?? 'default', ['default']);
  }
  for (const type of raw.layer_types ?? []) requireValue(file, 'layer_types', type, ['full_attention']);
  const heads = raw.num_attention_heads;
  const kvHeads = raw.num_key_value_heads ?? heads;
  requireRule(file, heads % kvHeads === 0, `${heads} attention heads cannot share ${kvHeads} key-value heads`);
  requireRule(file, raw.head_dim % 2 === 0, `head_dim ${raw.head_dim} is odd`);
  return Object.freeze({
    hiddenSize: raw.hidden_size,
    intermediateSize: raw.intermediate_size,
    layers: raw.num_hidden_layers,
    heads,
    kvHeads,
    headDim: raw.head_dim,
    rmsNormEps: raw.rms_norm_eps,
    ropeTheta: raw.rope_parameters?.rope_theta ?? raw.rope_theta ?? 10_000,
    vocabSize: raw.vocab_size,
    maxPositions: raw.max_position_embeddings,
    tieWordEmbeddings: raw.tie_word_embeddings,
  });
}

const vaeSchema = z.object({
  _class_name: z.string(),
  in_channels: natural.default(3),
  out_channels: natural.default(3),
  down_block_types: z.array(z.string()).default(['DownEncoderBlock2D']),
  up_block_types: z.array(z.string()).default(['UpDecoderBlock2D']),
  block_out_channels: list.default([64]),
  layers_per_block: natural.default(1),
  act_fn: z.string().default('silu'),
  latent_channels: natural.default(4),
  norm_num_groups: natural.default(32),
  sample_size: natural.default(32),
  scaling_factor: positive.default(0.18215),
  shift_factor: z.number().nullish(),
  latents_mean: z.unknown().optional(),
  latents_std: z.unknown().optional(),
  use_quant_conv: z.boolean().default(true),
  use_post_quant_conv: z.boolean().default(true),
  mid_block_add_attention: z.boolean().default(true),
});

/**
 * Reads `vae/config.json`.
 *
 * @throws DiffusionError `checkpoint_file_missing`, `checkpoint_config_invalid`, `checkpoint_unsupported`
 */
export async function readVaeConfig(file: string): Promise<VaeConfig> {
  const raw = await readJsonFile(file, vaeSchema);
  requireValue(file, '_class_name', raw._class_name, ['AutoencoderKL']);
  requireValue(file, 'act_fn', raw.act_fn, ['silu']);
  requireValue(file, 'latents_mean', raw.latents_mean, [undefined, null]);
  requireValue(file, 'latents_std', raw.latents_std, [undefined, null]);
  for (const type of raw.down_block_types) requireValue(file, 'down_block_types', type, ['DownEncoderBlock2D']);
  for (const type of raw.up_block_types) requireValue(file, 'up_block_types', type, ['UpDecoderBlock2D']);
  requireValue(file, 'in_channels', raw.in_channels, [3]);
  requireValue(file, 'out_channels', raw.out_channels, [3]);
  const levels = raw.block_out_channels.length;
  const lists = [raw.down_block_types.length, raw.up_block_types.length];
  requireRule(
    file,
    lists.every((length) => length === levels),
    `block_out_channels has ${levels} levels, the block types have ${lists.join(' and ')}`,
  );
  const groups = raw.norm_num_groups;
  const uneven = raw.block_out_channels.filter((channels) => channels % groups !== 0);
  requireRule(file, uneven.length === 0, `channels ${uneven} are no multiple of norm_num_groups ${groups}`);
  return Object.freeze({
    inChannels: raw.in_channels,
    outChannels: raw.out_channels,
    latentChannels: raw.latent_channels,
    blockOutChannels: Object.freeze(raw.block_out_channels),
    layersPerBlock: raw.layers_per_block,
    normGroups: groups,
    midBlockAttention: raw.mid_block_add_attention,
    scalingFactor: raw.scaling_factor,
    shiftFactor: raw.shift_factor ?? 0,
    sampleSize: raw.sample_size,
    useQuantConv: raw.use_quant_conv,
    usePostQuantConv: raw.use_post_quant_conv,
    factor: 2 ** (levels - 1),
  });
}

const flag = z.boolean().nullish();

const scheduleSchema = z.object({
  _class_name: z.string(),
  num_train_timesteps: natural.default(1000),
  shift: positive.default(1),
  use_dynamic_shifting: z.boolean().default(false),
  base_shift: z.number().nullish(),
  max_shift: z.number().nullish(),
  base_image_seq_len: natural.default(256),
  max_image_seq_len: natural.default(4096),
  time_shift_type: z.enum(['exponential', 'linear']).default('exponential'),
  shift_terminal: z.number().min(0).lt(1).nullish(),
  invert_sigmas: flag,
  stochastic_sampling: flag,
  use_karras_sigmas: flag,
  use_exponential_sigmas: flag,
  use_beta_sigmas: flag,
});

/**
 * Reads `scheduler/scheduler_config.json`.
 *
 * @throws DiffusionError `checkpoint_file_missing`, `checkpoint_config_invalid`, `checkpoint_unsupported`
 */
export async function readScheduleConfig(file: string): Promise<ScheduleConfig> {
  const raw = await readJsonFile(file, scheduleSchema);
  requireValue(file, '_class_name', raw._class_name, ['FlowMatchEulerDiscreteScheduler']);
  for (const key of [
    'invert_sigmas',
    'stochastic_sampling',
    'use_karras_sigmas',
    'use_exponential_sigmas',
    'use_beta_sigmas',
  ] as const) {
    requireValue(file, key, raw[key] ?? false, [false]);
  }
  const { base_image_seq_len: base, max_image_seq_len: max } = raw;
  requireRule(file, base !== max, `base_image_seq_len and max_image_seq_len are both ${base}`);
  return Object.freeze({
    trainTimesteps: raw.num_train_timesteps,
    shift: raw.shift,
    useDynamicShifting: raw.use_dynamic_shifting,
    baseShift: raw.base_shift ?? 0.5,
    maxShift: raw.max_shift ?? 1.15,
    baseImageSeqLen: base,
    maxImageSeqLen: max,
    timeShiftType: raw.time_shift_type,
    shiftTerminal: raw.shift_terminal || undefined,
  });
}

/** Refuses values whose arithmetic is not the one that the graphs compute. */
function requireValue(file: string, key: string, value: unknown, accepted: readonly unknown[]): void {
  if (accepted.includes(value)) return;
  const expected = accepted.filter((item) => item !== undefined).map((item) => JSON.stringify(item));
  throw unsupported(file, key, value, expected.join(' or '));
}

function unsupported(file: string, key: string, value: unknown, expected: string): DiffusionError {
  const found = JSON.stringify(value);
  const message = `${file} has ${key} = ${found}, which this engine cannot compute. ${expected} is expected.`;
  return new DiffusionError('checkpoint_unsupported', message, { details: { file, key, value } });
}

/** Refuses values that contradict each other. */
function requireRule(file: string, holds: boolean, contradiction: string): void {
  if (holds) return;
  const message = `${file} contradicts itself: ${contradiction}. Pull the model again.`;
  throw new DiffusionError('checkpoint_config_invalid', message, { details: { file, contradiction } });
}
