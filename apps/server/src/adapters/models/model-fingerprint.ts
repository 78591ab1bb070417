import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Files up to this size are read; of larger ones, the weights, size and time of change stand for the content. */
const MOST_READ = 65_536;

/** A hash that changes when a model's files do: configurations by content, weights by name, size and time of change. */
export async function fingerprintModel(folder: string): Promise<string> {
  const hash = createHash('sha256');
  const names = await readdir(folder, { recursive: true });
  for (const name of names.sort()) {
    const path = join(folder, name);
    const stats = await stat(path);
    if (!stats.isFile()) continue;
    const isSmall = stats.size <= MOST_READ;
    hash.update(JSON.stringify([name, stats.size, isSmall ? undefined : stats.mtimeMs]));
    if (isSmall) hash.update(await readFile(path));
  }
  return hash.digest('hex');
}
