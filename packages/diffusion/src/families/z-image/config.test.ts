import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DiffusionError } from '../../errors.ts';
import {
  feedForwardWidth,
  readScheduleConfig,
  readTextEncoderConfig,
  readTransformerConfig,
  readVaeConfig,
  timeEmbeddingWidth,
} from './config.ts';

const parity = fileURLToPath(new URL('../../../../../tests/fixtures/parity/', import.meta.url));

let folder = '';
let file = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'imagemill-config-'));
  file = join(folder, 'config.json');
});
afterAll(() => rm(folder, { recursive: true }));

async function read<Config>(reader: (file: string) => Promise<Config>, value: unknown): Promise<Config> {
  await writeFile(file, JSON.stringify(value));
  return await reader(file);
}

async function refusal(reader: (file: string) => Promise<unknown>, value: unknown): Promise<DiffusionError> {
  const error = await read(reader, value).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DiffusionError);
  expect((error as DiffusionError).details['file']).toBe(file);
  return error as DiffusionError;
}

const transformer = { _class_name: 'ZImageTransformer2DModel' };
const qwen = {
  model_type: 'qwen3',
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  vocab_size: 448,
};
const vae = { _class_name: 'AutoencoderKL' };
const schedule = { _class_name: 'FlowMatchEulerDiscreteScheduler' };

describe('the transformer', () => {
  test('is read from a file of any widths', async () => {
    const config = await readTransformerConfig(join(parity, 'bfloat16-sharded/checkpoint/transformer/config.json'));
    expect(config).toEqual({
      inChannels: 16,
      dim: 96,
      layers: 3,
      refinerLayers: 1,
      heads: 3,
      headDim: 32,
      normEps: 1e-5,
      qkNorm: true,
      capFeatDim: 64,
      ropeTheta: 256,
      tScale: 1000,
      axesDims: [8, 12, 12],
      axesLens: [256, 64, 64],
      patchSize: 2,
    });
    expect(Object.isFrozen(config) && Object.isFrozen(config.axesDims)).toBe(true);
  });

  test('has the defaults of its class where the file is silent', async () => {
    const config = await read(readTransformerConfig, { ...transformer, a_key_of_tomorrow: 1 });
    expect(config).toMatchObject({ dim: 3840, layers: 30, heads: 30, headDim: 128, axesLens: [1024, 512, 512] });
  });

  test.each([
    [{ _class_name: 'ZImageControlNetModel' }, '_class_name'],
    [{ siglip_feat_dim: 1152 }, 'siglip_feat_dim'],
    [{ n_kv_heads: 10 }, 'n_kv_heads'],
    [{ all_f_patch_size: [2] }, 'all_f_patch_size'],
    [{ all_patch_size: [2, 4] }, 'all_patch_size'],
  ])('is refused with arithmetic that the engine lacks: %j', async (change, key) => {
    const error = await refusal(readTransformerConfig, { ...transformer, ...change });
    expect(error.code).toBe('checkpoint_unsupported');
    expect(error.message).toContain(`has ${key} = `);
    expect(error.details['key']).toBe(key);
  });

  test.each([
    [{ dim: 3841 }, 'not a multiple of n_heads'],
    [{ axes_dims: [32, 48, 40] }, 'do not add up'],
    [{ axes_dims: [64, 64] }, 'are not three'],
    [{ axes_lens: [64, 64] }, 'are not three'],
    [{ axes_dims: [31, 49, 48] }, 'not all even'],
    [{ dim: '3840' }, 'dim: '],
    [{ n_layers: 0 }, 'n_layers: '],
    [{ norm_eps: 0 }, 'norm_eps: '],
  ])('is refused when it contradicts itself: %j', async (change, part) => {
    const error = await refusal(readTransformerConfig, { ...transformer, ...change });
    expect(error.code).toBe('checkpoint_config_invalid');
    expect(error.message).toContain(part);
  });

  test('computes its feed-forward width in floating point, as upstream does', () => {
    expect([3840, 64, 96, 32, 16].map(feedForwardWidth)).toEqual([10_240, 170, 256, 85, 42]);
    expect([3840, 64].map(timeEmbeddingWidth)).toEqual([256, 64]);
  });
});

describe('the text encoder', () => {
  test('has its rope base at the top or among the rope parameters', async () => {
    const old = await readTextEncoderConfig(join(parity, 'staged/checkpoint/text_encoder/config.json'));
    expect(old).toMatchObject({ ropeTheta: 1_000_000, headDim: 8, tieWordEmbeddings: true, vocabSize: 151_936 });
    const recent = await readTextEncoderConfig(join(parity, 'float32/checkpoint/text_encoder/config.json'));
    expect(recent).toEqual({
      hiddenSize: 48,
      intermediateSize: 96,
      layers: 3,
      heads: 2,
      kvHeads: 1,
      headDim: 24,
      rmsNormEps: 1e-6,
      ropeTheta: 1_000_000,
      vocabSize: 448,
      maxPositions: 2048,
      tieWordEmbeddings: true,
    });
  });

  test('has the defaults of its class where the file is silent', async () => {
    const config = await read(readTextEncoderConfig, qwen);
    expect(config).toMatchObject({ headDim: 128, kvHeads: 4, ropeTheta: 10_000, maxPositions: 32_768 });
  });

  test.each([
    [{ hidden_act: 'gelu' }, 'hidden_act'],
    [{ use_sliding_window: true }, 'use_sliding_window'],
    [{ rope_scaling: { type: 'yarn', factor: 4 } }, 'rope_type'],
    [{ rope_parameters: { rope_type: 'llama3' } }, 'rope_type'],
    [{ attention_bias: true }, 'attention_bias'],
    [{ model_type: 'qwen2' }, 'model_type'],
    [{ layer_types: ['full_attention', 'sliding_attention'] }, 'layer_types'],
  ])('is refused with arithmetic that the engine lacks: %j', async (change, key) => {
    const error = await refusal(readTextEncoderConfig, { ...qwen, ...change });
    expect(error.code).toBe('checkpoint_unsupported');
    expect(error.details['key']).toBe(key);
  });

  test.each([
    [{ num_key_value_heads: 3 }, 'cannot share 3'],
    [{ head_dim: 15 }, 'is odd'],
    [{ num_hidden_layers: 1 }, 'at least 2'],
    [{ hidden_size: undefined }, 'hidden_size: '],
  ])('is refused when it contradicts itself: %j', async (change, part) => {
    const error = await refusal(readTextEncoderConfig, { ...qwen, ...change });
    expect(error.code).toBe('checkpoint_config_invalid');
    expect(error.message).toContain(part);
  });
});

describe('the VAE', () => {
  test('is read from a file of any levels', async () => {
    expect(await readVaeConfig(join(parity, 'staged/checkpoint/vae/config.json'))).toEqual({
      inChannels: 3,
      outChannels: 3,
      latentChannels: 16,
      blockOutChannels: [32, 64],
      layersPerBlock: 1,
      normGroups: 32,
      midBlockAttention: true,
      scalingFactor: 0.3611,
      shiftFactor: 0.1159,
      sampleSize: 32,
      useQuantConv: false,
      usePostQuantConv: false,
      factor: 2,
    });
  });

  test('has the defaults of its class where the file is silent', async () => {
    expect(await read(readVaeConfig, { ...vae, shift_factor: null })).toMatchObject({
      blockOutChannels: [64],
      factor: 1,
      scalingFactor: 0.18215,
      shiftFactor: 0,
      useQuantConv: true,
      usePostQuantConv: true,
      midBlockAttention: true,
      normGroups: 32,
    });
  });

  test.each([
    [{ _class_name: 'AutoencoderKLWan' }, '_class_name'],
    [{ act_fn: 'gelu' }, 'act_fn'],
    [{ latents_mean: [0] }, 'latents_mean'],
    [{ latents_std: [1] }, 'latents_std'],
    [{ down_block_types: ['AttnDownEncoderBlock2D'] }, 'down_block_types'],
    [{ up_block_types: ['AttnUpDecoderBlock2D'] }, 'up_block_types'],
    [{ in_channels: 4 }, 'in_channels'],
    [{ out_channels: 4 }, 'out_channels'],
  ])('is refused with arithmetic that the engine lacks: %j', async (change, key) => {
    const error = await refusal(readVaeConfig, { ...vae, ...change });
    expect(error.code).toBe('checkpoint_unsupported');
    expect(error.details['key']).toBe(key);
  });

  test.each([
    [{ block_out_channels: [32, 64] }, '2 levels, the block types have 1 and 1'],
    [{ block_out_channels: [48] }, 'channels 48 are no multiple of norm_num_groups 32'],
    [{ block_out_channels: [] }, 'block_out_channels: '],
  ])('is refused when it contradicts itself: %j', async (change, part) => {
    const error = await refusal(readVaeConfig, { ...vae, ...change });
    expect(error.code).toBe('checkpoint_config_invalid');
    expect(error.message).toContain(part);
  });
});

describe('the schedule', () => {
  test('has the defaults of its class where the file is silent', async () => {
    const config = await read(readScheduleConfig, { ...schedule, base_shift: null });
    expect(config).toEqual({
      trainTimesteps: 1000,
      shift: 1,
      useDynamicShifting: false,
      baseShift: 0.5,
      maxShift: 1.15,
      baseImageSeqLen: 256,
      maxImageSeqLen: 4096,
      timeShiftType: 'exponential',
      shiftTerminal: undefined,
    });
  });

  test('takes a terminal of 0 as none, as upstream does', async () => {
    expect((await read(readScheduleConfig, { ...schedule, shift_terminal: 0 })).shiftTerminal).toBeUndefined();
    expect((await read(readScheduleConfig, { ...schedule, shift_terminal: 0.1 })).shiftTerminal).toBe(0.1);
  });

  test.each(['invert_sigmas', 'stochastic_sampling', 'use_karras_sigmas', 'use_exponential_sigmas', 'use_beta_sigmas'])(
    'is refused with %s',
    async (key) => {
      const error = await refusal(readScheduleConfig, { ...schedule, [key]: true });
      expect(error.code).toBe('checkpoint_unsupported');
      expect(error.details['key']).toBe(key);
      await read(readScheduleConfig, { ...schedule, [key]: false });
    },
  );

  test('is refused when it is of another class or contradicts itself', async () => {
    const other = await refusal(readScheduleConfig, { _class_name: 'DPMSolverMultistepScheduler' });
    expect(other.code).toBe('checkpoint_unsupported');
    for (const change of [
      { time_shift_type: 'cubic' },
      { shift: 0 },
      { max_image_seq_len: 256 },
      { shift_terminal: 1 },
    ]) {
      const error = await refusal(readScheduleConfig, { ...schedule, ...change });
      expect(error.code).toBe('checkpoint_config_invalid');
    }
  });
});
