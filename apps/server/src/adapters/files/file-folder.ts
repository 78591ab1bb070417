import { once } from 'node:events';
import { createReadStream, createWriteStream, type ReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { FileCopies } from '../../application/file-copies.ts';
import type { FileFolder, FileWriter } from '../../application/order-ports.ts';
import { AppError } from '../../domain/errors.ts';
import type { FileId } from '../../domain/ids.ts';
import { readLines } from './read-lines.ts';

export interface FileFolderOptions {
  readonly maxBytes: number;
  /** Where other processes find the files, which have folders of their own. @default they share the folder */
  readonly copies?: FileCopies | undefined;
}

/** Files in a folder under their ids. What was begun long ago and never ended is removed. */
export async function openFileFolder(folder: string, options: FileFolderOptions): Promise<FileFolder> {
  await mkdir(folder, { recursive: true });
  await removeLeftovers(folder);
  const pathOf = (id: FileId): string => join(folder, id);
  const { copies } = options;
  const keep = async (id: FileId): Promise<void> => {
    try {
      await copies?.keep(nameOf(id), pathOf(id));
    } catch (error) {
      await rm(pathOf(id), { force: true });
      throw error;
    }
  };
  const openOrBring = async (id: FileId): Promise<ReadStream> => {
    try {
      return await openBytes(pathOf(id));
    } catch (error) {
      if (!(await copies?.bring(nameOf(id), pathOf(id)))) throw error;
      return openBytes(pathOf(id));
    }
  };
  return {
    async save(id, bytes) {
      const part = pathOf(id) + PART;
      const bound = boundedBy(options.maxBytes);
      try {
        await pipeline(bytes, bound.stream, createWriteStream(part, { flags: 'wx', flush: true }));
        await rename(part, pathOf(id));
        await keep(id);
        return bound.size();
      } catch (error) {
        await rm(part, { force: true });
        throw diskError(error);
      }
    },
    write: (id) => openWriter(pathOf(id), () => keep(id)),
    open: openOrBring,
    async *lines(id) {
      yield* readLines(await openOrBring(id), MAX_LINE_BYTES);
    },
    async remove(id) {
      await copies?.remove(nameOf(id));
      await rm(pathOf(id), { force: true });
    },
  };
}

function nameOf(id: FileId): string {
  return `files/${id}`;
}

/** Other processes may write to the folder at the same time: what is young is theirs. */
async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.endsWith(PART)) continue;
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && found.mtimeMs < Date.now() - LEFTOVER_MS) await rm(path, { force: true });
  }
}

async function openBytes(path: string): Promise<ReadStream> {
  const stream = createReadStream(path);
  try {
    await once(stream, 'open');
  } catch (error) {
    throw new AppError('file_not_found', 'The bytes of the file are not there any more.', { cause: error });
  }
  return stream;
}

async function openWriter(path: string, keep: () => Promise<void>): Promise<FileWriter> {
  const part = path + PART;
  const file = await open(part, 'w').catch((error: unknown) => {
    throw diskError(error);
  });
  let sizeBytes = 0;
  return {
    async write(text) {
      const bytes = Buffer.from(text);
      sizeBytes += bytes.length;
      try {
        await file.appendFile(bytes);
      } catch (error) {
        throw diskError(error);
      }
    },
    async close() {
      try {
        await file.sync();
        await file.close();
        await rename(part, path);
      } catch (error) {
        throw diskError(error);
      }
      await keep();
      return sizeBytes;
    },
    async discard() {
      await file.close();
      await rm(part, { force: true });
    },
  };
}

function boundedBy(maxBytes: number): { readonly stream: Transform; readonly size: () => number } {
  let size = 0;
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      if (size <= maxBytes) done(null, chunk);
      else
        done(new AppError('upload_too_large', `The file has more than ${maxBytes} bytes.`, { details: { maxBytes } }));
    },
  });
  return { stream, size: () => size };
}

function diskError(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT'
    ? new AppError('disk_full', 'The disk is full.', { cause: error })
    : error;
}

const PART = '.part';
const LEFTOVER_MS = 3_600_000;
/** As large as a request of the API may be by default. */
const MAX_LINE_BYTES = 1_048_576;
