import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { openCheckpoint } from '@imagemill/diffusion';
import { writeSyntheticCheckpoint } from '@imagemill/diffusion/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

let folder: string;
/** Size of the transformer in f32, MB. */
let stored: number;
/** What the first process of each mode saw, which converts. */
const converting = new Map<string, Raised>();

/** Highest resident size over that before, MB, after each phase. */
interface Raised {
  readonly opened: number;
  readonly loaded: number;
  readonly drawn: number;
}

async function observe(mode: string): Promise<Raised> {
  const child = fileURLToPath(new URL('../support/held-memory-child.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [child, folder, join(folder, 'cache'), mode]);
  return JSON.parse(stdout) as Raised;
}

// The kernel's account of memory is read from /proc.
describe.runIf(process.platform === 'linux')('the memory of a large checkpoint in f32', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'imagemill-memory-'));
    await writeSyntheticCheckpoint(folder, { dim: 1024, heads: 8, layers: 9, shardBytes: 1e8 });
    stored = (await openCheckpoint(folder)).transformer.weights.totalBytes / 1e6;
    expect(stored).toBeGreaterThan(500);
    for (const mode of ['fp16', 'w8a8']) converting.set(mode, await observe(mode));
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('converting to fp16 and to w8a8 holds a small part of it at a time', () => {
    expect(converting.get('fp16')?.opened).toBeLessThan(0.35 * stored);
    expect(converting.get('w8a8')?.opened).toBeLessThan(0.35 * stored);
  });

  test('w8a8 loads and computes in well under half of it', async () => {
    const { opened, drawn } = await observe('w8a8');
    expect(opened).toBeLessThan(0.05 * stored);
    expect(drawn).toBeLessThan(0.5 * stored);
  });

  test('fp16 and mapped weights take no memory until they are used', async () => {
    expect((await observe('fp16')).loaded).toBeLessThan(0.05 * stored);
    expect((await observe('mapped')).loaded).toBeLessThan(0.05 * stored);
  });

  test('packed weights take their size as computed with, and less than a third more', async () => {
    const { drawn } = await observe('packed');
    expect(drawn).toBeGreaterThan(0.9 * stored);
    expect(drawn).toBeLessThan(1.3 * stored);
  });
});
