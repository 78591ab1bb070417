import { createHash } from 'node:crypto';
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TensorToWrite, writeSafetensors } from '../checkpoint/write-safetensors.ts';
import { DiffusionError } from '../errors.ts';
import { loraModules } from '../families/z-image/lora-names.ts';
import { torchRandn } from '../random.ts';
import { syntheticTransformerConfig } from '../testing/synthetic-checkpoint.ts';
import type { LoraFactors } from './lora-factors.ts';
import { type ReadLoraOptions, readLora, requireCompatible } from './read-lora.ts';

const fixtures = fileURLToPath(new URL('../../../../tests/fixtures/parity/', import.meta.url));

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'imagemill-lora-'));
});
afterAll(() => rm(folder, { recursive: true }));

type Tensors = Readonly<Record<string, TensorToWrite>>;

function matrix(seed: number, rows: number, columns: number): TensorToWrite & { type: 'f32' } {
  return { type: 'f32', shape: [rows, columns], data: torchRandn(seed, rows * columns) };
}

function scalar(value: number): TensorToWrite {
  return { type: 'f32', shape: [], data: Float32Array.of(value) };
}

async function write(tensors: Tensors, metadata: Readonly<Record<string, string>> = {}): Promise<string> {
  const file = join(folder, 'made.safetensors');
  await writeSafetensors(file, new Map(Object.entries(tensors)), metadata);
  return file;
}

/** What each layer gains: scale · up · down, `[out, in]`. */
async function deltas(tensors: Tensors, metadata?: Readonly<Record<string, string>>): Promise<Map<string, number[]>> {
  const lora = await readLora(await write(tensors, metadata));
  const found = new Map<string, number[]>();
  for await (const { name, factors } of lora.factors()) found.set(name, dense(factors));
  expect([...found.keys()].sort()).toEqual([...lora.modules.keys()].sort());
  return found;
}

function dense({ down, up, scale }: LoraFactors): number[] {
  return product(up.values, down.values, up.rows, up.columns, down.columns).map((value) => value * scale);
}

function product(a: ArrayLike<number>, b: ArrayLike<number>, rows: number, inner: number, columns: number): number[] {
  return Array.from({ length: rows * columns }, (_, at) => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    let sum = 0;
    for (let k = 0; k < inner; k += 1) sum += a[row * inner + k]! * b[k * columns + column]!;
    return sum;
  });
}

function expectClose(found: readonly number[] | undefined, expected: readonly number[]): void {
  expect(found).toHaveLength(expected.length);
  expected.forEach((value, at) => {
    expect(found?.[at]).toBeCloseTo(value, 4);
  });
}

async function errorOf(promise: Promise<unknown>): Promise<DiffusionError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DiffusionError);
  return error as DiffusionError;
}

const read = async (tensors: Tensors, options?: ReadLoraOptions) => readLora(await write(tensors), options);

const layer = 'layers.0.attention.to_q';
const down = matrix(1, 2, 6);
const up = matrix(2, 6, 2);
const whole = product(up.data, down.data, 6, 2, 6);

describe('the spelling of keys', () => {
  test.each([
    [
      'diffusers',
      'transformer.layers.0.attention.to_q.lora_A.weight',
      'transformer.layers.0.attention.to_q.lora_B.weight',
    ],
    [
      'ComfyUI',
      'diffusion_model.layers.0.attention.to_q.lora_A.weight',
      'diffusion_model.layers.0.attention.to_q.lora_B.weight',
    ],
    ['kohya', 'lora_unet_layers_0_attention_to_q.lora_down.weight', 'lora_unet_layers_0_attention_to_q.lora_up.weight'],
    ['dotted', 'layers.0.attention.to.q.lora.down.weight', 'layers.0.attention.to.q.lora.up.weight'],
    [
      'an adapter name of PEFT',
      'transformer.layers.0.attention.to_q.lora_A.default.weight',
      'transformer.layers.0.attention.to_q.lora_B.default.weight',
    ],
    [
      'a bare PEFT model',
      'base_model.model.layers.0.attention.to_q.lora_A.weight',
      'base_model.model.layers.0.attention.to_q.lora_B.weight',
    ],
    [
      'older diffusers',
      'transformer.layers.0.attention.to_q.lora_linear_layer.down.weight',
      'transformer.layers.0.attention.to_q.lora_linear_layer.up.weight',
    ],
  ])('%s finds the layer', async (_, downKey, upKey) => {
    const found = await deltas({ [downKey]: down, [upKey]: up });
    expect([...found.keys()]).toEqual([layer]);
    expectClose(found.get(layer), whole);
  });

  test('every linear layer of the model is found in every spelling', async () => {
    const modules = [...loraModules(syntheticTransformerConfig({ layers: 11, refinerLayers: 2 })).keys()];
    const spellings = [(name: string) => name, (name: string) => `lora_unet_${name.replaceAll('.', '_')}`];
    for (const spell of spellings) {
      const tensors = Object.fromEntries(
        modules.flatMap((name) => [
          [`${spell(name)}.lora_down.weight`, down],
          [`${spell(name)}.lora_up.weight`, up],
        ]),
      );
      expect([...(await read(tensors)).modules.keys()].sort()).toEqual(modules.toSorted());
    }
  });

  test('the spelling of single-file checkpoints reaches embedder and final layer', async () => {
    const { modules } = await read({
      'diffusion_model.x_embedder.lora_A.weight': down,
      'diffusion_model.x_embedder.lora_B.weight': up,
      'diffusion_model.final_layer.linear.lora_A.weight': down,
      'diffusion_model.final_layer.linear.lora_B.weight': up,
    });
    expect([...modules.keys()].sort()).toEqual(['all_final_layer.2-1.linear', 'all_x_embedder.2-1']);
  });

  test('a fused projection is shared by query, key and value, and out is to_out', async () => {
    const fusedUp = matrix(3, 18, 2);
    const found = await deltas({
      'lora_unet_layers_1_attention_qkv.lora_down.weight': down,
      'lora_unet_layers_1_attention_qkv.lora_up.weight': fusedUp,
      'lora_unet_layers_1_attention_qkv.alpha': scalar(4),
      'lora_unet_layers_1_attention_out.lora_down.weight': down,
      'lora_unet_layers_1_attention_out.lora_up.weight': up,
    });
    const fused = product(fusedUp.data, down.data, 18, 2, 6).map((value) => 2 * value);
    expectClose(found.get('layers.1.attention.to_q'), fused.slice(0, 36));
    expectClose(found.get('layers.1.attention.to_k'), fused.slice(36, 72));
    expectClose(found.get('layers.1.attention.to_v'), fused.slice(72));
    expectClose(found.get('layers.1.attention.to_out.0'), whole);
  });

  test('copies under fused names are dropped where the split layers are there', async () => {
    const other = matrix(9, 6, 2);
    const found = await deltas({
      'layers.0.attention.to.q.lora.down.weight': down,
      'layers.0.attention.to.q.lora.up.weight': up,
      'layers.0.attention.to.out.0.lora.down.weight': down,
      'layers.0.attention.to.out.0.lora.up.weight': up,
      'layers.0.attention.out.lora.down.weight': down,
      'layers.0.attention.out.lora.up.weight': other,
      'layers.0.attention.qkv.lora.down.weight': down,
      'layers.0.attention.qkv.lora.up.weight': matrix(5, 18, 2),
    });
    expect([...found.keys()].sort()).toEqual(['k', 'out.0', 'q', 'v'].map((end) => `layers.0.attention.to_${end}`));
    expectClose(found.get(layer), whole);
    expectClose(found.get('layers.0.attention.to_out.0'), whole);
  });
});

describe('the scale', () => {
  const pair = { [`transformer.${layer}.lora_A.weight`]: down, [`transformer.${layer}.lora_B.weight`]: up };
  const scaled = async (tensors: Tensors, config?: unknown): Promise<number> => {
    const found = await deltas(tensors, config === undefined ? {} : { lora_adapter_metadata: JSON.stringify(config) });
    return (found.get(layer)?.[0] ?? 0) / whole[0]!;
  };

  test('is 1 without alpha and alpha / rank with it', async () => {
    expect(await scaled(pair)).toBeCloseTo(1, 6);
    expect(await scaled({ ...pair, [`transformer.${layer}.alpha`]: scalar(6) })).toBeCloseTo(3, 6);
  });

  test('follows the adapter configuration of PEFT: alpha, patterns, rank-stabilised', async () => {
    expect(await scaled(pair, { 'transformer.r': 2, 'transformer.lora_alpha': 8 })).toBeCloseTo(4, 6);
    expect(await scaled(pair, { r: 2, lora_alpha: 8, alpha_pattern: { to_q: 1 } })).toBeCloseTo(0.5, 6);
    expect(await scaled(pair, { lora_alpha: 8, alpha_pattern: { 'other.to_q': 1 } })).toBeCloseTo(4, 6);
    expect(await scaled(pair, { lora_alpha: 8, alpha_pattern: { '^layers\\.0\\.attention\\.to_q$': 1 } })).toBeCloseTo(
      0.5,
      6,
    );
    expect(await scaled(pair, { r: 2, lora_alpha: 2, use_rslora: true })).toBeCloseTo(Math.SQRT2, 6);
  });

  test('a configuration that is none is refused', async () => {
    const error = await errorOf(deltas(pair, { lora_adapter_metadata: '{"lora_alpha":"eight"}' }));
    expect(error).toMatchObject({ code: 'lora_invalid' });
  });
});

describe('LoKr', () => {
  const w1 = matrix(11, 2, 3);
  const w2 = matrix(12, 3, 2);
  const [w2a, w2b] = [matrix(13, 3, 1), matrix(14, 1, 2)];
  /** kron(a [2, 3], b [3, 2]): `[6, 6]` */
  const kronecker = (a: ArrayLike<number>, b: ArrayLike<number>): number[] =>
    Array.from({ length: 36 }, (_, at) => {
      const [row, column] = [Math.floor(at / 6), at % 6];
      return a[Math.floor(row / 3) * 3 + Math.floor(column / 2)]! * b[(row % 3) * 2 + (column % 2)]!;
    });
  const name = 'lycoris_layers_0_attention_to_q';

  test('of two whole matrices is their Kronecker product, whatever alpha says', async () => {
    const found = await deltas({ [`${name}.lokr_w1`]: w1, [`${name}.lokr_w2`]: w2, [`${name}.alpha`]: scalar(77) });
    expectClose(found.get(layer), kronecker(w1.data, w2.data));
  });

  test('of a split matrix is scaled by alpha over its inner width, at a rank that is the product of the ranks', async () => {
    const tensors = {
      [`diffusion_model.${layer}.lokr_w1`]: w1,
      [`diffusion_model.${layer}.lokr_w2_a`]: w2a,
      [`diffusion_model.${layer}.lokr_w2_b`]: w2b,
      [`diffusion_model.${layer}.alpha`]: scalar(3),
    };
    const expected = kronecker(w1.data, product(w2a.data, w2b.data, 3, 1, 2)).map((value) => 3 * value);
    expectClose((await deltas(tensors)).get(layer), expected);
    expect((await read(tensors)).modules.get(layer)).toEqual({ name: layer, rank: 2, in: 6, out: 6 });
  });

  test('of both sides split is right too', async () => {
    const [w1a, w1b] = [matrix(15, 2, 1), matrix(16, 1, 3)];
    const found = await deltas({
      [`${name}.lokr_w1_a`]: w1a,
      [`${name}.lokr_w1_b`]: w1b,
      [`${name}.lokr_w2_a`]: w2a,
      [`${name}.lokr_w2_b`]: w2b,
    });
    const expected = kronecker(product(w1a.data, w1b.data, 2, 1, 3), product(w2a.data, w2b.data, 3, 1, 2));
    expectClose(found.get(layer), expected);
  });
});

describe('a refusal', () => {
  const pair = { [`${layer}.lora_A.weight`]: down, [`${layer}.lora_B.weight`]: up };

  test('names the first ten unknown keys and their number', async () => {
    const unknown = Array.from({ length: 12 }, (_, at) => `lora_te_layers_${at}_mlp.lora_down.weight`);
    const tensors = { ...pair, ...Object.fromEntries(unknown.map((key) => [key, down])) };
    const error = await errorOf(read(tensors));
    expect(error.code).toBe('lora_invalid');
    expect(error.message).toContain('12 keys');
    expect(error.message).toContain('and 2 more');
    expect(unknown.filter((key) => error.message.includes(key))).toHaveLength(10);
    expect(error.details).toMatchObject({ count: 12 });
    const { modules, warnings } = await read(tensors, { unknownKeys: 'warn' });
    expect([...modules.keys()]).toEqual([layer]);
    expect(warnings).toMatchObject([
      { code: 'lora_keys_unknown', message: expect.stringContaining('12 keys'), details: { count: 12 } },
    ]);
  });

  test('names DoRA, which is left out only when that is allowed', async () => {
    const tensors = { ...pair, [`${layer}.dora_scale`]: matrix(4, 6, 1), [`${layer}.lora_magnitude_vector`]: down };
    expect(await errorOf(read(tensors))).toMatchObject({
      code: 'lora_invalid',
      message: expect.stringMatching(/2 keys of DoRA.*dora_scale/),
    });
    expect((await read(tensors, { unknownKeys: 'warn' })).warnings).toMatchObject([
      { code: 'lora_keys_dora', message: expect.stringContaining('DoRA') },
    ]);
  });

  test.each<[string, Tensors, RegExp]>([
    ['a missing half', { [`${layer}.lora_A.weight`]: down }, /to_q lacks its up matrix/],
    ['ranks that differ', { ...pair, [`${layer}.lora_B.weight`]: matrix(1, 6, 3) }, /down \[2, 6\] and up \[6, 3\]/],
    ['half a LoKr', { [`${layer}.lokr_w1`]: down }, /lokr_w2 of nothing/],
    [
      'a LoKr side given twice',
      { [`${layer}.lokr_w1`]: down, [`${layer}.lokr_w1_a`]: down, [`${layer}.lokr_w2`]: up },
      /lokr_w1 of \[2, 6\] and \[2, 6\]/,
    ],
    ['LoRA and LoKr in one layer', { ...pair, [`${layer}.lokr_w1`]: down }, /mixes LoRA and LoKr/],
    [
      'a fused projection that three cannot share',
      { 'layers.0.attention.qkv.lora_A.weight': down, 'layers.0.attention.qkv.lora_B.weight': matrix(1, 7, 2) },
      /7 outputs/,
    ],
    ['one key in two spellings', { ...pair, [`transformer.${layer}.lora_A.weight`]: down }, /mean the same/],
    [
      'one layer in two spellings',
      { ...pair, 'layers.0.attention.to.q.lora.down.weight': down, 'layers.0.attention.to.q.lora.up.weight': up },
      /is given as/,
    ],
    [
      'integers',
      { ...pair, [`${layer}.lora_A.weight`]: { type: 'u8', shape: [2, 6], data: new Uint8Array(12) } },
      /types that no factor may have/,
    ],
    ['no adapter at all', {}, /no LoRA/],
  ])('%s', async (_, tensors, message) => {
    const error = await errorOf(read(tensors));
    expect(error.code).toBe('lora_invalid');
    expect(error.message).toMatch(message);
  });

  test('numbers that are none, when they are read', async () => {
    const data = Float32Array.from(down.data).fill(Number.NaN, 3, 4);
    const error = await errorOf(deltas({ ...pair, [`${layer}.lora_A.weight`]: { ...down, data } }));
    expect(error.message).toMatch(/NaN or infinity in "layers\.0\.attention\.to_q\.lora_A\.weight"/);
  });

  test('a file that changed after its header was read', async () => {
    const file = await write(pair);
    const lora = await readLora(file);
    await appendFile(file, 'more');
    expect(await errorOf(lora.factors().next())).toMatchObject({ code: 'lora_invalid' });
  });

  test('a file that is not there, and one that is no safetensors file', async () => {
    expect(await errorOf(readLora(join(folder, 'absent.safetensors')))).toMatchObject({ code: 'lora_not_found' });
    const error = await errorOf(readLora(fileURLToPath(import.meta.url)));
    expect(error.code).toBe('lora_invalid');
    expect(error.message).not.toContain('Pull the model');
  });

  test('layers that the model lacks or has in another size', async () => {
    const modules = loraModules(syntheticTransformerConfig({ dim: 32, layers: 2 }));
    const lora = await read({
      ...pair,
      'layers.7.feed_forward.w1.lora_A.weight': down,
      'layers.7.feed_forward.w1.lora_B.weight': up,
    });
    expect(() => requireCompatible(lora, modules)).toThrow(
      expect.objectContaining({
        code: 'lora_incompatible',
        message: expect.stringMatching(
          /to_q \[6, 6\] \(expected \[32, 32\]\); layers\.7\.feed_forward\.w1 \[6, 6\] \(the model has no such layer\)/,
        ),
      }),
    );
  });
});

test.each(['diffusers', 'comfyui', 'kohya'])(
  'the %s fixture is read whole and fits its checkpoint',
  async (flavour) => {
    const file = join(fixtures, 'float32/lora', `${flavour}.safetensors`);
    const lora = await readLora(file);
    expect(lora.modules.size).toBe(32);
    expect(lora.warnings).toEqual([]);
    expect(await lora.sha256()).toBe(
      createHash('sha256')
        .update(await readFile(file))
        .digest('hex'),
    );
  },
);
