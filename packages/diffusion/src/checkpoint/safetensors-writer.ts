import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { DiffusionError } from '../errors.ts';
import { bytesPerElement, elementCount, type StoredType } from './stored-type.ts';

/** A tensor of a file to be written: its place is fixed before its bytes are known. */
export interface TensorPlan {
  readonly name: string;
  readonly type: StoredType;
  readonly shape: readonly number[];
}

/** Writes the bytes of a safetensors file piece by piece, in any order. */
export interface SafetensorsWriter {
  /**
   * Puts bytes into a tensor, `at` bytes from its start.
   * @throws DiffusionError `disk_full`, `cache_unwritable`
   */
  write(name: string, bytes: Uint8Array, at?: number): Promise<void>;
}

/**
 * Writes a safetensors file of any size through small buffers: wide elements first, then by name; the header is padded
 * so that the data starts at a multiple of 8. The file appears under its name when `fill` has ended and its bytes are on
 * the disk; until then, and after a failure, the name holds what it held before.
 *
 * @throws DiffusionError `disk_full`, `cache_unwritable`, and whatever `fill` throws
 */
export async function writeSafetensorsFile(
  file: string,
  plans: readonly TensorPlan[],
  metadata: Readonly<Record<string, string>>,
  fill: (writer: SafetensorsWriter) => Promise<void>,
): Promise<void> {
  const { header, places } = layOut(plans, metadata);
  const partial = partialName(file);
  try {
    const handle = await open(partial, 'w');
    try {
      await writeAt(handle, header, 0);
      await fill({
        async write(name, bytes, at = 0) {
          const place = places.get(name);
          if (place === undefined || at + bytes.byteLength > place.length) {
            throw new RangeError(`${bytes.byteLength} bytes at ${at} do not fit into the planned tensor ${name}`);
          }
          await writeAt(handle, bytes, header.byteLength + place.start + at);
        },
      });
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(partial, file);
  } catch (cause) {
    await rm(partial, { force: true }).catch(() => undefined); // the first error is the one to tell
    throw writeFault(file, cause);
  }
}

/** Where a file is written before it has its name; whoever finds an old one may remove it. */
export function partialName(file: string): string {
  return `${file}.${process.pid}.partial`;
}

/** Bytes that the file of these tensors will have. */
export function plannedBytes(plans: readonly TensorPlan[], metadata: Readonly<Record<string, string>>): number {
  const { header, places } = layOut(plans, metadata);
  return [...places.values()].reduce((sum, place) => sum + place.length, header.byteLength);
}

interface Place {
  /** Bytes after the header. */
  readonly start: number;
  readonly length: number;
}

/** Wide elements first, so that every tensor is aligned to its element although the format allows no gaps. */
function layOut(
  plans: readonly TensorPlan[],
  metadata: Readonly<Record<string, string>>,
): { header: Uint8Array; places: ReadonlyMap<string, Place> } {
  const ordered = plans.toSorted((a, b) => {
    const byWidth = bytesPerElement[b.type] - bytesPerElement[a.type];
    return byWidth !== 0 ? byWidth : a.name < b.name ? -1 : 1;
  });
  const entries: Record<string, unknown> = {};
  if (Object.keys(metadata).length > 0) entries['__metadata__'] = metadata;
  const places = new Map<string, Place>();
  let start = 0;
  for (const { name, type, shape } of ordered) {
    const length = elementCount(shape) * bytesPerElement[type];
    entries[name] = { dtype: type.toUpperCase(), shape, data_offsets: [start, start + length] };
    places.set(name, { start, length });
    start += length;
  }
  const json = new TextEncoder().encode(JSON.stringify(entries));
  const headerBytes = Math.ceil(json.length / 8) * 8;
  const header = new Uint8Array(8 + headerBytes).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(headerBytes), true);
  header.set(json, 8);
  return { header, places };
}

async function writeAt(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < bytes.byteLength) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.byteLength - done, position + done);
    done += bytesWritten;
  }
}

const diskFullCodes: ReadonlySet<string | undefined> = new Set(['ENOSPC', 'EDQUOT']);

/** Errors of the file system while `file` is written become ours; others pass. */
export function writeFault(file: string, cause: unknown): unknown {
  const { code, syscall, message } = cause as NodeJS.ErrnoException;
  if (!(cause instanceof Error) || typeof code !== 'string' || typeof syscall !== 'string') return cause;
  if (diskFullCodes.has(code)) {
    const text = `${file} cannot be written because the disk is full. Free space there or name another folder.`;
    return new DiffusionError('disk_full', text, { details: { file }, cause });
  }
  const text = `${file} cannot be written: ${message}. A folder that this process may write to is expected.`;
  return new DiffusionError('cache_unwritable', text, { details: { file, reason: code }, cause });
}
