import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TensorPlan, writeSafetensorsFile } from '../checkpoint/safetensors-writer.ts';
import { bytesPerElement, elementCount, encodeFloats } from '../checkpoint/stored-type.ts';
import {
  readTextEncoderConfig,
  readTransformerConfig,
  readVaeConfig,
  type TransformerConfig,
} from '../families/z-image/config.ts';
import {
  type ExpectedTensors,
  expectedDecoderTensors,
  expectedTextEncoderTensors,
  expectedTransformerTensors,
} from '../families/z-image/expected-tensors.ts';

export interface SyntheticCheckpointOptions {
  /** Type that all weights are stored in. @default 'f32' */
  readonly type?: 'f32' | 'f16' | 'bf16';
  /** A file of weights is closed before it would pass this. @default 2 GiB */
  readonly shardBytes?: number;
  readonly seed?: number;
  /** @default 32 */
  readonly dim?: number;
  /** Divides `dim` into heads of an even number of channels, 8 or more. @default 2 */
  readonly heads?: number;
  /** @default 2 */
  readonly layers?: number;
  /** @default 1 */
  readonly refinerLayers?: number;
  /** Width of the text features. @default 16 */
  readonly textWidth?: number;
  /** @default 3 */
  readonly textLayers?: number;
  /** @default 64 */
  readonly vocabulary?: number;
  /** Folder of a tokenizer to copy; without one the checkpoint encodes token ids, not prompts. */
  readonly tokenizerFolder?: string;
}

/**
 * Writes a checkpoint in the official layout with random weights, of any size: shards are filled through a small buffer.
 * Matrices keep the magnitude of what passes through them, so that outputs are of order one; the same options give the
 * same bytes.
 */
export async function writeSyntheticCheckpoint(
  folder: string,
  options: SyntheticCheckpointOptions = {},
): Promise<void> {
  const configs = syntheticConfigs(options);
  for (const [path, config] of Object.entries(configs)) {
    await mkdir(join(folder, path, '..'), { recursive: true });
    await writeFile(join(folder, path), `${JSON.stringify(config, null, 2)}\n`);
  }
  const configOf = (part: string): string => join(folder, part, 'config.json');
  const transformer = expectedTransformerTensors(await readTransformerConfig(configOf('transformer')));
  const textEncoder = expectedTextEncoderTensors(await readTextEncoderConfig(configOf('text_encoder')));
  const vae = expectedDecoderTensors(await readVaeConfig(configOf('vae')));
  await writeRandomTensors(join(folder, 'transformer'), 'diffusion_pytorch_model', transformer, options);
  await writeRandomTensors(join(folder, 'text_encoder'), 'model', textEncoder, options);
  await writeRandomTensors(join(folder, 'vae'), 'diffusion_pytorch_model', vae, options);
  if (options.tokenizerFolder !== undefined) await copyFolder(options.tokenizerFolder, join(folder, 'tokenizer'));
}

/** The transformer of such a checkpoint, as its config.json gives it. */
export function syntheticTransformerConfig(options: SyntheticCheckpointOptions): TransformerConfig {
  const raw = transformerJson(options);
  return {
    inChannels: raw.in_channels,
    dim: raw.dim,
    layers: raw.n_layers,
    refinerLayers: raw.n_refiner_layers,
    heads: raw.n_heads,
    headDim: raw.dim / raw.n_heads,
    normEps: raw.norm_eps,
    qkNorm: raw.qk_norm,
    capFeatDim: raw.cap_feat_dim,
    ropeTheta: raw.rope_theta,
    tScale: raw.t_scale,
    axesDims: raw.axes_dims,
    axesLens: raw.axes_lens,
    patchSize: 2,
  };
}

const latentChannels = 16;

function transformerJson({
  dim = 32,
  heads = 2,
  layers = 2,
  refinerLayers = 1,
  textWidth = 16,
}: SyntheticCheckpointOptions) {
  return {
    _class_name: 'ZImageTransformer2DModel',
    all_f_patch_size: [1],
    all_patch_size: [2],
    axes_dims: splitHead(dim / heads),
    axes_lens: [544, 128, 128],
    cap_feat_dim: textWidth,
    dim,
    in_channels: latentChannels,
    n_heads: heads,
    n_kv_heads: heads,
    n_layers: layers,
    n_refiner_layers: refinerLayers,
    norm_eps: 1e-5,
    qk_norm: true,
    rope_theta: 256,
    t_scale: 1000,
  };
}

function syntheticConfigs(options: SyntheticCheckpointOptions): Record<string, unknown> {
  const { textWidth = 16 } = options;
  return {
    'model_index.json': {
      _class_name: 'ZImagePipeline',
      scheduler: ['diffusers', 'FlowMatchEulerDiscreteScheduler'],
      text_encoder: ['transformers', 'Qwen3Model'],
      tokenizer: ['transformers', 'Qwen2Tokenizer'],
      transformer: ['diffusers', 'ZImageTransformer2DModel'],
      vae: ['diffusers', 'AutoencoderKL'],
    },
    'transformer/config.json': transformerJson(options),
    'text_encoder/config.json': {
      model_type: 'qwen3',
      head_dim: 8,
      hidden_act: 'silu',
      hidden_size: textWidth,
      intermediate_size: 4 * textWidth,
      num_attention_heads: Math.max(2, textWidth / 8),
      num_hidden_layers: options.textLayers ?? 3,
      num_key_value_heads: Math.max(1, textWidth / 16),
      rms_norm_eps: 1e-6,
      rope_theta: 1e6,
      vocab_size: options.vocabulary ?? 64,
    },
    'vae/config.json': {
      _class_name: 'AutoencoderKL',
      block_out_channels: [8, 16],
      down_block_types: ['DownEncoderBlock2D', 'DownEncoderBlock2D'],
      up_block_types: ['UpDecoderBlock2D', 'UpDecoderBlock2D'],
      in_channels: 3,
      out_channels: 3,
      latent_channels: latentChannels,
      layers_per_block: 1,
      norm_num_groups: 4,
      scaling_factor: 0.3611,
      shift_factor: 0.1159,
      use_post_quant_conv: false,
      use_quant_conv: false,
    },
    'scheduler/scheduler_config.json': { _class_name: 'FlowMatchEulerDiscreteScheduler', shift: 3 },
  };
}

/** Channels of the three position axes (caption, row, column), all even: a quarter, and the rest in halves. */
function splitHead(size: number): [number, number, number] {
  const caption = 2 * Math.floor(size / 8);
  const row = 2 * Math.floor((size - caption) / 4);
  return [caption, row, size - caption - row];
}

/** Elements in memory at a time: 4 MB of f32. */
const chunkElements = 2 ** 20;

/** Random tensors as one file `<stem>.safetensors`, or as shards with an index when they pass `shardBytes`. */
export async function writeRandomTensors(
  folder: string,
  stem: string,
  tensors: ExpectedTensors,
  { type = 'f32', shardBytes = 2 ** 31, seed = 0 }: SyntheticCheckpointOptions,
): Promise<void> {
  const shards: TensorPlan[][] = [[]];
  let bytes = 0;
  for (const [name, shape] of tensors) {
    const length = elementCount(shape) * bytesPerElement[type];
    if (bytes > 0 && bytes + length > shardBytes) {
      shards.push([]);
      bytes = 0;
    }
    bytes += length;
    shards.at(-1)?.push({ name, type, shape });
  }
  const draw = createUniform(seed);
  const weightMap: Record<string, string> = {};
  for (const [at, plans] of shards.entries()) {
    const number = (value: number): string => String(value).padStart(5, '0');
    const file =
      shards.length === 1 ? `${stem}.safetensors` : `${stem}-${number(at + 1)}-of-${number(shards.length)}.safetensors`;
    for (const { name } of plans) weightMap[name] = file;
    await writeSafetensorsFile(join(folder, file), plans, {}, async (writer) => {
      for (const { name, shape } of plans) {
        const { mean, deviation } = distribution(name, shape);
        const count = elementCount(shape);
        for (let start = 0; start < count; start += chunkElements) {
          const values = new Float32Array(Math.min(chunkElements, count - start));
          draw(values, mean, deviation);
          await writer.write(name, encodeFloats(values, type), start * bytesPerElement[type]);
        }
      }
    });
  }
  if (shards.length === 1) return;
  const index = { metadata: {}, weight_map: weightMap };
  await writeFile(join(folder, `${stem}.safetensors.index.json`), `${JSON.stringify(index, null, 2)}\n`);
}

/** Norms about 1, other vectors about 0, rows of matrices and kernels of length one. */
function distribution(name: string, shape: readonly number[]): { mean: number; deviation: number } {
  if (shape.length === 1)
    return { mean: /norm|cap_embedder\.0/.test(name) && !name.endsWith('.bias') ? 1 : 0, deviation: 0.02 };
  return { mean: 0, deviation: 1 / Math.sqrt(elementCount(shape.slice(1))) };
}

/** Fills arrays with numbers of a uniform distribution (xorshift32, Marsaglia 2003), 300 million a second. */
function createUniform(seed: number): (values: Float32Array, mean: number, deviation: number) => void {
  let state = (seed ^ 0x9e3779b9) | 0 || 1;
  return (values, mean, deviation) => {
    const scale = (deviation * Math.sqrt(3)) / 2 ** 31;
    for (let at = 0; at < values.length; at += 1) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      values[at] = mean + state * scale;
    }
  };
}

async function copyFolder(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from)) await copyFile(join(from, entry), join(to, entry));
}
