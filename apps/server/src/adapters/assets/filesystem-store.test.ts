import * as nodeFiles from 'node:fs/promises';
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { contentHash } from '../../domain/ids.ts';
import { type Files, FilesystemStore } from './filesystem-store.ts';

const abc = contentHash('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
const bytes = new TextEncoder().encode('abc');

describe('the picture store in a folder', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'imagemill-assets-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const unfinished = () => readdir(join(folder, 'unfinished'));
  async function read(store: FilesystemStore, range?: { start: number; end: number }): Promise<string | undefined> {
    const stream = await store.open(abc, range);
    if (stream === undefined) return undefined;
    const chunks: Uint8Array[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  }

  it('keeps bytes under their hash', async () => {
    const store = await FilesystemStore.open(folder);
    expect(await store.put(bytes)).toEqual({ sha256: abc, sizeBytes: 3 });
    expect(await readdir(join(folder, 'ba', '78'))).toEqual([abc]);
    expect(await read(store)).toBe('abc');
    expect(await read(store, { start: 1, end: 1 })).toBe('b');
    expect(await unfinished()).toEqual([]);
  });

  it('keeps the same bytes once, also when they come at the same time', async () => {
    const store = await FilesystemStore.open(folder);
    await Promise.all(Array.from({ length: 8 }, () => store.put(bytes)));
    expect(await readdir(join(folder, 'ba', '78'))).toEqual([abc]);
    expect(await unfinished()).toEqual([]);
  });

  it('says that bytes are not there rather than failing', async () => {
    expect(await read(await FilesystemStore.open(folder))).toBeUndefined();
  });

  it('writes a file of the wrong size anew', async () => {
    const store = await FilesystemStore.open(folder);
    await store.put(bytes);
    await writeFile(join(folder, 'ba', '78', abc), 'a');
    await store.put(bytes);
    expect(await read(store)).toBe('abc');
  });

  it('removes at the start what a crash left half written, and leaves alone what another process may be writing', async () => {
    await FilesystemStore.open(folder);
    const leftOver = join(folder, 'unfinished', 'left-over');
    await writeFile(leftOver, 'ab');
    await writeFile(join(folder, 'unfinished', 'in-work'), 'ab');
    const hoursAgo = new Date(Date.now() - 2 * 3_600_000);
    await utimes(leftOver, hoursAgo, hoursAgo);
    await FilesystemStore.open(folder);
    expect(await unfinished()).toEqual(['in-work']);
  });

  // /dev/full answers every write as a full disk does.
  it.skipIf(process.platform !== 'linux')('reports a full disk and leaves nothing half written', async () => {
    const full: Files = {
      ...nodeFiles,
      open: (path, flags) =>
        nodeFiles.open(String(path).includes('unfinished') ? '/dev/full' : path, flags === 'wx' ? 'w' : flags),
    };
    const store = await FilesystemStore.open(folder, full);
    await expect(store.put(bytes)).rejects.toMatchObject({ code: 'disk_full', details: { systemCode: 'ENOSPC' } });
    expect(await read(store)).toBeUndefined();
    expect(await unfinished()).toEqual([]);
  });
});
