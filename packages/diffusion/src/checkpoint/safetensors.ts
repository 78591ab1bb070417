import { type FileHandle, open, realpath } from 'node:fs/promises';
import { DiffusionError, type DiffusionErrorCode } from '../errors.ts';
import { bytesPerElement, decodeFloats, elementCount, isFloatType, type StoredType } from './stored-type.ts';

/** Where one tensor lies: enough to map it as external data or to read it. */
export interface TensorRef {
  /** Name as the file spells it. */
  readonly name: string;
  readonly type: StoredType;
  readonly shape: readonly number[];
  /** Absolute path without symbolic links. */
  readonly file: string;
  /** Bytes from the start of the file. */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
}

/** The header of one safetensors file. */
export interface SafetensorsFile {
  readonly file: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, TensorRef>;
}

const storedTypes: ReadonlyMap<string, StoredType> = new Map<string, StoredType>([
  ['F64', 'f64'],
  ['F32', 'f32'],
  ['F16', 'f16'],
  ['BF16', 'bf16'],
  ['I64', 'i64'],
  ['I32', 'i32'],
  ['I16', 'i16'],
  ['I8', 'i8'],
  ['U8', 'u8'],
  ['BOOL', 'bool'],
]);

/** Limit of the format itself; a real header of 600 tensors has 70 kB. */
const maxHeaderBytes = 100_000_000;

/** One read call asks for no more than this, because the kernel returns at most 2 GiB − 4 KiB. */
const readChunkBytes = 64 * 1024 * 1024;

export const repairHint = 'Pull the model again, or run "imagemill models verify" to see which files differ.';

/**
 * Reads the header of a safetensors file and never its data, so it costs the same for a file of any size.
 * Format: 8 bytes little-endian header length, JSON header, data without gaps (github.com/huggingface/safetensors).
 *
 * @throws DiffusionError `checkpoint_file_missing`, `checkpoint_file_unreadable`, `checkpoint_file_truncated`,
 * `checkpoint_file_damaged`, `tensor_type_unsupported`
 */
export async function readSafetensorsHeader(path: string): Promise<SafetensorsFile> {
  const { handle, file } = await openFile(path);
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw fault('checkpoint_file_missing', file, 'is not a file. A safetensors file is expected.');
    const headerBytes = await readHeaderLength(handle, file, stats.size);
    const text = decodeUtf8(await readExactly(handle, file, 8, headerBytes), file);
    return parseHeader(text, file, 8 + headerBytes, stats.size);
  } finally {
    await handle.close();
  }
}

/** Reads the stored bytes of a tensor. @throws DiffusionError as `readSafetensorsHeader`, for files changed since. */
export async function readBytes(ref: TensorRef): Promise<Uint8Array> {
  const { handle } = await openFile(ref.file);
  try {
    return await readExactly(handle, ref.file, ref.offset, ref.length);
  } finally {
    await handle.close();
  }
}

/**
 * Reads a tensor as float32, row-major in `ref.shape`; f16 and bf16 convert exactly, f64 is rounded.
 *
 * @throws DiffusionError `tensor_type_unsupported` for integers and booleans
 */
export async function readFloat32(ref: TensorRef): Promise<Float32Array> {
  if (ref.type === 'f32') return decodeFloats(await readBytes(ref), 'f32');
  const out = new Float32Array(elementCount(ref.shape));
  let position = 0;
  for await (const chunk of streamFloat32(ref, readChunkBytes / 4)) {
    out.set(chunk, position);
    position += chunk.length;
  }
  return out;
}

/**
 * Reads a tensor as float32 in pieces of at most `maxElements`, in stored order, so that a tensor of many gigabytes
 * passes through a small buffer. Each piece is a fresh array.
 *
 * @throws DiffusionError `tensor_type_unsupported` for integers and booleans
 */
export async function* streamFloat32(ref: TensorRef, maxElements: number): AsyncGenerator<Float32Array> {
  requireFloat(ref);
  const size = bytesPerElement[ref.type];
  const step = Math.max(1, Math.floor(maxElements)) * size;
  const { handle } = await openFile(ref.file);
  try {
    for (let start = 0; start < ref.length; start += step) {
      const bytes = await readExactly(handle, ref.file, ref.offset + start, Math.min(step, ref.length - start));
      yield decodeFloats(bytes, ref.type);
    }
  } finally {
    await handle.close();
  }
}

/**
 * Reads an integer or boolean tensor, such as token ids, as numbers.
 *
 * @throws DiffusionError `tensor_type_unsupported` for floats, `checkpoint_file_damaged` for values beyond 2^53
 */
export async function readIntegers(ref: TensorRef): Promise<number[]> {
  if (isFloatType(ref.type)) throw wrongType(ref, 'an integer type');
  const bytes = await readBytes(ref);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = bytesPerElement[ref.type];
  return Array.from({ length: bytes.length / size }, (_, i) => {
    const at = i * size;
    if (ref.type === 'i32') return view.getInt32(at, true);
    if (ref.type === 'i16') return view.getInt16(at, true);
    if (ref.type === 'i8') return view.getInt8(at);
    if (ref.type !== 'i64') return view.getUint8(at);
    const value = Number(view.getBigInt64(at, true));
    if (!Number.isSafeInteger(value)) {
      throw fault('checkpoint_file_damaged', ref.file, `holds ${value} in "${ref.name}", beyond exact integers.`);
    }
    return value;
  });
}

async function openFile(path: string): Promise<{ handle: FileHandle; file: string }> {
  try {
    const file = await realpath(path);
    return { handle: await open(file, 'r'), file };
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const code = missing ? 'checkpoint_file_missing' : 'checkpoint_file_unreadable';
    const what = missing ? `does not exist. ${repairHint}` : `cannot be opened: ${(cause as Error).message}.`;
    throw fault(code, path, what, {}, cause);
  }
}

async function readExactly(handle: FileHandle, file: string, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const want = Math.min(readChunkBytes, length - done);
    const { bytesRead } = await readOnce(handle, file, bytes, done, want, offset + done);
    if (bytesRead === 0) {
      const found = `ends at byte ${offset + done}, but byte ${offset + length} is needed. ${repairHint}`;
      throw fault('checkpoint_file_truncated', file, found, { expectedBytes: offset + length, found: offset + done });
    }
    done += bytesRead;
  }
  return bytes;
}

async function readOnce(
  handle: FileHandle,
  file: string,
  bytes: Uint8Array,
  at: number,
  want: number,
  position: number,
): Promise<{ bytesRead: number }> {
  try {
    return await handle.read(bytes, at, want, position);
  } catch (cause) {
    throw fault('checkpoint_file_unreadable', file, `cannot be read: ${(cause as Error).message}.`, {}, cause);
  }
}

async function readHeaderLength(handle: FileHandle, file: string, sizeBytes: number): Promise<number> {
  if (sizeBytes < 8) {
    const found = `has ${sizeBytes} bytes, but a safetensors file starts with 8 bytes of header length. ${repairHint}`;
    throw fault('checkpoint_file_truncated', file, found, { sizeBytes });
  }
  const start = await readExactly(handle, file, 0, 8);
  const length = new DataView(start.buffer).getBigUint64(0, true);
  if (length < 2n || length > BigInt(maxHeaderBytes)) {
    const found = `claims a header of ${length} bytes; 2 to ${maxHeaderBytes} are possible, so this is no safetensors file.`;
    throw fault('checkpoint_file_damaged', file, `${found} ${repairHint}`, { headerBytes: length.toString() });
  }
  if (8n + length > BigInt(sizeBytes)) {
    const found = `has ${sizeBytes} bytes, but its header alone needs ${8n + length}. ${repairHint}`;
    throw fault('checkpoint_file_truncated', file, found, { sizeBytes, headerBytes: Number(length) });
  }
  return Number(length);
}

function decodeUtf8(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw fault('checkpoint_file_damaged', file, `has a header that is not UTF-8 text. ${repairHint}`, {}, cause);
  }
}

function parseHeader(text: string, file: string, dataStart: number, sizeBytes: number): SafetensorsFile {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (cause) {
    throw fault('checkpoint_file_damaged', file, `has a header that is not JSON. ${repairHint}`, {}, cause);
  }
  if (!isRecord(header)) throw fault('checkpoint_file_damaged', file, `has a header that is no object. ${repairHint}`);
  const tensors = new Map<string, TensorRef>();
  for (const [name, entry] of Object.entries(header)) {
    if (name !== '__metadata__') tensors.set(name, parseEntry(name, entry, file, dataStart));
  }
  checkLayout([...tensors.values()], file, dataStart, sizeBytes);
  return { file, metadata: parseMetadata(header['__metadata__'], file), tensors };
}

function parseMetadata(value: unknown, file: string): Record<string, string> {
  if (value === undefined || value === null) return {};
  if (!isRecord(value) || Object.values(value).some((item) => typeof item !== 'string')) {
    throw fault('checkpoint_file_damaged', file, `has "__metadata__" that does not map text to text. ${repairHint}`);
  }
  return value as Record<string, string>;
}

function parseEntry(name: string, entry: unknown, file: string, dataStart: number): TensorRef {
  if (!isRecord(entry)) {
    throw fault('checkpoint_file_damaged', file, `describes "${name}" by no object. ${repairHint}`, { tensor: name });
  }
  const { dtype, shape, data_offsets: offsets } = entry;
  const type = typeof dtype === 'string' ? storedTypes.get(dtype) : undefined;
  if (type === undefined) {
    const known = [...storedTypes.keys()].join(', ');
    const found = `stores "${name}" as ${JSON.stringify(dtype)}; one of ${known} is expected.`;
    throw fault('tensor_type_unsupported', file, found, { tensor: name, type: dtype });
  }
  if (!isNaturals(shape) || !isNaturals(offsets) || offsets.length !== 2) {
    const found = `gives "${name}" the shape ${JSON.stringify(shape)} and the offsets ${JSON.stringify(offsets)}; whole numbers from 0 up, and two offsets, are expected.`;
    throw fault('checkpoint_file_damaged', file, `${found} ${repairHint}`, { tensor: name });
  }
  const [start = 0, end = 0] = offsets;
  const needed = elementCount(shape) * bytesPerElement[type];
  if (end - start !== needed) {
    const found = `gives "${name}" ${end - start} bytes, but the shape [${shape.join(', ')}] in ${type} needs ${needed}.`;
    throw fault('checkpoint_file_damaged', file, `${found} ${repairHint}`, { tensor: name });
  }
  return { name, type, shape, file, offset: dataStart + start, length: needed };
}

/** The data of a file is one run without gaps or overlaps that ends where the file ends. */
function checkLayout(refs: TensorRef[], file: string, dataStart: number, sizeBytes: number): void {
  const ordered = refs.toSorted((a, b) => a.offset - b.offset || a.length - b.length);
  let end = dataStart;
  for (const ref of ordered) {
    if (ref.offset !== end) {
      const how = ref.offset < end ? 'overlaps the tensor before it' : 'leaves a gap after the tensor before it';
      const found = `places "${ref.name}" at byte ${ref.offset}, where it ${how} (byte ${end} is expected).`;
      throw fault('checkpoint_file_damaged', file, `${found} ${repairHint}`, { tensor: ref.name });
    }
    end += ref.length;
  }
  if (sizeBytes < end) {
    const found = `has ${sizeBytes} bytes, but its header describes ${end}: the end is missing. ${repairHint}`;
    throw fault('checkpoint_file_truncated', file, found, { sizeBytes, expectedBytes: end });
  }
  if (sizeBytes > end) {
    const found = `has ${sizeBytes} bytes, but its header describes only ${end}. ${repairHint}`;
    throw fault('checkpoint_file_damaged', file, found, { sizeBytes, expectedBytes: end });
  }
}

function requireFloat(ref: TensorRef): void {
  if (!isFloatType(ref.type)) throw wrongType(ref, 'f32, f16, bf16 or f64');
}

function wrongType(ref: TensorRef, expected: string): DiffusionError {
  const found = `stores "${ref.name}" as ${ref.type}; ${expected} is expected.`;
  return fault('tensor_type_unsupported', ref.file, found, { tensor: ref.name, type: ref.type });
}

function fault(
  code: DiffusionErrorCode,
  file: string,
  what: string,
  details: Record<string, unknown> = {},
  cause?: unknown,
): DiffusionError {
  return new DiffusionError(code, `${file} ${what}`, { details: { file, ...details }, cause });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNaturals(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}
