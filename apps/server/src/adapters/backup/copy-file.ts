import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface HashedFile {
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** Hash of a file; undefined when it is not there. */
export async function hashFile(path: string): Promise<HashedFile | undefined> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  try {
    for await (const chunk of createReadStream(path)) {
      hash.update(chunk as Buffer);
      sizeBytes += (chunk as Buffer).length;
    }
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  return { sizeBytes, sha256: hash.digest('hex') };
}

/**
 * Copies a file and hashes what was read on the way; it gets its name once it is whole and on disk. Undefined, and
 * nothing is left, when it is not there or does not have the hash that is expected.
 */
export async function copyFile(
  from: string,
  to: string,
  expected: string | undefined,
): Promise<HashedFile | undefined> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  await mkdir(dirname(to), { recursive: true });
  const part = `${to}.part`;
  const target = await open(part, 'w');
  try {
    for await (const chunk of createReadStream(from)) {
      hash.update(chunk as Buffer);
      sizeBytes += (chunk as Buffer).length;
      await target.write(chunk as Buffer);
    }
    await target.sync();
  } catch (error) {
    await rm(part, { force: true });
    if (isMissing(error)) return undefined;
    throw error;
  } finally {
    await target.close();
  }
  const sha256 = hash.digest('hex');
  if (expected !== undefined && sha256 !== expected) {
    await rm(part, { force: true });
    return undefined;
  }
  await rename(part, to);
  return { sizeBytes, sha256 };
}

/** Bytes of a file; undefined when it is not there. */
export async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
