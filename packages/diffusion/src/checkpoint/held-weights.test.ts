import { mkdir, mkdtemp, open, readdir, readFile, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTorchGenerator } from '../random.ts';
import { type HeldForm, type HoldOptions, holdWeights, scaleName } from './held-weights.ts';
import { readFloat32 } from './safetensors.ts';
import { openWeights, type Weights } from './weights.ts';
import { writeSafetensors } from './write-safetensors.ts';

let folder: string;
let cacheDir: string;
const source = { component: 'transformer', stem: 'diffusion_pytorch_model' } as const;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'imagemill-held-'));
  cacheDir = join(folder, 'cache');
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function writeSource(seed: number, type: 'f32' | 'bf16' = 'f32'): Promise<Weights> {
  const draw = createTorchGenerator(seed);
  const tensors = new Map([
    ['a.weight', { type, shape: [6, 4], data: draw.randn(24) }],
    ['b.weight', { type, shape: [3, 5], data: draw.randn(15) }],
    ['norm.weight', { type, shape: [4], data: draw.randn(4) }],
  ] as const);
  await writeSafetensors(join(folder, `${source.stem}.safetensors`), tensors);
  return openWeights(folder, source);
}

function options(forms: Record<string, HeldForm>, more: Partial<HoldOptions> = {}): HoldOptions {
  return { mode: 'fp16', formOf: (name) => forms[name] ?? 'own', integer: 'i8', cacheDir, ...more };
}

const half = (): HoldOptions => options({ 'a.weight': 'f16', 'b.weight': 'f16' });

async function cacheFiles(): Promise<string[]> {
  return (await readdir(cacheDir)).sort();
}

test('f16 weights lie in the cache rounded to half precision, and the rest where it lay', async () => {
  const own = await writeSource(1);
  const held = await holdWeights(own, options({ 'a.weight': 'f16', 'b.weight': 'f16' }, { cacheDir }));
  expect(held.get('a.weight')).toMatchObject({ type: 'f16', shape: [6, 4], length: 48 });
  expect(held.get('norm.weight')).toEqual(own.get('norm.weight'));
  expect(held.names()).toEqual(own.names());
  expect(held.totalBytes).toBe(48 + 30 + 16);
  const [exact, rounded] = [await readFloat32(own.get('a.weight')), await readFloat32(held.get('a.weight'))];
  exact.forEach((value, at) => {
    expect(Math.abs(rounded[at]! - value)).toBeLessThanOrEqual(Math.abs(value) * 2 ** -11);
  });
});

test('quantised weights lie in the cache as [in, out] beside a scale for each output', async () => {
  const own = await writeSource(1);
  const held = await holdWeights(own, options({ 'a.weight': 'quantised' }));
  expect(held.get('a.weight')).toMatchObject({ type: 'i8', shape: [4, 6], length: 24 });
  expect(held.get(scaleName('a.weight'))).toMatchObject({ type: 'f32', shape: [6] });
  expect(held.names()).toContain(scaleName('a.weight'));
  expect(held.get('b.weight')).toEqual(own.get('b.weight'));
});

test('weights that are stored in two bytes are used where they lie, without a cache', async () => {
  const own = await writeSource(1, 'bf16');
  expect(await holdWeights(own, { ...half(), cacheDir: undefined })).toBe(own);
});

test('a conversion without a cache folder is refused by name', async () => {
  const own = await writeSource(1);
  await expect(holdWeights(own, { ...half(), cacheDir: undefined })).rejects.toMatchObject({
    code: 'option_invalid',
    details: { option: 'cacheDir' },
  });
});

test('a second load takes the file of the first', async () => {
  const own = await writeSource(1);
  await holdWeights(own, options({ 'a.weight': 'f16' }));
  const [name] = await cacheFiles();
  const file = join(cacheDir, name ?? '');
  await utimes(file, 0, 0);
  const progress: unknown[] = [];
  await holdWeights(own, options({ 'a.weight': 'f16' }, { onProgress: (step) => progress.push(step) }));
  expect(progress).toEqual([]);
});

test('progress counts to the end', async () => {
  const own = await writeSource(1);
  const progress: unknown[] = [];
  await holdWeights(
    own,
    options({ 'a.weight': 'f16', 'b.weight': 'quantised' }, { onProgress: (step) => progress.push(step) }),
  );
  expect(progress).toEqual([
    { component: 'transformer', done: 24, total: 39 },
    { component: 'transformer', done: 39, total: 39 },
  ]);
});

test('a checkpoint that has changed is converted anew, into the same file', async () => {
  await holdWeights(await writeSource(1), options({ 'a.weight': 'f16' }));
  const before = await cacheFiles();
  const changed = await writeSource(2);
  const held = await holdWeights(changed, options({ 'a.weight': 'f16' }));
  expect(await cacheFiles()).toEqual(before);
  const [exact, rounded] = [await readFloat32(changed.get('a.weight')), await readFloat32(held.get('a.weight'))];
  expect(rounded[0]).toBeCloseTo(exact[0] ?? Number.NaN, 2);
});

test.each([
  ['cut short', (file: string) => truncate(file, 100)],
  ['empty', (file: string) => truncate(file, 0)],
  ['overwritten', (file: string) => writeFile(file, 'no weights at all, but some text')],
])('a cache file that is %s is written anew', async (_, damage) => {
  const own = await writeSource(1);
  const first = await holdWeights(own, options({ 'a.weight': 'f16' }));
  const { file } = first.get('a.weight');
  const whole = await readFile(file);
  await damage(file);
  await holdWeights(own, options({ 'a.weight': 'f16' }));
  expect(await readFile(file)).toEqual(whole);
});

test('two loads at once convert once', async () => {
  const own = await writeSource(1);
  const [a, b] = await Promise.all([1, 2].map(() => holdWeights(own, options({ 'a.weight': 'f16' }))));
  expect(a?.get('a.weight')).toBe(b?.get('a.weight'));
  expect(await cacheFiles()).toHaveLength(1);
});

test('what a killed conversion left is removed, what another one is writing is not', async () => {
  const own = await writeSource(1);
  await holdWeights(own, options({ 'a.weight': 'f16' }));
  const [name] = await cacheFiles();
  await truncate(join(cacheDir, name ?? ''), 0);
  await writeFile(join(cacheDir, `${name}.1.partial`), 'old');
  await utimes(join(cacheDir, `${name}.1.partial`), 0, 0);
  await writeFile(join(cacheDir, `${name}.2.partial`), 'new');
  await holdWeights(own, options({ 'a.weight': 'f16' }));
  expect(await cacheFiles()).toEqual([name, `${name}.2.partial`]);
});

test('a weight that is no number, or too large for f16, is named and leaves no file', async () => {
  const write = async (bad: number): Promise<Weights> => {
    const data = Float32Array.of(1, bad, 3, 4);
    await writeSafetensors(
      join(folder, `${source.stem}.safetensors`),
      new Map([['a.weight', { type: 'f32', shape: [2, 2], data }]]),
    );
    return openWeights(folder, source);
  };
  const named = { details: { tensor: 'a.weight' } };
  await expect(holdWeights(await write(7e4), half())).rejects.toMatchObject({
    code: 'tensor_type_unsupported',
    ...named,
  });
  await expect(holdWeights(await write(Number.NaN), half())).rejects.toMatchObject({
    code: 'checkpoint_file_damaged',
    ...named,
  });
  const quantised = options({ 'a.weight': 'quantised' });
  await expect(holdWeights(await write(Number.NaN), quantised)).rejects.toMatchObject({
    code: 'checkpoint_file_damaged',
    ...named,
  });
  expect(await cacheFiles()).toEqual([]);
});

test('a conversion larger than the disk is refused before it starts', async () => {
  const shape = [2 ** 20, 2 ** 21];
  const header = JSON.stringify({ 'a.weight': { dtype: 'F32', shape, data_offsets: [0, 2 ** 43] } });
  const bytes = new Uint8Array(8 + header.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(new TextEncoder().encode(header), 8);
  const handle = await open(join(folder, `${source.stem}.safetensors`), 'w');
  await handle.write(bytes);
  await handle.truncate(bytes.length + 2 ** 43); // a hole: 8 TB that take no room
  await handle.close();
  await expect(holdWeights(await openWeights(folder, source), half())).rejects.toMatchObject({
    code: 'disk_full',
    message: expect.stringMatching(/need 4398\.\d GB/),
  });
});

test('a disk that fills up in the middle is said plainly, and nothing is left', async () => {
  const own = await writeSource(1);
  await holdWeights(own, options({ 'a.weight': 'f16' }));
  const [name] = await cacheFiles();
  await rm(join(cacheDir, name ?? ''));
  await symlink('/dev/full', join(cacheDir, `${name}.${process.pid}.partial`)); // every write to it finds the disk full
  await expect(holdWeights(own, options({ 'a.weight': 'f16' }))).rejects.toMatchObject({ code: 'disk_full' });
  expect(await cacheFiles()).toEqual([]);
});

test('a cache folder that cannot be made is said plainly', async () => {
  const own = await writeSource(1);
  await mkdir(cacheDir);
  await writeFile(join(cacheDir, 'file'), '');
  const below = join(cacheDir, 'file', 'below');
  await expect(holdWeights(own, { ...half(), cacheDir: below })).rejects.toMatchObject({
    code: 'cache_unwritable',
    details: { reason: 'ENOTDIR' },
  });
});
