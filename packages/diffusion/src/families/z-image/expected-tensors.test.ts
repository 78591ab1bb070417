import { expect, test } from 'vitest';
import type { TextEncoderConfig, TransformerConfig, VaeConfig } from './config.ts';
import {
  type ExpectedTensors,
  expectedDecoderTensors,
  expectedEncoderTensors,
  expectedTextEncoderTensors,
  expectedTransformerTensors,
  isEncoderTensor,
  isUnusedTextEncoderTensor,
} from './expected-tensors.ts';

// The configurations of Tongyi-MAI/Z-Image-Turbo; tensor and parameter counts are those of its files.
const transformer: TransformerConfig = {
  inChannels: 16,
  dim: 3840,
  layers: 30,
  refinerLayers: 2,
  heads: 30,
  headDim: 128,
  normEps: 1e-5,
  qkNorm: true,
  capFeatDim: 2560,
  ropeTheta: 256,
  tScale: 1000,
  axesDims: [32, 48, 48],
  axesLens: [1536, 512, 512],
  patchSize: 2,
};
const textEncoder: TextEncoderConfig = {
  hiddenSize: 2560,
  intermediateSize: 9728,
  layers: 36,
  heads: 32,
  kvHeads: 8,
  headDim: 128,
  rmsNormEps: 1e-6,
  ropeTheta: 1e6,
  vocabSize: 151_936,
  maxPositions: 40_960,
  tieWordEmbeddings: true,
};
const vae: VaeConfig = {
  inChannels: 3,
  outChannels: 3,
  latentChannels: 16,
  blockOutChannels: [128, 256, 512, 512],
  layersPerBlock: 2,
  normGroups: 32,
  midBlockAttention: true,
  scalingFactor: 0.3611,
  shiftFactor: 0.1159,
  sampleSize: 1024,
  useQuantConv: false,
  usePostQuantConv: false,
  factor: 8,
};

function parameters(tensors: ExpectedTensors): number {
  return [...tensors.values()].reduce((sum, shape) => sum + shape.reduce((product, dim) => product * dim, 1), 0);
}

test('the released transformer has 521 tensors and 6,154,908,736 parameters', () => {
  const tensors = expectedTransformerTensors(transformer);
  expect(tensors.size).toBe(521);
  expect(parameters(tensors)).toBe(6_154_908_736);
  expect(tensors.get('layers.29.adaLN_modulation.0.weight')).toEqual([15_360, 256]);
  expect(tensors.get('noise_refiner.1.feed_forward.w2.weight')).toEqual([3840, 10_240]);
  expect(tensors.has('context_refiner.0.adaLN_modulation.0.weight')).toBe(false);
});

test('a transformer without norms of queries and keys lacks their weights', () => {
  const tensors = expectedTransformerTensors({ ...transformer, qkNorm: false });
  expect(tensors.size).toBe(521 - 2 * 34);
});

test('of the released text encoder 386 of 398 tensors are needed', () => {
  const tensors = expectedTextEncoderTensors(textEncoder);
  expect(tensors.size).toBe(398 - 11 - 1);
  expect(tensors.get('layers.34.self_attn.q_proj.weight')).toEqual([4096, 2560]);
  expect(tensors.get('layers.34.self_attn.v_proj.weight')).toEqual([1024, 2560]);
  const unused = (name: string) => isUnusedTextEncoderTensor(textEncoder, name);
  expect(['norm.weight', 'lm_head.weight', 'layers.35.mlp.up_proj.weight'].every(unused)).toBe(true);
  expect(['layers.3.mlp.up_proj.weight', 'layers.350.x', 'embed_tokens.weight'].some(unused)).toBe(false);
});

test('the released VAE has 244 tensors and 83,819,683 parameters, 138 of the tensors in the decoder', () => {
  const decoder = expectedDecoderTensors(vae);
  const encoder = expectedEncoderTensors(vae);
  expect(decoder.size).toBe(138);
  expect(decoder.size + encoder.size).toBe(244);
  expect(parameters(decoder) + parameters(encoder)).toBe(83_819_683);
  expect(decoder.get('decoder.up_blocks.2.resnets.0.conv_shortcut.weight')).toEqual([256, 512, 1, 1]);
  expect(encoder.get('encoder.down_blocks.1.resnets.0.conv_shortcut.weight')).toEqual([256, 128, 1, 1]);
  expect([...encoder.keys()].every(isEncoderTensor)).toBe(true);
  expect([...decoder.keys()].some(isEncoderTensor)).toBe(false);
});

test('quantisation convolutions belong to a half each', () => {
  const config = { ...vae, useQuantConv: true, usePostQuantConv: true };
  expect(expectedEncoderTensors(config).get('quant_conv.weight')).toEqual([32, 32, 1, 1]);
  expect(expectedDecoderTensors(config).get('post_quant_conv.bias')).toEqual([16]);
  expect([...expectedDecoderTensors(config).keys()].some(isEncoderTensor)).toBe(false);
});

test('a VAE without attention in the middle lacks its weights', () => {
  const decoder = expectedDecoderTensors({ ...vae, midBlockAttention: false });
  expect(decoder.size).toBe(138 - 10);
});
