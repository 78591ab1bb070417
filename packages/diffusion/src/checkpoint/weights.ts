import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { DiffusionError, type DiffusionErrorCode } from '../errors.ts';
import { readJsonFile } from './json-file.ts';
import { readSafetensorsHeader, type SafetensorsFile, type TensorRef } from './safetensors.ts';
import { isFloatType } from './stored-type.ts';

export type ComponentName = 'transformer' | 'text_encoder' | 'vae';

/** The tensors of one model part, over all its files. Nothing is read but headers. */
export interface Weights {
  readonly folder: string;
  readonly component: ComponentName;
  /** Stored bytes of all tensors. */
  readonly totalBytes: number;
  has(name: string): boolean;
  /** @throws DiffusionError `tensor_missing` */
  get(name: string): TensorRef;
  /** Sorted. */
  names(): readonly string[];
}

export interface OpenWeightsOptions {
  readonly component: ComponentName;
  /** File name without ending: `<stem>.safetensors`, or `<stem>.safetensors.index.json` and its shards. */
  readonly stem: 'diffusion_pytorch_model' | 'model';
  /** Cut off the start of the names that have it, such as `model.` of a causal language model. @default '' */
  readonly stripPrefix?: string;
}

/**
 * Opens the weights in the folder of one component: a single file, or shards named by an index. When both are there,
 * the single file counts. Tensors of a shard that the index does not list are kept, so that a check can name them.
 *
 * @throws DiffusionError `checkpoint_file_missing` (no weights, or shards that the index names), `tensor_missing`
 * (the index promises what the shard lacks), `checkpoint_config_invalid` (index), and those of `readSafetensorsHeader`
 */
export async function openWeights(folder: string, options: OpenWeightsOptions): Promise<Weights> {
  const entries = await listFolder(folder);
  const single = `${options.stem}.safetensors`;
  const index = `${single}.index.json`;
  if (entries.includes(single)) {
    const { tensors } = await readSafetensorsHeader(join(folder, single));
    return createWeights(folder, options, tensors.values());
  }
  if (entries.includes(index)) return createWeights(folder, options, await readShards(folder, index, entries));
  const found = entries.length === 0 ? 'nothing' : entries.slice(0, 10).join(', ');
  const message = `${folder} holds neither ${single} nor ${index}; it holds ${found}. Only safetensors weights are read.`;
  throw new DiffusionError('checkpoint_file_missing', message, { details: { folder, expected: [single, index] } });
}

/** What `checkWeights` found against one expected name. */
export interface WeightsProblem {
  readonly kind: 'missing' | 'surplus' | 'shape' | 'type';
  readonly name: string;
  readonly file?: string;
  readonly expected?: string;
  readonly found?: string;
}

export interface CheckWeightsOptions {
  /** Names that the model does not use: neither their absence nor their presence or shape counts. */
  readonly ignore?: (name: string) => boolean;
}

/**
 * Compares names, shapes and types with what the model needs and reports all differences in one error, the first ten
 * of each kind by name, all of them in `details.problems`.
 *
 * @throws DiffusionError `tensor_missing`, `tensor_shape_mismatch`, `tensor_type_unsupported` or `tensor_surplus`:
 * the gravest kind found, in this order
 */
export function checkWeights(
  weights: Weights,
  expected: ReadonlyMap<string, readonly number[]>,
  options: CheckWeightsOptions = {},
): void {
  const ignore = options.ignore ?? (() => false);
  const problems: WeightsProblem[] = [];
  for (const [name, shape] of expected) {
    if (!ignore(name)) problems.push(...checkTensor(weights, name, shape));
  }
  for (const name of weights.names()) {
    if (expected.has(name) || ignore(name)) continue;
    const { file, shape, type } = weights.get(name);
    problems.push({ kind: 'surplus', name, file, found: `${type} [${shape.join(', ')}]` });
  }
  if (problems.length > 0) throw weightsError(weights, problems);
}

function checkTensor(weights: Weights, name: string, shape: readonly number[]): WeightsProblem[] {
  const expected = `[${shape.join(', ')}]`;
  if (!weights.has(name)) return [{ kind: 'missing', name, expected }];
  const ref = weights.get(name);
  const found = `[${ref.shape.join(', ')}]`;
  const problems: WeightsProblem[] = [];
  if (found !== expected) problems.push({ kind: 'shape', name, file: ref.file, expected, found });
  if (!isFloatType(ref.type)) {
    problems.push({ kind: 'type', name, file: ref.file, expected: 'f32, f16, bf16 or f64', found: ref.type });
  }
  return problems;
}

const kinds = [
  { kind: 'missing', code: 'tensor_missing', title: 'missing' },
  { kind: 'shape', code: 'tensor_shape_mismatch', title: 'of another shape' },
  { kind: 'type', code: 'tensor_type_unsupported', title: 'of a type that no weight may have' },
  { kind: 'surplus', code: 'tensor_surplus', title: 'unknown to this model' },
] as const satisfies readonly { kind: WeightsProblem['kind']; code: DiffusionErrorCode; title: string }[];

function weightsError(weights: Weights, problems: readonly WeightsProblem[]): DiffusionError {
  const present = kinds.flatMap((entry) => {
    const some = problems.filter((problem) => problem.kind === entry.kind);
    return some.length === 0 ? [] : [{ ...entry, some }];
  });
  const parts = present.map(({ title, some }) => {
    const rest = some.length > 10 ? ` and ${some.length - 10} more` : '';
    return `${some.length} ${title}: ${some.slice(0, 10).map(describe).join('; ')}${rest}`;
  });
  const advice = 'Check that the config.json belongs to these weights, and pull the model again if it does.';
  const message = `The ${weights.component} weights in ${weights.folder} do not fit its config.json. ${parts.join('. ')}. ${advice}`;
  const details = { folder: weights.folder, component: weights.component, problems };
  return new DiffusionError(present[0]?.code ?? 'tensor_missing', message, { details });
}

function describe({ name, file, expected, found }: WeightsProblem): string {
  const where = file === undefined ? '' : ` in ${basename(file)}`;
  if (expected === undefined) return `${name} (${found}${where})`;
  return found === undefined ? `${name} ${expected}` : `${name} (${found}${where}, expected ${expected})`;
}

function createWeights(folder: string, options: OpenWeightsOptions, refs: Iterable<TensorRef>): Weights {
  const { component, stripPrefix = '' } = options;
  const tensors = new Map<string, TensorRef>();
  for (const ref of refs) {
    const name = stripPrefix !== '' && ref.name.startsWith(stripPrefix) ? ref.name.slice(stripPrefix.length) : ref.name;
    const twin = tensors.get(name);
    if (twin !== undefined) throw twinError(name, twin, ref);
    tensors.set(name, ref);
  }
  const names = Object.freeze([...tensors.keys()].sort());
  const totalBytes = [...tensors.values()].reduce((sum, ref) => sum + ref.length, 0);
  return {
    folder,
    component,
    totalBytes,
    has: (name) => tensors.has(name),
    get(name) {
      const ref = tensors.get(name);
      if (ref !== undefined) return ref;
      const message = `The ${component} weights in ${folder} have no tensor "${name}".`;
      throw new DiffusionError('tensor_missing', message, { details: { folder, component, tensor: name } });
    },
    names: () => names,
  };
}

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string()) });

async function readShards(folder: string, index: string, entries: readonly string[]): Promise<TensorRef[]> {
  const indexFile = join(folder, index);
  const { weight_map: shardOf } = await readJsonFile(indexFile, indexSchema);
  const shards = [...new Set(Object.values(shardOf))].sort();
  const outside = shards.filter((shard) => /[/\\]/.test(shard) || shard === '' || shard === '..');
  if (outside.length > 0) {
    const message = `${indexFile} names shards outside its folder: ${outside.join(', ')}. Plain file names are expected.`;
    throw new DiffusionError('checkpoint_config_invalid', message, { details: { file: indexFile, shards: outside } });
  }
  const missing = shards.filter((shard) => !entries.includes(shard));
  if (missing.length > 0) {
    const message = `${folder} lacks ${missing.length} of ${shards.length} files that ${index} names: ${missing.join(', ')}. Pull the model again.`;
    throw new DiffusionError('checkpoint_file_missing', message, { details: { folder, files: missing } });
  }
  const files = new Map<string, SafetensorsFile>();
  for (const shard of shards) files.set(shard, await readSafetensorsHeader(join(folder, shard)));
  checkPromises(indexFile, shardOf, files);
  return [...files.values()].flatMap(({ tensors }) => [...tensors.values()]);
}

function checkPromises(
  indexFile: string,
  shardOf: Readonly<Record<string, string>>,
  files: ReadonlyMap<string, SafetensorsFile>,
): void {
  const broken = Object.entries(shardOf).filter(([name, shard]) => !files.get(shard)?.tensors.has(name));
  if (broken.length === 0) return;
  const listed = broken.slice(0, 10).map(([name, shard]) => `${name} (${shard})`);
  const rest = broken.length > 10 ? ` and ${broken.length - 10} more` : '';
  const message = `${indexFile} promises ${broken.length} tensors that their shards lack: ${listed.join(', ')}${rest}. Pull the model again.`;
  const details = { file: indexFile, tensors: Object.fromEntries(broken) };
  throw new DiffusionError('tensor_missing', message, { details });
}

function twinError(name: string, first: TensorRef, second: TensorRef): DiffusionError {
  const message = `"${name}" is stored twice: as "${first.name}" in ${first.file} and as "${second.name}" in ${second.file}. One is expected.`;
  return new DiffusionError('checkpoint_file_damaged', message, {
    details: { tensor: name, files: [first.file, second.file] },
  });
}

async function listFolder(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (cause) {
    const message = `The folder ${folder} of the checkpoint cannot be listed: ${(cause as Error).message}. Pull the model again.`;
    throw new DiffusionError('checkpoint_file_missing', message, { details: { folder }, cause });
  }
}
