import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { readSafetensorsHeader, repairHint, type SafetensorsFile, type TensorRef } from '../checkpoint/safetensors.ts';
import { decodeFloats, isFloatType } from '../checkpoint/stored-type.ts';
import { DiffusionError } from '../errors.ts';
import type { LinearWidths } from '../families/z-image/lora-names.ts';
import {
  allFinite,
  kroneckerProduct,
  type LoraFactors,
  type Matrix,
  type Product,
  rowRange,
  trivialProduct,
} from './lora-factors.ts';
import type { LoraPart } from './lora-key.ts';
import {
  firstTen,
  invalid,
  type LoraModule,
  type LoraSource,
  type LoraWarning,
  planLora,
  type UnknownKeys,
} from './lora-plan.ts';
import { type LoraScale, loraScale } from './lora-scale.ts';
import { WindowReader } from './window-reader.ts';

/** A LoRA file whose header has been read and understood; its numbers lie on the disk until they are asked for. */
export interface LoraFile {
  /** Absolute path without symbolic links. */
  readonly file: string;
  readonly modules: ReadonlyMap<string, LoraModule>;
  /** What was left out. */
  readonly warnings: readonly LoraWarning[];
  /** What its maker wrote into the header. */
  readonly metadata: Readonly<Record<string, string>>;
  /** SHA-256 of the file, lower-case hexadecimal. @throws DiffusionError `checkpoint_file_unreadable` */
  sha256(): Promise<string>;
  /**
   * Reads the factors, one layer after the other.
   * @throws DiffusionError `lora_invalid` (not numbers, or the file has changed), `checkpoint_file_unreadable`
   */
  factors(): AsyncGenerator<{ readonly name: string; readonly factors: LoraFactors }>;
}

export interface ReadLoraOptions {
  /** @default 'refuse' */
  readonly unknownKeys?: UnknownKeys;
}

/**
 * Opens a LoRA file of any common flavour: diffusers and PEFT (with or without adapter configuration), ComfyUI and
 * ai-toolkit, kohya and musubi, fused projections, LoKr. Costs the same for a file of any size.
 *
 * @throws DiffusionError `lora_not_found`, `lora_invalid` (damaged, keys that cannot be applied, misshaped),
 * `checkpoint_file_unreadable`
 */
export async function readLora(path: string, options: ReadLoraOptions = {}): Promise<LoraFile> {
  const header = await readHeader(path);
  const { file } = header;
  const { modules, sources, warnings } = planLora(header, options.unknownKeys ?? 'refuse');
  const scale = loraScale(file, header.metadata);
  requireFloats(file, sources);
  return {
    file,
    modules,
    warnings,
    metadata: header.metadata,
    sha256: () => hashFile(file),
    factors: () => readFactors(header, sources, scale),
  };
}

/**
 * Checks that every layer of an adapter is a layer of the model and has its widths.
 * @param expected see `loraModules`
 * @throws DiffusionError `lora_incompatible`
 */
export function requireCompatible(
  lora: { readonly file: string; readonly modules: ReadonlyMap<string, LoraModule> },
  expected: ReadonlyMap<string, LinearWidths>,
): void {
  const problems = [...lora.modules.values()].flatMap((module) => {
    const widths = expected.get(module.name);
    const found = `${module.name} [${module.out}, ${module.in}]`;
    if (widths === undefined) return [`${found} (the model has no such layer)`];
    if (widths.in === module.in && widths.out === module.out) return [];
    return [`${found} (expected [${widths.out}, ${widths.in}])`];
  });
  if (problems.length === 0) return;
  const message = `${lora.file} does not fit the model. ${problems.length} layers differ: ${firstTen(problems, '; ')}. Use an adapter that was trained for this model.`;
  throw new DiffusionError('lora_incompatible', message, { details: { file: lora.file, problems } });
}

/** Faults of the file, told as faults of an adapter. */
async function readHeader(path: string): Promise<SafetensorsFile> {
  try {
    return await readSafetensorsHeader(path);
  } catch (cause) {
    if (!(cause instanceof DiffusionError) || cause.code === 'checkpoint_file_unreadable') throw cause;
    const code = cause.code === 'checkpoint_file_missing' ? 'lora_not_found' : 'lora_invalid';
    const message = `${cause.message.replace(repairHint, '').trimEnd()} A LoRA file in the safetensors format is expected.`;
    throw new DiffusionError(code, message, { details: cause.details, cause });
  }
}

function requireFloats(file: string, sources: readonly LoraSource[]): void {
  const wrong = sources.flatMap(({ parts }) => [...parts.values()].filter(({ type }) => !isFloatType(type)));
  if (wrong.length === 0) return;
  const listed = firstTen(wrong.map(({ name, type }) => `${name} (${type})`));
  throw invalid(
    file,
    `stores ${wrong.length} tensors in types that no factor may have: ${listed}. f32, f16, bf16 or f64 is expected.`,
  );
}

/** SHA-256 of a file, hexadecimal. @throws DiffusionError `checkpoint_file_unreadable` */
export async function hashFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 })) hash.update(chunk as Buffer);
  } catch (cause) {
    throw unreadable(file, cause);
  }
  return hash.digest('hex');
}

async function* readFactors(
  header: SafetensorsFile,
  sources: readonly LoraSource[],
  scale: LoraScale,
): AsyncGenerator<{ readonly name: string; readonly factors: LoraFactors }> {
  const { file } = header;
  await requireUnchanged(header);
  const handle = await open(file, 'r').catch((cause: unknown) => {
    throw unreadable(file, cause);
  });
  const reader = new WindowReader(handle);
  try {
    for (const source of sources) {
      const read = (part: LoraPart): Promise<Matrix> => readMatrix(reader, required(source, part));
      const alpha = source.parts.get('alpha');
      const factor = scale(source, alpha === undefined ? undefined : (await readMatrix(reader, alpha)).values[0]);
      if (!Number.isFinite(factor)) throw invalid(file, `scales ${source.layer} by ${factor}; a number is expected.`);
      const { left, right } = await (source.kind === 'lora' ? readPair(read) : readKronecker(source, read));
      for (const { name, from, to } of source.provides)
        yield { name, factors: { down: right, up: rowRange(left, from, to), scale: factor } };
    }
  } finally {
    await handle.close();
  }
}

async function readPair(read: (part: LoraPart) => Promise<Matrix>): Promise<Product> {
  return { left: await read('up'), right: await read('down') };
}

/** ΔW = w1 ⊗ w2, each whole or a product. */
async function readKronecker(source: LoraSource, read: (part: LoraPart) => Promise<Matrix>): Promise<Product> {
  const side = async (name: 'w1' | 'w2'): Promise<Product> =>
    source.parts.has(name)
      ? trivialProduct(await read(name))
      : { left: await read(`${name}_a`), right: await read(`${name}_b`) };
  return kroneckerProduct(await side('w1'), await side('w2'));
}

function required(source: LoraSource, part: LoraPart): TensorRef {
  const ref = source.parts.get(part);
  if (ref === undefined) throw new TypeError(`${source.layer} was planned without its part ${part}`);
  return ref;
}

async function readMatrix(reader: WindowReader, ref: TensorRef): Promise<Matrix> {
  const bytes = await reader.read(ref.offset, ref.length).catch((cause: unknown) => {
    throw unreadable(ref.file, cause);
  });
  if (bytes.length < ref.length) throw changed(ref.file);
  const values = decodeFloats(bytes, ref.type);
  if (!allFinite(values)) {
    throw invalid(ref.file, `holds NaN or infinity in "${ref.name}". Export the adapter again.`, { tensor: ref.name });
  }
  const [rows = 1, columns = 1] = ref.shape;
  return { rows, columns, values };
}

/** The data of a safetensors file ends where the file ends. */
async function requireUnchanged({ file, tensors }: SafetensorsFile): Promise<void> {
  const stats = await stat(file).catch((cause: unknown) => {
    throw unreadable(file, cause);
  });
  const end = Math.max(...[...tensors.values()].map(({ offset, length }) => offset + length));
  if (stats.size !== end) throw changed(file);
}

function changed(file: string): DiffusionError {
  return invalid(file, 'has been changed since its header was read. Name it again.');
}

function unreadable(file: string, cause: unknown): DiffusionError {
  const message = `${file} cannot be read: ${(cause as Error).message}.`;
  return new DiffusionError('checkpoint_file_unreadable', message, { details: { file }, cause });
}
