import { statfs } from 'node:fs/promises';
import type { Clock, Disk } from '../application/ports.ts';
import { AppError } from '../domain/errors.ts';

/** Free space of the file system that holds a folder, looked up at most once a second. */
export function createDisk(folder: string, options: { readonly minFreeBytes: number; readonly clock: Clock }): Disk {
  const { minFreeBytes, clock } = options;
  let known: { readonly at: number; readonly bytes: Promise<number> } | undefined;
  return {
    minFreeBytes,
    freeBytes() {
      const now = clock.now();
      if (known === undefined || now - known.at >= MAX_AGE_MS || now < known.at) {
        known = { at: now, bytes: lookUp(folder) };
        known.bytes.catch(() => {
          known = undefined;
        });
      }
      return known.bytes;
    },
  };
}

async function lookUp(folder: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch (error) {
    const reason = (error as Error).message;
    throw new AppError('storage_failed', `The data folder cannot be looked at: ${reason}.`, { cause: error });
  }
}

const MAX_AGE_MS = 1_000;
