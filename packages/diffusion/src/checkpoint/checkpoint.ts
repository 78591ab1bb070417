import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { DiffusionError } from '../errors.ts';
import {
  readScheduleConfig,
  readTextEncoderConfig,
  readTransformerConfig,
  readVaeConfig,
  type ScheduleConfig,
  type TextEncoderConfig,
  type TransformerConfig,
  type VaeConfig,
} from '../families/z-image/config.ts';
import {
  expectedDecoderTensors,
  expectedEncoderTensors,
  expectedTextEncoderTensors,
  expectedTransformerTensors,
  isEncoderTensor,
  isUnusedTextEncoderTensor,
} from '../families/z-image/expected-tensors.ts';
import { readJsonFile } from './json-file.ts';
import { checkWeights, openWeights, type Weights } from './weights.ts';

/** A Z-Image checkpoint in the official layout: configurations read and checked, weights located but not read. */
export interface Checkpoint {
  /** Absolute path. */
  readonly folder: string;
  readonly transformer: { readonly config: TransformerConfig; readonly weights: Weights };
  readonly textEncoder: { readonly config: TextEncoderConfig; readonly weights: Weights };
  /** Without an encoder the checkpoint draws from text but cannot start from a picture. */
  readonly vae: { readonly config: VaeConfig; readonly weights: Weights; readonly hasEncoder: boolean };
  readonly schedule: ScheduleConfig;
  /** Undefined when the folder is not there; see `requireTokenizerFolder`. */
  readonly tokenizerFolder: string | undefined;
}

/**
 * Opens the checkpoint folder: reads `model_index.json`, the four configurations and the headers of the weights, and
 * checks that all tensors are there in the shapes that the configurations ask for.
 *
 * @throws DiffusionError `checkpoint_not_found`, `checkpoint_file_missing`, `checkpoint_file_unreadable`,
 * `checkpoint_file_truncated`, `checkpoint_file_damaged`, `checkpoint_config_invalid`, `checkpoint_unsupported`,
 * `tensor_missing`, `tensor_surplus`, `tensor_shape_mismatch`, `tensor_type_unsupported`
 */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  const folder = resolve(path);
  await requireFolder(folder);
  await checkModelIndex(join(folder, 'model_index.json'));
  const transformer = await openTransformer(join(folder, 'transformer'));
  const textEncoder = await openTextEncoder(join(folder, 'text_encoder'));
  const vae = await openVae(join(folder, 'vae'));
  const schedule = await readScheduleConfig(join(folder, 'scheduler', 'scheduler_config.json'));
  requireEqual(folder, {
    'text_encoder hidden_size': textEncoder.config.hiddenSize,
    'transformer cap_feat_dim': transformer.config.capFeatDim,
  });
  requireEqual(folder, {
    'vae latent_channels': vae.config.latentChannels,
    'transformer in_channels': transformer.config.inChannels,
  });
  const tokenizer = join(folder, 'tokenizer');
  const tokenizerFolder = (await isFolder(tokenizer)) ? tokenizer : undefined;
  return Object.freeze({ folder, transformer, textEncoder, vae, schedule, tokenizerFolder });
}

/** The folder of the tokenizer. @throws DiffusionError `checkpoint_file_missing` when the checkpoint has none */
export function requireTokenizerFolder(checkpoint: Checkpoint): string {
  if (checkpoint.tokenizerFolder !== undefined) return checkpoint.tokenizerFolder;
  const folder = join(checkpoint.folder, 'tokenizer');
  const message = `${folder} does not exist, so no prompt can be encoded. A folder with tokenizer.json is expected; pull the model again.`;
  throw new DiffusionError('checkpoint_file_missing', message, { details: { folder } });
}

async function openTransformer(folder: string): Promise<Checkpoint['transformer']> {
  const config = await readTransformerConfig(join(folder, 'config.json'));
  const weights = await openWeights(folder, { component: 'transformer', stem: 'diffusion_pytorch_model' });
  checkWeights(weights, expectedTransformerTensors(config));
  return Object.freeze({ config, weights });
}

async function openTextEncoder(folder: string): Promise<Checkpoint['textEncoder']> {
  const config = await readTextEncoderConfig(join(folder, 'config.json'));
  const weights = await openWeights(folder, { component: 'text_encoder', stem: 'model', stripPrefix: 'model.' });
  checkWeights(weights, expectedTextEncoderTensors(config), {
    ignore: (name) => isUnusedTextEncoderTensor(config, name),
  });
  return Object.freeze({ config, weights });
}

async function openVae(folder: string): Promise<Checkpoint['vae']> {
  const config = await readVaeConfig(join(folder, 'config.json'));
  const weights = await openWeights(folder, { component: 'vae', stem: 'diffusion_pytorch_model' });
  const hasEncoder = weights.names().some(isEncoderTensor);
  const encoder = hasEncoder ? expectedEncoderTensors(config) : [];
  checkWeights(weights, new Map([...expectedDecoderTensors(config), ...encoder]));
  return Object.freeze({ config, weights, hasEncoder });
}

const part = z.tuple([z.string(), z.string()]).rest(z.unknown());

const modelIndexSchema = z.object({
  _class_name: z.string(),
  scheduler: part,
  text_encoder: part,
  transformer: part,
  vae: part,
});

/** Pipelines that are wired from the same four parts. */
const pipelines = ['ZImagePipeline', 'ZImageImg2ImgPipeline', 'ZImageInpaintPipeline'];

const partClasses = {
  scheduler: ['FlowMatchEulerDiscreteScheduler'],
  text_encoder: ['Qwen3Model', 'Qwen3ForCausalLM'],
  transformer: ['ZImageTransformer2DModel'],
  vae: ['AutoencoderKL'],
} as const;

async function checkModelIndex(file: string): Promise<void> {
  const index = await readJsonFile(file, modelIndexSchema);
  requireClass(file, '_class_name', index._class_name, pipelines);
  for (const key of ['scheduler', 'text_encoder', 'transformer', 'vae'] as const) {
    requireClass(file, key, index[key][1], partClasses[key]);
  }
}

function requireClass(file: string, key: string, found: string, accepted: readonly string[]): void {
  if (accepted.includes(found)) return;
  const message = `${file} names ${found} for ${key}, which this engine cannot run. ${accepted.join(' or ')} is expected.`;
  throw new DiffusionError('checkpoint_unsupported', message, { details: { file, key, value: found } });
}

function requireEqual(folder: string, values: Readonly<Record<string, number>>): void {
  const entries = Object.entries(values);
  if (new Set(entries.map(([, value]) => value)).size === 1) return;
  const found = entries.map(([name, value]) => `${name} is ${value}`).join(', but ');
  const message = `The parts of ${folder} do not fit each other: ${found}. Equal numbers are expected.`;
  throw new DiffusionError('checkpoint_config_invalid', message, { details: { folder, ...values } });
}

async function requireFolder(folder: string): Promise<void> {
  if (await isFolder(folder)) return;
  const exists = await stat(folder).catch(() => undefined);
  const found = exists === undefined ? 'does not exist' : 'is a file';
  const message = `${folder} ${found}. The folder of a checkpoint (with model_index.json) is expected.`;
  throw new DiffusionError('checkpoint_not_found', message, { details: { folder } });
}

async function isFolder(path: string): Promise<boolean> {
  const stats = await stat(path).catch(() => undefined);
  return stats?.isDirectory() ?? false;
}
