import { mkdir, statfs } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { DiffusionError } from '../errors.ts';
import { createQuantizedMatrix, quantizeRowsInto } from './quantize.ts';
import { streamFloat32, type TensorRef } from './safetensors.ts';
import {
  plannedBytes,
  type SafetensorsWriter,
  type TensorPlan,
  writeFault,
  writeSafetensorsFile,
} from './safetensors-writer.ts';
import { elementCount, encodeFloats, isFloatType } from './stored-type.ts';
import { cacheFile, findCached, removeAbandoned, sourceIdentity } from './weight-cache.ts';
import type { Weights } from './weights.ts';

/** How one tensor is held: in the type of its file, as f16, or as 8-bit numbers with a scale for each output. */
export type HeldForm = 'own' | 'f16' | 'quantised';

export interface HoldOptions {
  /** Part of the cache file's name: conversions of one checkpoint in different modes stand beside each other. */
  readonly mode: 'fp16' | 'w8a8';
  readonly formOf: (name: string) => HeldForm;
  /** Type of quantised numbers, see `GraphForms.integer`. */
  readonly integer: 'i8' | 'u8';
  /** Folder of converted weights; created if missing. Needed when something must be converted. */
  readonly cacheDir: string | undefined;
  readonly onProgress?: ((progress: HoldProgress) => void) | undefined;
}

export interface HoldProgress {
  readonly component: string;
  /** Elements converted, of all that are to be. */
  readonly done: number;
  readonly total: number;
}

/** Name of the scales `[out]` that belong to a quantised weight, which is then stored as `[in, out]`. */
export function scaleName(weight: string): string {
  return `${weight}.scale`;
}

/**
 * The same weights, held otherwise: what must be converted is written once to a file under `cacheDir`, tensor by tensor
 * through a small buffer, and located there; all else is located where it lies. A file whose sources have changed, or
 * that is damaged, is written anew. Tensors that are stored in 2 bytes already are not converted to f16.
 *
 * @throws DiffusionError `option_invalid` (no `cacheDir`), `disk_full`, `cache_unwritable`, `checkpoint_file_damaged`
 * (a weight is no number), `tensor_type_unsupported` (too large for f16), and those of reading
 */
export async function holdWeights(weights: Weights, options: HoldOptions): Promise<Weights> {
  const tasks = weights.names().flatMap((name) => planTensor(name, weights.get(name), options));
  if (tasks.length === 0) return weights;
  const { cacheDir, mode } = options;
  if (cacheDir === undefined) {
    const message = `Weights in ${weights.folder} must be converted for the weight mode "${mode}", but no cache folder is named. A folder with room for them is expected in cacheDir.`;
    throw new DiffusionError('option_invalid', message, { details: { option: 'cacheDir' } });
  }
  const file = cacheFile(cacheDir, weights, mode);
  const underWay = building.get(file) ?? build(file, weights, tasks, options).finally(() => building.delete(file));
  building.set(file, underWay);
  return overlay(weights, await underWay);
}

/** Conversions of this process by file: two pipelines of one model wait for the same. */
const building: Map<string, Promise<ReadonlyMap<string, TensorRef>>> = new Map();

interface Task {
  readonly name: string;
  readonly ref: TensorRef;
  readonly form: 'f16' | 'quantised';
  readonly plans: readonly TensorPlan[];
}

function planTensor(name: string, ref: TensorRef, { formOf, integer }: HoldOptions): Task[] {
  const form = isFloatType(ref.type) ? formOf(name) : 'own';
  if (form === 'own' || (form === 'f16' && (ref.type === 'f16' || ref.type === 'bf16'))) return [];
  if (form === 'f16') return [{ name, ref, form, plans: [{ name, type: 'f16', shape: ref.shape }] }];
  const [rows = 0, columns = 0] = ref.shape;
  if (ref.shape.length !== 2) throw new RangeError(`${name} has ${ref.shape.length} dimensions; only 2 are quantised`);
  const numbers: TensorPlan = { name, type: integer, shape: [columns, rows] };
  return [{ name, ref, form, plans: [numbers, { name: scaleName(name), type: 'f32', shape: [rows] }] }];
}

async function build(
  file: string,
  weights: Weights,
  tasks: readonly Task[],
  options: HoldOptions,
): Promise<ReadonlyMap<string, TensorRef>> {
  const plans = tasks.flatMap((task) => task.plans);
  const identity = await sourceIdentity(
    tasks.map((task) => task.ref),
    plans,
  );
  const cached = await findCached(file, identity);
  if (cached !== undefined) return cached;
  await removeAbandoned(file);
  const metadata = { identity, source: weights.folder, mode: options.mode };
  await requireSpace(file, plannedBytes(plans, metadata));
  await makeFolder(file);
  const total = tasks.reduce((sum, task) => sum + elementCount(task.ref.shape), 0);
  let done = 0;
  await writeSafetensorsFile(file, plans, metadata, async (writer) => {
    for (const task of tasks) {
      for await (const elements of convert(task, writer, options.integer)) {
        done += elements;
        options.onProgress?.({ component: weights.component, done, total });
      }
    }
  });
  const written = await findCached(file, identity);
  if (written !== undefined) return written;
  const message = `${file} was changed by another program while it was written. Load the model again.`;
  throw new DiffusionError('cache_unwritable', message, { details: { file } });
}

/** Elements in memory at a time, as f32: 16 MB. */
const chunkElements = 2 ** 22;

/** Converts one tensor; yields the number of elements done. */
async function* convert(task: Task, writer: SafetensorsWriter, integer: 'i8' | 'u8'): AsyncGenerator<number> {
  const { name, ref } = task;
  if (task.form === 'f16') {
    let at = 0;
    for await (const values of streamFloat32(ref, chunkElements)) {
      requireHalfRange(ref, values);
      const bytes = encodeFloats(values, 'f16');
      await writer.write(name, bytes, at);
      at += bytes.byteLength;
      yield values.length;
    }
    return;
  }
  const [rows = 0, columns = 0] = ref.shape;
  const matrix = createQuantizedMatrix(rows, columns);
  let firstRow = 0;
  for await (const values of streamFloat32(ref, Math.max(1, Math.floor(chunkElements / columns)) * columns)) {
    if (!quantizeRowsInto(matrix, values, { type: integer, columns, firstRow })) throw notNumbers(ref);
    firstRow += values.length / columns;
    yield values.length;
  }
  await writer.write(name, matrix.numbers);
  await writer.write(scaleName(name), encodeFloats(matrix.scales, 'f32'));
}

/** Rounds to infinity in f16 from here on. */
const halfLimit = 65_520;

function requireHalfRange(ref: TensorRef, values: Float32Array): void {
  for (let at = 0; at < values.length; at += 1) {
    const value = values[at] ?? 0;
    if (Math.abs(value) < halfLimit) continue;
    if (!Number.isFinite(value)) throw notNumbers(ref);
    const message = `${ref.file} holds ${value} in "${ref.name}", which f16 cannot hold. Use the weight mode "mapped" or "packed".`;
    throw new DiffusionError('tensor_type_unsupported', message, { details: { file: ref.file, tensor: ref.name } });
  }
}

function notNumbers(ref: TensorRef): DiffusionError {
  const message = `${ref.file} holds NaN or infinity in "${ref.name}". Pull the model again.`;
  return new DiffusionError('checkpoint_file_damaged', message, { details: { file: ref.file, tensor: ref.name } });
}

/** Refuses before gigabytes are written in vain. Where the file system does not tell, the write itself will. */
async function requireSpace(file: string, needed: number): Promise<void> {
  const free = await freeBytes(dirname(file));
  if (free === undefined || free >= needed) return;
  const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;
  const message = `The converted weights ${basename(file)} need ${gigabytes(needed)}, but the disk of ${dirname(file)} has ${gigabytes(free)} free. Free space there or name another folder.`;
  throw new DiffusionError('disk_full', message, { details: { file, neededBytes: needed, freeBytes: free } });
}

async function makeFolder(file: string): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true });
  } catch (cause) {
    throw writeFault(file, cause);
  }
}

/** Free bytes of the disk that a folder lies on, or will. */
async function freeBytes(folder: string): Promise<number | undefined> {
  const stats = await statfs(folder).catch(() => undefined);
  if (stats === undefined) return dirname(folder) === folder ? undefined : freeBytes(dirname(folder));
  return stats.blocks === 0 ? undefined : stats.bavail * stats.bsize;
}

function overlay(weights: Weights, converted: ReadonlyMap<string, TensorRef>): Weights {
  const names = Object.freeze([...new Set([...weights.names(), ...converted.keys()])].sort());
  const get = (name: string): TensorRef => converted.get(name) ?? weights.get(name);
  return {
    folder: weights.folder,
    component: weights.component,
    totalBytes: names.reduce((sum, name) => sum + get(name).length, 0),
    has: (name) => converted.has(name) || weights.has(name),
    get,
    names: () => names,
  };
}
