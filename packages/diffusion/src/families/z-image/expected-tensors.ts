import {
  feedForwardWidth,
  type TextEncoderConfig,
  type TransformerConfig,
  timeEmbeddingWidth,
  type VaeConfig,
} from './config.ts';

/** Tensor names and shapes as the official checkpoint stores them. */
export type ExpectedTensors = ReadonlyMap<string, readonly number[]>;

type Tensors = Map<string, readonly number[]>;

/** Width of the sinusoids and of the hidden layer of the time embedder; constants of the architecture. */
const timeSinusoids = 256;
const timeHidden = 1024;

/** Names and shapes of the transformer's tensors: 521 for the released model. */
export function expectedTransformerTensors(config: TransformerConfig): ExpectedTensors {
  const { dim, capFeatDim, refinerLayers, layers, patchSize } = config;
  const time = timeEmbeddingWidth(dim);
  const patchWidth = patchSize * patchSize * config.inChannels;
  const key = `${patchSize}-1`;
  const out: Tensors = new Map();
  out.set('x_pad_token', [1, dim]);
  out.set('cap_pad_token', [1, dim]);
  linear(out, `all_x_embedder.${key}`, patchWidth, dim);
  linear(out, `all_final_layer.${key}.linear`, dim, patchWidth);
  linear(out, `all_final_layer.${key}.adaLN_modulation.1`, time, dim);
  linear(out, 't_embedder.mlp.0', timeSinusoids, timeHidden);
  linear(out, 't_embedder.mlp.2', timeHidden, time);
  out.set('cap_embedder.0.weight', [capFeatDim]);
  linear(out, 'cap_embedder.1', capFeatDim, dim);
  for (let i = 0; i < refinerLayers; i++) {
    transformerBlock(out, `noise_refiner.${i}`, config, true);
    transformerBlock(out, `context_refiner.${i}`, config, false);
  }
  for (let i = 0; i < layers; i++) transformerBlock(out, `layers.${i}`, config, true);
  return out;
}

function transformerBlock(out: Tensors, prefix: string, config: TransformerConfig, modulated: boolean): void {
  const { dim, headDim, qkNorm } = config;
  const hidden = feedForwardWidth(dim);
  for (const projection of ['to_q', 'to_k', 'to_v', 'to_out.0']) {
    out.set(`${prefix}.attention.${projection}.weight`, [dim, dim]);
  }
  if (qkNorm) {
    out.set(`${prefix}.attention.norm_q.weight`, [headDim]);
    out.set(`${prefix}.attention.norm_k.weight`, [headDim]);
  }
  out.set(`${prefix}.feed_forward.w1.weight`, [hidden, dim]);
  out.set(`${prefix}.feed_forward.w2.weight`, [dim, hidden]);
  out.set(`${prefix}.feed_forward.w3.weight`, [hidden, dim]);
  for (const norm of ['attention_norm1', 'attention_norm2', 'ffn_norm1', 'ffn_norm2']) {
    out.set(`${prefix}.${norm}.weight`, [dim]);
  }
  if (modulated) linear(out, `${prefix}.adaLN_modulation.0`, timeEmbeddingWidth(dim), 4 * dim);
}

/**
 * Names (without the prefix `model.`) and shapes of the text-encoder tensors that the features depend on: embeddings
 * and all layers but the last, whose input is what the transformer is fed.
 */
export function expectedTextEncoderTensors(config: TextEncoderConfig): ExpectedTensors {
  const { hiddenSize, intermediateSize, headDim } = config;
  const queries = config.heads * headDim;
  const keys = config.kvHeads * headDim;
  const out: Tensors = new Map();
  out.set('embed_tokens.weight', [config.vocabSize, hiddenSize]);
  for (let i = 0; i < config.layers - 1; i++) {
    const prefix = `layers.${i}`;
    out.set(`${prefix}.input_layernorm.weight`, [hiddenSize]);
    out.set(`${prefix}.post_attention_layernorm.weight`, [hiddenSize]);
    out.set(`${prefix}.self_attn.q_proj.weight`, [queries, hiddenSize]);
    out.set(`${prefix}.self_attn.k_proj.weight`, [keys, hiddenSize]);
    out.set(`${prefix}.self_attn.v_proj.weight`, [keys, hiddenSize]);
    out.set(`${prefix}.self_attn.o_proj.weight`, [hiddenSize, queries]);
    out.set(`${prefix}.self_attn.q_norm.weight`, [headDim]);
    out.set(`${prefix}.self_attn.k_norm.weight`, [headDim]);
    out.set(`${prefix}.mlp.gate_proj.weight`, [intermediateSize, hiddenSize]);
    out.set(`${prefix}.mlp.up_proj.weight`, [intermediateSize, hiddenSize]);
    out.set(`${prefix}.mlp.down_proj.weight`, [hiddenSize, intermediateSize]);
  }
  return out;
}

/** True for text-encoder tensors that the features do not depend on: last layer, final norm, language-model head. */
export function isUnusedTextEncoderTensor(config: TextEncoderConfig, name: string): boolean {
  return name === 'norm.weight' || name === 'lm_head.weight' || name.startsWith(`layers.${config.layers - 1}.`);
}

/** Names and shapes of the decoder half of the VAE. */
export function expectedDecoderTensors(config: VaeConfig): ExpectedTensors {
  const { latentChannels, layersPerBlock } = config;
  const levels = config.blockOutChannels.toReversed();
  const [deepest = 0] = levels;
  const out: Tensors = new Map();
  if (config.usePostQuantConv) convolution(out, 'post_quant_conv', latentChannels, latentChannels, 1);
  convolution(out, 'decoder.conv_in', latentChannels, deepest, 3);
  middleBlock(out, 'decoder.mid_block', deepest, config.midBlockAttention);
  let channels = deepest;
  levels.forEach((next, level) => {
    const prefix = `decoder.up_blocks.${level}`;
    for (let i = 0; i <= layersPerBlock; i++) {
      residualBlock(out, `${prefix}.resnets.${i}`, channels, next);
      channels = next;
    }
    if (level < levels.length - 1) convolution(out, `${prefix}.upsamplers.0.conv`, channels, channels, 3);
  });
  normalisation(out, 'decoder.conv_norm_out', channels);
  convolution(out, 'decoder.conv_out', channels, config.outChannels, 3);
  return out;
}

/** Names and shapes of the encoder half of the VAE, whose output is mean and log variance. */
export function expectedEncoderTensors(config: VaeConfig): ExpectedTensors {
  const { latentChannels, layersPerBlock, blockOutChannels: levels } = config;
  let channels = levels[0] ?? 0;
  const out: Tensors = new Map();
  convolution(out, 'encoder.conv_in', config.inChannels, channels, 3);
  levels.forEach((next, level) => {
    const prefix = `encoder.down_blocks.${level}`;
    for (let i = 0; i < layersPerBlock; i++) {
      residualBlock(out, `${prefix}.resnets.${i}`, channels, next);
      channels = next;
    }
    if (level < levels.length - 1) convolution(out, `${prefix}.downsamplers.0.conv`, channels, channels, 3);
  });
  middleBlock(out, 'encoder.mid_block', channels, config.midBlockAttention);
  normalisation(out, 'encoder.conv_norm_out', channels);
  convolution(out, 'encoder.conv_out', channels, 2 * latentChannels, 3);
  if (config.useQuantConv) convolution(out, 'quant_conv', 2 * latentChannels, 2 * latentChannels, 1);
  return out;
}

/** True for tensors that only the encoder half of the VAE uses. */
export function isEncoderTensor(name: string): boolean {
  return name.startsWith('encoder.') || name.startsWith('quant_conv.');
}

function middleBlock(out: Tensors, prefix: string, channels: number, attention: boolean): void {
  residualBlock(out, `${prefix}.resnets.0`, channels, channels);
  residualBlock(out, `${prefix}.resnets.1`, channels, channels);
  if (!attention) return;
  normalisation(out, `${prefix}.attentions.0.group_norm`, channels);
  for (const projection of ['to_q', 'to_k', 'to_v', 'to_out.0']) {
    linear(out, `${prefix}.attentions.0.${projection}`, channels, channels);
  }
}

function residualBlock(out: Tensors, prefix: string, from: number, to: number): void {
  normalisation(out, `${prefix}.norm1`, from);
  convolution(out, `${prefix}.conv1`, from, to, 3);
  normalisation(out, `${prefix}.norm2`, to);
  convolution(out, `${prefix}.conv2`, to, to, 3);
  if (from !== to) convolution(out, `${prefix}.conv_shortcut`, from, to, 1);
}

function linear(out: Tensors, name: string, from: number, to: number): void {
  out.set(`${name}.weight`, [to, from]);
  out.set(`${name}.bias`, [to]);
}

function convolution(out: Tensors, name: string, from: number, to: number, kernel: number): void {
  out.set(`${name}.weight`, [to, from, kernel, kernel]);
  out.set(`${name}.bias`, [to]);
}

function normalisation(out: Tensors, name: string, channels: number): void {
  out.set(`${name}.weight`, [channels]);
  out.set(`${name}.bias`, [channels]);
}
