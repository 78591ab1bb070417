import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import * as nodeFiles from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ByteStream, PictureStore, StoredPicture } from '../../application/ports.ts';
import type { PictureRemover } from '../../application/retention-ports.ts';
import { storageError } from '../../application/storage-error.ts';
import type { AppError } from '../../domain/errors.ts';
import { type ContentHash, contentHash } from '../../domain/ids.ts';

/** What the store does with files; a test may make one of them fail as a disk would. */
export type Files = Pick<typeof nodeFiles, 'mkdir' | 'open' | 'rename' | 'rm' | 'stat' | 'readdir' | 'utimes'>;

/**
 * Bytes under their SHA-256: `<folder>/ab/cd/<hash>`. A file is written under another name, flushed, and renamed, so a
 * file with its final name is whole, also after a loss of power.
 */
export class FilesystemStore implements PictureStore, PictureRemover {
  readonly #folder: string;
  readonly #files: Files;

  private constructor(folder: string, files: Files) {
    this.#folder = folder;
    this.#files = files;
  }

  /**
   * Creates the folder if it is missing and removes what a crash left half written an hour ago or longer: what is newer,
   * another process may be writing.
   *
   * @throws AppError `disk_full`, `storage_failed`
   */
  static async open(folder: string, files: Files = nodeFiles): Promise<FilesystemStore> {
    const store = new FilesystemStore(folder, files);
    await translated(async () => {
      await files.mkdir(store.#unfinishedFolder, { recursive: true });
      for (const name of await files.readdir(store.#unfinishedFolder)) {
        const path = join(store.#unfinishedFolder, name);
        const { mtimeMs } = await files.stat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
        if (mtimeMs < Date.now() - ABANDONED_MS) await files.rm(path, { force: true });
      }
    });
    return store;
  }

  async put(bytes: Uint8Array): Promise<StoredPicture> {
    const sha256 = contentHash(createHash('sha256').update(bytes).digest('hex'));
    const stored = { sha256, sizeBytes: bytes.byteLength };
    const path = this.#pathOf(sha256);
    if ((await this.#sizeOf(path)) === bytes.byteLength && (await this.#touch(path))) return stored;
    const unfinished = join(this.#unfinishedFolder, randomUUID());
    await translated(async () => {
      try {
        await this.#write(unfinished, bytes);
        const isNew = (await this.#files.mkdir(dirname(path), { recursive: true })) !== undefined;
        await this.#files.rename(unfinished, path);
        await this.#flushFolder(dirname(path));
        if (isNew) await Promise.all([dirname(dirname(path)), this.#folder].map((one) => this.#flushFolder(one)));
      } catch (error) {
        await this.#files.rm(unfinished, { force: true }).catch(() => undefined);
        throw error;
      }
    });
    return stored;
  }

  async open(sha256: ContentHash, range?: { start: number; end: number }): Promise<ByteStream | undefined> {
    const path = this.#pathOf(sha256);
    if ((await this.#sizeOf(path)) === undefined) return undefined;
    return createReadStream(path, range);
  }

  /** What was stored again in the last hour stays: its record may not be written yet. */
  async remove(sha256: ContentHash): Promise<boolean> {
    const path = this.#pathOf(sha256);
    if ((await this.#ageOf(path)) < JUST_STORED_MS) return false;
    const aside = join(this.#unfinishedFolder, randomUUID());
    return await this.#files.rename(path, aside).then(
      async () => {
        // Stored again between the look and the move.
        const isWanted = (await this.#ageOf(aside)) < JUST_STORED_MS;
        await (isWanted ? this.#files.rename(aside, path) : this.#files.rm(aside));
        return !isWanted;
      },
      (error: unknown) => {
        throw toAppError(error);
      },
    );
  }

  /** Since it was stored, or stored again; 0 when it is not there. */
  async #ageOf(path: string): Promise<number> {
    try {
      return Date.now() - (await this.#files.stat(path)).mtimeMs;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
      throw toAppError(error);
    }
  }

  /** Marks a file as stored again; false when it has just gone. */
  async #touch(path: string): Promise<boolean> {
    try {
      const now = new Date();
      await this.#files.utimes(path, now, now);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw toAppError(error);
    }
  }

  /** Nobody but this server reads the folder. */
  async linkTo(): Promise<undefined> {
    return undefined;
  }

  get #unfinishedFolder(): string {
    return join(this.#folder, 'unfinished');
  }

  #pathOf(sha256: ContentHash): string {
    return join(this.#folder, sha256.slice(0, 2), sha256.slice(2, 4), sha256);
  }

  async #sizeOf(path: string): Promise<number | undefined> {
    try {
      return (await this.#files.stat(path)).size;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw toAppError(error);
    }
  }

  async #write(path: string, bytes: Uint8Array): Promise<void> {
    const file = await this.#files.open(path, 'wx');
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  /** Makes the new name of a file durable. */
  async #flushFolder(folder: string): Promise<void> {
    const handle = await this.#files.open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}

async function translated(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    throw toAppError(error);
  }
}

function toAppError(error: unknown): AppError {
  return storageError(error, 'A picture could not be stored or read');
}

const ABANDONED_MS = 3_600_000;
const JUST_STORED_MS = 3_600_000;
