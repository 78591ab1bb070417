import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DiffusionError } from '../errors.ts';
import { readFloat32 } from './safetensors.ts';
import { checkWeights, type OpenWeightsOptions, openWeights } from './weights.ts';
import { type TensorToWrite, writeSafetensors } from './write-safetensors.ts';

const fixtures = fileURLToPath(new URL('../../../../tests/fixtures/parity/', import.meta.url));
const options: OpenWeightsOptions = { component: 'text_encoder', stem: 'model' };

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'imagemill-weights-'));
});
afterEach(() => rm(folder, { recursive: true }));

function zeros(...names: string[]): Map<string, TensorToWrite> {
  return new Map(names.map((name) => [name, { type: 'f32', shape: [2, 3], data: new Float32Array(6) }]));
}

async function writeIndex(shardOf: Record<string, string>): Promise<void> {
  await writeFile(join(folder, 'model.safetensors.index.json'), JSON.stringify({ metadata: {}, weight_map: shardOf }));
}

async function errorOf(work: () => unknown): Promise<DiffusionError> {
  const error = await Promise.resolve()
    .then(work)
    .then(
      () => undefined,
      (reason: unknown) => reason,
    );
  expect(error).toBeInstanceOf(DiffusionError);
  return error as DiffusionError;
}

test('the tensors of all shards are found under their names', async () => {
  const weights = await openWeights(join(fixtures, 'bfloat16-sharded/checkpoint/transformer'), {
    component: 'transformer',
    stem: 'diffusion_pytorch_model',
  });
  expect(weights.names()).toHaveLength(88);
  expect(weights.totalBytes).toBe(2_188_032);
  expect(weights.has('x_pad_token')).toBe(true);
  expect(weights.get('layers.2.feed_forward.w1.weight')).toMatchObject({ type: 'bf16', shape: [256, 96] });
});

test('a single file counts when an index stands beside it', async () => {
  await writeSafetensors(join(folder, 'model.safetensors'), zeros('a'));
  await writeIndex({ b: 'model-00001-of-00001.safetensors' });
  expect((await openWeights(folder, options)).names()).toEqual(['a']);
});

test('a prefix is cut off where a name has it', async () => {
  await writeSafetensors(join(folder, 'model.safetensors'), zeros('model.norm.weight', 'lm_head.weight'));
  const weights = await openWeights(folder, { ...options, stripPrefix: 'model.' });
  expect(weights.names()).toEqual(['lm_head.weight', 'norm.weight']);
  expect(weights.get('norm.weight').name).toBe('model.norm.weight');
  expect(await readFloat32(weights.get('norm.weight'))).toHaveLength(6);
});

test('a name that is there with and without the prefix is refused', async () => {
  await writeSafetensors(join(folder, 'model.safetensors'), zeros('model.a', 'a'));
  const error = await errorOf(() => openWeights(folder, { ...options, stripPrefix: 'model.' }));
  expect(error.code).toBe('checkpoint_file_damaged');
  expect(error.message).toContain('"a" is stored twice');
});

test('a folder without weights is refused with what it holds', async () => {
  await writeFile(join(folder, 'pytorch_model.bin'), '');
  const error = await errorOf(() => openWeights(folder, options));
  expect(error.code).toBe('checkpoint_file_missing');
  expect(error.message).toContain('neither model.safetensors nor model.safetensors.index.json');
  expect(error.message).toContain('pytorch_model.bin');
});

test('an empty folder and no folder are told apart', async () => {
  await mkdir(join(folder, 'empty'));
  expect((await errorOf(() => openWeights(join(folder, 'empty'), options))).message).toContain('holds nothing');
  expect((await errorOf(() => openWeights(join(folder, 'none'), options))).message).toContain('cannot be listed');
});

test('shards that the index names and the folder lacks are named', async () => {
  await writeSafetensors(join(folder, 'one.safetensors'), zeros('a'));
  await writeIndex({ a: 'one.safetensors', b: 'two.safetensors', c: 'three.safetensors' });
  const error = await errorOf(() => openWeights(folder, options));
  expect(error.code).toBe('checkpoint_file_missing');
  expect(error.message).toContain('lacks 2 of 3 files');
  expect(error.details['files']).toEqual(['three.safetensors', 'two.safetensors']);
});

test('tensors that the index promises and the shard lacks are named', async () => {
  await writeSafetensors(join(folder, 'one.safetensors'), zeros('a'));
  const names = Array.from({ length: 12 }, (_, i) => `lost.${i}`);
  await writeIndex({ a: 'one.safetensors', ...Object.fromEntries(names.map((name) => [name, 'one.safetensors'])) });
  const error = await errorOf(() => openWeights(folder, options));
  expect(error.code).toBe('tensor_missing');
  expect(error.message).toContain('promises 12 tensors');
  expect(error.message).toContain('lost.0 (one.safetensors)');
  expect(error.message).toContain('and 2 more');
});

test('a tensor that stands in two shards is refused', async () => {
  await writeSafetensors(join(folder, 'one.safetensors'), zeros('a', 'b'));
  await writeSafetensors(join(folder, 'two.safetensors'), zeros('b'));
  await writeIndex({ a: 'one.safetensors', b: 'two.safetensors' });
  expect((await errorOf(() => openWeights(folder, options))).code).toBe('checkpoint_file_damaged');
});

test('an index that leaves its folder is refused', async () => {
  for (const shard of ['../model.safetensors', '/etc/passwd', 'a\\b', '..', '']) {
    await writeIndex({ a: shard });
    const error = await errorOf(() => openWeights(folder, options));
    expect(error.code).toBe('checkpoint_config_invalid');
    expect(error.message).toContain('outside its folder');
  }
});

test('an index without a weight map is refused', async () => {
  await writeFile(join(folder, 'model.safetensors.index.json'), '{"metadata": {}}');
  const error = await errorOf(() => openWeights(folder, options));
  expect(error.code).toBe('checkpoint_config_invalid');
  expect(error.message).toContain('weight_map');
});

test('asking for a tensor that is not there names component and tensor', async () => {
  await writeSafetensors(join(folder, 'model.safetensors'), zeros('a'));
  const weights = await openWeights(folder, options);
  const error = await errorOf(() => weights.get('b'));
  expect(error.code).toBe('tensor_missing');
  expect(error.message).toContain('text_encoder weights');
});

test('one error names all missing, misshaped, mistyped and unknown tensors', async () => {
  const tensors = zeros('shape', 'fine', 'unknown', 'ignored');
  tensors.set('type', { type: 'i64', shape: [1], data: [1] });
  await writeSafetensors(join(folder, 'model.safetensors'), tensors);
  const weights = await openWeights(folder, options);
  const expected = new Map<string, readonly number[]>([
    ['fine', [2, 3]],
    ['shape', [3, 2]],
    ['type', [1]],
    ['ignored', [9]],
    ...Array.from({ length: 13 }, (_, i): [string, readonly number[]] => [`missing.${i}`, [i]]),
  ]);
  const error = await errorOf(() => checkWeights(weights, expected, { ignore: (name) => name === 'ignored' }));
  expect(error.code).toBe('tensor_missing');
  expect(error.message).toContain('13 missing: missing.0 [0]; missing.1 [1]');
  expect(error.message).toContain('missing.9 [9] and 3 more. 1 of another shape');
  expect(error.message).toMatch(/shape \(\[2, 3\] in model\.safetensors, expected \[3, 2\]\)/);
  expect(error.message).toMatch(/type \(i64 in .*, expected f32, f16, bf16 or f64\)/);
  expect(error.message).toMatch(/1 unknown to this model: unknown \(f32 \[2, 3\] in /);
  expect(error.details['problems']).toHaveLength(16);
  expect(() =>
    checkWeights(weights, new Map([...expected].slice(0, 1)), { ignore: (name) => name !== 'fine' }),
  ).not.toThrow();
});

test('the code of a check is that of the gravest difference', async () => {
  await writeSafetensors(join(folder, 'model.safetensors'), zeros('a', 'b'));
  const weights = await openWeights(folder, options);
  const check = (...entries: [string, number[]][]) => errorOf(() => checkWeights(weights, new Map(entries)));
  expect((await check(['a', [2, 3]])).code).toBe('tensor_surplus');
  expect((await check(['a', [6]])).code).toBe('tensor_shape_mismatch');
  expect((await check(['a', [2, 3]], ['b', [2, 3]], ['c', [1]])).code).toBe('tensor_missing');
});
