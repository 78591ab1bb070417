import { mkdir, rename, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/**
 * Moves files of a model into `<model>.quarantine` beside its folder, so that nothing draws with them and they can be
 * looked at.
 *
 * @param files relative paths; those that are not there are passed over
 * @returns the folder
 */
export async function quarantineFiles(modelPath: string, files: readonly string[], now: Date): Promise<string> {
  const time = now.toISOString().replaceAll(':', '-');
  const folder = join(`${modelPath}.quarantine`, time);
  for (const file of files) {
    const from = join(modelPath, file);
    if (!(await isThere(from))) continue;
    const to = join(folder, dirname(file), basename(file));
    await mkdir(dirname(to), { recursive: true });
    await rename(from, to);
  }
  return folder;
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
