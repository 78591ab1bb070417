import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TensorToWrite, writeSafetensors } from '../checkpoint/write-safetensors.ts';
import { LoraCache, type LoraCacheOptions } from './lora-cache.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'imagemill-lora-cache-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Rank 2 on one layer of 6 inputs and 4 outputs: 80 bytes in memory. */
async function write(name: string, value = 1, extra: Readonly<Record<string, TensorToWrite>> = {}): Promise<string> {
  const file = join(folder, name);
  const matrix = (rows: number, columns: number): TensorToWrite => ({
    type: 'f32',
    shape: [rows, columns],
    data: Float32Array.from({ length: rows * columns }, (_, at) => value * at),
  });
  const layer = 'diffusion_model.layers.0.attention.to_q';
  const tensors = {
    [`${layer}.lora_A.weight`]: matrix(2, 6),
    [`${layer}.lora_B.weight`]: matrix(4, 2),
    [`${layer}.alpha`]: { type: 'f32', shape: [], data: Float32Array.of(1) } as const,
    ...extra,
  };
  await writeSafetensors(file, new Map(Object.entries(tensors)));
  return file;
}

test('an adapter is laid out for rows of activations, with its scale in the second factor', async () => {
  const adapter = await new LoraCache().get(await write('laid-out.safetensors'));
  expect(adapter.sizeBytes).toBe(80);
  expect(adapter.sha256).toMatch(/^[0-9a-f]{64}$/);
  expect(adapter.modules.get('layers.0.attention.to_q')).toEqual({
    name: 'layers.0.attention.to_q',
    rank: 2,
    in: 6,
    out: 4,
    a: Float32Array.of(0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11),
    b: Float32Array.of(0, 1, 2, 3, 0.5, 1.5, 2.5, 3.5),
  });
});

test('a file is read once, however many ask for it, and again when it has changed', async () => {
  const file = await write('changing.safetensors');
  const cache = new LoraCache();
  const [first, second] = await Promise.all([cache.get(file), cache.get(file)]);
  expect(second).toBe(first);
  expect(await cache.get(file)).toBe(first);
  await write('changing.safetensors', 2);
  const changed = await cache.get(file);
  expect(changed.sha256).not.toBe(first.sha256);
  cache.clear();
  expect(await cache.get(file)).not.toBe(changed);
});

test('a file that was changed within the grain of its times is read again', async () => {
  const file = await write('young.safetensors');
  const before = await readFile(file);
  const cache = new LoraCache();
  const first = await cache.get(file);
  // Over and over, so that some of the changes fall into one tick of the file system's clock.
  for (let round = 2; round < 40; round++) {
    await writeFile(file, before);
    expect((await cache.get(file)).sha256).toBe(first.sha256);
    await write('young.safetensors', round);
    expect((await cache.get(file)).sha256).not.toBe(first.sha256);
  }
});

test('the least recently used adapters go when the bound is passed', async () => {
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name, at) => write(`${name}.safetensors`, at + 1)));
  const cache = new LoraCache({ maxBytes: 170 });
  const first = await cache.get(a!);
  const second = await cache.get(b!);
  expect(await cache.get(a!)).toBe(first);
  await cache.get(c!);
  expect(await cache.get(a!)).toBe(first);
  expect(await cache.get(b!)).not.toBe(second);
});

test('an adapter that alone passes the bound is refused before its numbers are read', async () => {
  const cache = new LoraCache({ maxBytes: 79 });
  await expect(cache.get(await write('large.safetensors'))).rejects.toMatchObject({
    code: 'lora_too_large',
    details: { sizeBytes: 80, maxBytes: 79 },
  });
});

test('a file that could not be read is tried again', async () => {
  const cache = new LoraCache();
  const file = join(folder, 'late.safetensors');
  await expect(cache.get(file)).rejects.toMatchObject({ code: 'lora_not_found' });
  await copyFile(await write('early.safetensors'), file);
  expect((await cache.get(file)).modules.size).toBe(1);
});

test('unknown keys are refused, or told and left out', async () => {
  const text: TensorToWrite = { type: 'f32', shape: [1], data: Float32Array.of(1) };
  const file = await write('surplus.safetensors', 1, { 'text_encoder.layers.0.alpha': text });
  await expect(new LoraCache().get(file)).rejects.toMatchObject({ code: 'lora_invalid' });
  const warnings: string[] = [];
  const options: LoraCacheOptions = { unknownKeys: 'warn', onWarning: (warning) => warnings.push(warning) };
  const cache = new LoraCache(options);
  await cache.get(file);
  await cache.get(file);
  expect(warnings).toEqual([expect.stringContaining('text_encoder.layers.0.alpha')]);
});

test('the fixtures agree in their effect: one adapter in three spellings', async () => {
  const fixture = fileURLToPath(new URL('../../../../tests/fixtures/parity/float32/lora/', import.meta.url));
  const cache = new LoraCache();
  const [plain, scaled] = await Promise.all(
    ['diffusers', 'kohya'].map((flavour) => cache.get(join(fixture, `${flavour}.safetensors`))),
  );
  for (const [name, { a, b }] of plain!.modules) {
    expect(scaled?.modules.get(name)?.a).toEqual(a);
    expect(scaled?.modules.get(name)?.b).toEqual(b);
  }
});
