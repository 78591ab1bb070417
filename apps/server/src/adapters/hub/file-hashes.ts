import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { ModelError } from '../../application/model-errors.ts';
import type { ByteProgress, FileDigest } from '../../application/model-ports.ts';

/** Running hashes of a file whose size is known beforehand, as a digest over a Git blob begins with it. */
export class FileHasher {
  readonly #sha256: Hash = createHash('sha256');
  readonly #gitBlob: Hash | undefined;

  constructor(algorithm: FileDigest['algorithm'], sizeBytes: number) {
    this.#gitBlob = algorithm === 'git-blob-sha1' ? createHash('sha1').update(`blob ${sizeBytes}\0`) : undefined;
  }

  update(bytes: Uint8Array): void {
    this.#sha256.update(bytes);
    this.#gitBlob?.update(bytes);
  }

  /** Ends the hashing. `sha256` is for the manifest; `matches` says whether the bytes are the announced ones. */
  finish(digest: FileDigest): { readonly sha256: string; readonly matches: boolean } {
    const sha256 = this.#sha256.digest('hex');
    const own = this.#gitBlob === undefined ? sha256 : this.#gitBlob.digest('hex');
    return { sha256, matches: own === digest.hex };
  }
}

/** Reads a file through `take`, 1 MiB at a time. @throws ModelError `cancelled`; errors of the file system as they are */
export async function readThrough(
  path: string,
  take: ByteProgressBytes,
  onBytes: ByteProgress,
  signal: AbortSignal,
): Promise<void> {
  const file = await open(path, 'r');
  try {
    await readHandle(file, take, onBytes, signal);
  } finally {
    await file.close();
  }
}

type ByteProgressBytes = (bytes: Uint8Array) => void;

async function readHandle(
  file: FileHandle,
  take: ByteProgressBytes,
  onBytes: ByteProgress,
  signal: AbortSignal,
): Promise<void> {
  const buffer = new Uint8Array(1024 * 1024);
  for (;;) {
    if (signal.aborted) throw new ModelError('cancelled', 'Reading was stopped.', { cause: signal.reason });
    const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
    if (bytesRead === 0) return;
    take(buffer.subarray(0, bytesRead));
    onBytes(bytesRead);
  }
}
