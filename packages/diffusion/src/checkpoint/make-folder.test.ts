import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeFolder } from './make-folder.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'imagemill-folder-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

it('makes the folders above too, also when two ask at once', async () => {
  const wanted = join(folder, 'a', 'b', 'c');
  await Promise.all([makeFolder(wanted), makeFolder(wanted)]);
  await makeFolder(wanted);
  expect(await readdir(join(folder, 'a', 'b'))).toEqual(['c']);
});

it('refuses a name that a file has', async () => {
  await writeFile(join(folder, 'plain'), '');
  await expect(makeFolder(join(folder, 'plain'))).rejects.toMatchObject({ code: 'EEXIST' });
  await expect(makeFolder(join(folder, 'plain', 'inner'))).rejects.toMatchObject({ code: 'EEXIST' });
});

it.runIf(process.platform === 'linux')('comes back from a file system that takes no folder', async () => {
  await expect(makeFolder('/proc/imagemill/pictures')).rejects.toMatchObject({ code: 'ENOENT' });
});
