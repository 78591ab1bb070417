import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  createManifest,
  type ManifestProgress,
  manifestFileName,
  readManifest,
  verifyManifest,
  writeManifest,
} from './manifest.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'imagemill-manifest-'));
  await mkdir(join(folder, 'vae'));
  await writeFile(join(folder, 'vae', 'config.json'), '{}');
  await writeFile(join(folder, 'big.bin'), new Uint8Array(2_500_000).fill(7));
  await writeFile(join(folder, 'empty'), '');
});
afterEach(() => rm(folder, { recursive: true }));

const sha256 = (data: string | Uint8Array) => createHash('sha256').update(data).digest('hex');

test('a manifest lists every file in order with size and hash', async () => {
  expect(await createManifest(folder)).toEqual({
    files: [
      { path: 'big.bin', sizeBytes: 2_500_000, sha256: sha256(new Uint8Array(2_500_000).fill(7)) },
      { path: 'empty', sizeBytes: 0, sha256: sha256('') },
      { path: 'vae/config.json', sizeBytes: 2, sha256: sha256('{}') },
    ],
  });
});

test('caches, the manifest itself and links to nothing are left out; links count as their targets', async () => {
  await writeManifest(folder, { files: [] });
  await mkdir(join(folder, '.cache'));
  await writeFile(join(folder, '.cache', 'x'), 'x');
  await symlink(join(folder, 'nowhere'), join(folder, 'dangling'));
  await symlink(join(folder, 'vae', 'config.json'), join(folder, 'linked.json'));
  await symlink(folder, join(folder, 'vae', 'round'));
  const { files } = await createManifest(folder);
  expect(files.map(({ path }) => path)).toEqual(['big.bin', 'empty', 'linked.json', 'vae/config.json']);
});

test('an unchanged folder has no problems, also after its manifest was written and read', async () => {
  const manifest = await createManifest(folder);
  await writeManifest(folder, manifest);
  const read = await readManifest(folder);
  expect(read).toEqual(manifest);
  expect(await verifyManifest(folder, read)).toEqual([]);
  expect((await readdir(folder)).sort()).toEqual(['big.bin', 'empty', manifestFileName, 'vae']);
});

test('missing, surplus, resized and changed files are each reported', async () => {
  const manifest = await createManifest(folder);
  await rm(join(folder, 'empty'));
  await writeFile(join(folder, 'vae', 'config.json'), '[]');
  await writeFile(join(folder, 'big.bin'), 'small');
  await writeFile(join(folder, 'more'), '');
  expect(await verifyManifest(folder, manifest)).toEqual([
    { kind: 'size', path: 'big.bin', expected: 2_500_000, found: 5 },
    { kind: 'missing', path: 'empty' },
    { kind: 'surplus', path: 'more' },
    { kind: 'hash', path: 'vae/config.json', expected: sha256('{}'), found: sha256('[]') },
  ]);
});

test('a flipped bit anywhere in a file is found', async () => {
  const bytes = new Uint8Array(3000).map((_, i) => i * 31);
  await writeFile(join(folder, 'weights'), bytes);
  const manifest = await createManifest(folder);
  await fc.assert(
    fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, mask) => {
      const flipped = bytes.slice();
      flipped[at] = bytes[at]! ^ mask;
      await writeFile(join(folder, 'weights'), flipped);
      const problems = await verifyManifest(folder, manifest);
      expect(problems.map(({ kind, path }) => `${kind} ${path}`)).toEqual(['hash weights']);
    }),
    { seed: 6, numRuns: 10 },
  );
});

test('progress rises to the total and touches every file', async () => {
  const seen: ManifestProgress[] = [];
  await createManifest(folder, { onProgress: (progress) => seen.push(progress) });
  expect(new Set(seen.map(({ path }) => path))).toEqual(new Set(['big.bin', 'empty', 'vae/config.json']));
  const done = seen.map(({ doneBytes }) => doneBytes);
  expect(done).toEqual(done.toSorted((a, b) => a - b));
  expect(seen.at(-1)).toMatchObject({ doneBytes: 2_500_002, totalBytes: 2_500_002 });
});

test('hashing stops when it is cancelled, before and during a file', async () => {
  await expect(createManifest(folder, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'cancelled' });
  const controller = new AbortController();
  const during = createManifest(folder, { signal: controller.signal, onProgress: () => controller.abort() });
  await expect(during).rejects.toMatchObject({ code: 'cancelled' });
});

test('an error of the progress callback reaches the caller as it is', async () => {
  const failure = new Error('the terminal is gone');
  const failing = createManifest(folder, {
    onProgress: () => {
      throw failure;
    },
  });
  await expect(failing).rejects.toBe(failure);
});

test('a folder that is not there is named', async () => {
  await expect(createManifest(join(folder, 'none'))).rejects.toMatchObject({ code: 'checkpoint_not_found' });
  await expect(writeManifest(join(folder, 'none'), { files: [] })).rejects.toThrow('ENOENT');
  await expect(readManifest(folder)).rejects.toMatchObject({ code: 'checkpoint_file_missing' });
});

test('a manifest that points outside its folder, or has other faults, is refused', async () => {
  const good = { path: 'a', sizeBytes: 1, sha256: 'a'.repeat(64) };
  const bad = [
    { ...good, path: '../a' },
    { ...good, path: '/etc/passwd' },
    { ...good, path: 'a/./b' },
    { ...good, path: 'C:\\a' },
    { ...good, path: '' },
    { ...good, sizeBytes: -1 },
    { ...good, sha256: 'A'.repeat(64) },
    { ...good, extra: true },
  ];
  for (const file of bad) {
    await writeFile(join(folder, manifestFileName), JSON.stringify({ files: [file] }));
    await expect(readManifest(folder)).rejects.toMatchObject({ code: 'checkpoint_config_invalid' });
  }
});
