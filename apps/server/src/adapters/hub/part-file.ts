import { type FileHandle, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ByteProgress, FilePart, WantedFile } from '../../application/model-ports.ts';
import { hasErrorCode, toWriteError } from './file-errors.ts';
import { FileHasher, readThrough } from './file-hashes.ts';

/** Bytes received so far. */
export function partPath(path: string): string {
  return `${path}.part`;
}

/** Beside the part: which version of the file it belongs to. */
export function partNotePath(path: string): string {
  return `${path}.part.json`;
}

interface PartNote {
  /** Digest of the whole file that the part is a beginning of. */
  readonly digest: string;
  readonly etag: string | undefined;
}

export interface PartFileOptions {
  /** Final place of the file. */
  readonly path: string;
  readonly file: WantedFile;
  /** Bytes of an earlier pull as they are hashed. */
  readonly onBytes: ByteProgress;
  readonly signal: AbortSignal;
  /** Called with the SHA-256 once the file is whole and has its final name. */
  readonly onWhole: (sha256: string) => void;
}

/**
 * Opens `<path>.part`, going on with what an earlier pull left there if it was of the same file; what it left is
 * hashed first, so that the digest over the whole costs no second reading at the end.
 *
 * @throws ModelError `disk_full`, `folder_unwritable`, `cancelled`
 */
export async function openPartFile({ path, file, onBytes, signal, onWhole }: PartFileOptions): Promise<FilePart> {
  try {
    await mkdir(dirname(path), { recursive: true });
    const note = await readNote(path);
    if (note?.digest !== file.digest.hex) await removePart(path);
    const hasher = new FileHasher(file.digest.algorithm, file.sizeBytes);
    const handle = await open(partPath(path), 'a');
    try {
      let { size } = await handle.stat();
      if (size > file.sizeBytes) {
        await handle.truncate(0);
        size = 0;
      }
      if (size > 0) await readThrough(partPath(path), (bytes) => hasher.update(bytes), onBytes, signal);
      return new PartFile({
        path,
        file,
        onWhole,
        handle,
        hasher,
        sizeBytes: size,
        etag: note?.digest === file.digest.hex ? note.etag : undefined,
      });
    } catch (error) {
      await handle.close();
      throw error;
    }
  } catch (error) {
    throw toWriteError(error, path);
  }
}

interface PartState {
  readonly path: string;
  readonly file: WantedFile;
  readonly onWhole: (sha256: string) => void;
  readonly handle: FileHandle;
  readonly hasher: FileHasher;
  readonly sizeBytes: number;
  readonly etag: string | undefined;
}

class PartFile implements FilePart {
  readonly #path: string;
  readonly #file: WantedFile;
  readonly #handle: FileHandle;
  readonly #onWhole: (sha256: string) => void;
  #hasher: FileHasher;
  sizeBytes: number;
  etag: string | undefined;

  constructor(state: PartState) {
    this.#path = state.path;
    this.#file = state.file;
    this.#onWhole = state.onWhole;
    this.#handle = state.handle;
    this.#hasher = state.hasher;
    this.sizeBytes = state.sizeBytes;
    this.etag = state.etag;
  }

  async restart(): Promise<void> {
    await this.#handle.truncate(0);
    this.sizeBytes = 0;
    this.#hasher = new FileHasher(this.#file.digest.algorithm, this.#file.sizeBytes);
  }

  async rememberEtag(etag: string | undefined): Promise<void> {
    this.etag = etag;
    try {
      await writeFile(partNotePath(this.#path), JSON.stringify({ digest: this.#file.digest.hex, etag }));
    } catch (error) {
      throw toWriteError(error, this.#path);
    }
  }

  async append(bytes: Uint8Array): Promise<void> {
    try {
      // Opened for appending, so a write lands at the end whatever was truncated before.
      for (let written = 0; written < bytes.length; ) {
        const rest = bytes.subarray(written);
        const { bytesWritten } = await this.#handle.write(rest, 0, rest.length);
        written += bytesWritten;
        this.#hasher.update(rest.subarray(0, bytesWritten));
        this.sizeBytes += bytesWritten;
      }
    } catch (error) {
      throw toWriteError(error, this.#path);
    }
  }

  async finish(): Promise<boolean> {
    const { matches, sha256 } = this.#hasher.finish(this.#file.digest);
    if (!matches) {
      await this.restart();
      return false;
    }
    try {
      // On the disk before it has its final name: a power cut must not leave a whole-looking empty file.
      await this.#handle.datasync();
      await rename(partPath(this.#path), this.#path);
      await rm(partNotePath(this.#path), { force: true });
    } catch (error) {
      throw toWriteError(error, this.#path);
    }
    this.#onWhole(sha256);
    return true;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

async function removePart(path: string): Promise<void> {
  await rm(partPath(path), { force: true });
  await rm(partNotePath(path), { force: true });
}

/** A note that is missing or unreadable makes the part worthless, which costs a download and no error. */
async function readNote(path: string): Promise<PartNote | undefined> {
  try {
    const note: unknown = JSON.parse(await readFile(partNotePath(path), 'utf8'));
    if (typeof note !== 'object' || note === null || !('digest' in note) || typeof note.digest !== 'string')
      return undefined;
    return { digest: note.digest, etag: 'etag' in note && typeof note.etag === 'string' ? note.etag : undefined };
  } catch (error) {
    if (error instanceof SyntaxError || hasErrorCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}
