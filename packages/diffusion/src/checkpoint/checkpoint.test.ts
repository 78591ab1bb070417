import { cp, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DiffusionError } from '../errors.ts';
import { openCheckpoint, requireTokenizerFolder } from './checkpoint.ts';
import { readFloat32, readSafetensorsHeader } from './safetensors.ts';
import { type TensorToWrite, writeSafetensors } from './write-safetensors.ts';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const parity = join(root, 'tests/fixtures/parity');

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

describe('a whole checkpoint', () => {
  test.each([
    ['float32', 'single files in fp32', 64, 8, true],
    ['bfloat16-sharded', 'shards in bf16', 96, 8, true],
    ['staged', 'mixed types, without a tokenizer', 32, 2, false],
  ] as const)('opens: %s, %s', async (name, _, dim, factor, hasTokenizer) => {
    const checkpoint = await openCheckpoint(join(parity, name, 'checkpoint'));
    expect(checkpoint.transformer.config.dim).toBe(dim);
    expect(checkpoint.vae.config.factor).toBe(factor);
    expect(checkpoint.vae.hasEncoder).toBe(true);
    expect(checkpoint.tokenizerFolder !== undefined).toBe(hasTokenizer);
  });

  test('opens: the demo model, whose text encoder is fp16 and whose VAE has five levels', async () => {
    const { vae, transformer } = await openCheckpoint(join(root, 'models/demo'));
    expect(vae.config).toMatchObject({ factor: 16, latentChannels: 32, midBlockAttention: false, shiftFactor: 0 });
    expect(transformer.config.patchSize).toBe(2);
  });

  test('without a tokenizer says so when one is asked for', async () => {
    const checkpoint = await openCheckpoint(join(parity, 'staged/checkpoint'));
    const error = await errorOf(() => requireTokenizerFolder(checkpoint));
    expect(error.code).toBe('checkpoint_file_missing');
    expect(error.message).toContain(join('staged', 'checkpoint', 'tokenizer'));
    const whole = await openCheckpoint(join(parity, 'float32/checkpoint'));
    expect(requireTokenizerFolder(whole)).toBe(join(parity, 'float32/checkpoint/tokenizer'));
  });
});

describe('a checkpoint at fault', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'imagemill-checkpoint-'));
    await cp(join(parity, 'staged/checkpoint'), folder, { recursive: true });
  });
  afterEach(() => rm(folder, { recursive: true }));

  const open = () => errorOf(() => openCheckpoint(folder));

  /** Writes a weight file of the copy again, with its tensors as float32 after `change`. */
  async function rewrite(file: string, change: (tensors: Map<string, TensorToWrite>) => void): Promise<void> {
    const path = join(folder, file);
    const tensors = new Map<string, TensorToWrite>();
    for (const [name, ref] of (await readSafetensorsHeader(path)).tensors) {
      tensors.set(name, { type: 'f32', shape: ref.shape, data: await readFloat32(ref) });
    }
    change(tensors);
    await writeSafetensors(path, tensors);
  }

  async function edit(file: string, change: Record<string, unknown>): Promise<void> {
    const path = join(folder, file);
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    await writeFile(path, JSON.stringify(Object.assign(value as object, change)));
  }

  test('that does not exist, or is a file, is told apart', async () => {
    const none = await errorOf(() => openCheckpoint(join(folder, 'none')));
    expect(none.code).toBe('checkpoint_not_found');
    expect(none.message).toContain('does not exist');
    const file = await errorOf(() => openCheckpoint(join(folder, 'model_index.json')));
    expect(file.code).toBe('checkpoint_not_found');
    expect(file.message).toContain('is a file');
  });

  test.each([
    ['model_index.json'],
    ['transformer/config.json'],
    ['text_encoder/config.json'],
    ['vae/config.json'],
    ['scheduler/scheduler_config.json'],
    ['text_encoder/model.safetensors'],
    ['transformer'],
    ['vae'],
  ])('that lacks %s is refused by that name', async (path) => {
    await rm(join(folder, path), { recursive: true });
    const error = await open();
    expect(error.code).toBe('checkpoint_file_missing');
    expect(error.message).toContain(join(folder, dirname(path)));
    expect(error.message).toContain(basename(path));
  });

  test('whose configuration is no JSON, or a folder, is refused', async () => {
    await writeFile(join(folder, 'vae/config.json'), '{"a":');
    expect((await open()).code).toBe('checkpoint_config_invalid');
    await rm(join(folder, 'vae/config.json'));
    await rename(join(folder, 'scheduler'), join(folder, 'vae/config.json'));
    expect((await open()).code).toBe('checkpoint_file_unreadable');
  });

  test('of another pipeline or another class is refused', async () => {
    await edit('model_index.json', { _class_name: 'FluxPipeline' });
    const pipeline = await open();
    expect(pipeline.code).toBe('checkpoint_unsupported');
    expect(pipeline.message).toContain('FluxPipeline');
    await edit('model_index.json', { _class_name: 'ZImagePipeline', vae: ['diffusers', 'AutoencoderTiny'] });
    expect((await open()).message).toContain('AutoencoderTiny for vae');
    await edit('model_index.json', { vae: null });
    expect((await open()).code).toBe('checkpoint_config_invalid');
  });

  test('whose parts have different widths is refused', async () => {
    await edit('transformer/config.json', { cap_feat_dim: 24 });
    await rewrite('transformer/diffusion_pytorch_model.safetensors', (tensors) => {
      tensors.set('cap_embedder.0.weight', { type: 'f32', shape: [24], data: new Float32Array(24) });
      tensors.set('cap_embedder.1.weight', { type: 'f32', shape: [32, 24], data: new Float32Array(32 * 24) });
    });
    const error = await open();
    expect(error.code).toBe('checkpoint_config_invalid');
    expect(error.message).toContain('hidden_size is 16, but transformer cap_feat_dim is 24');
  });

  test('whose configuration belongs to other weights is refused with the tensors that differ', async () => {
    await edit('transformer/config.json', { n_layers: 3 });
    const error = await open();
    expect(error.code).toBe('tensor_missing');
    expect(error.message).toContain('layers.2.attention.to_q.weight [32, 32]');
  });

  test('without the encoder half of its VAE opens and says that it has none', async () => {
    await rewrite('vae/diffusion_pytorch_model.safetensors', (tensors) => {
      for (const name of [...tensors.keys()]) if (name.startsWith('encoder.')) tensors.delete(name);
    });
    expect((await openCheckpoint(folder)).vae.hasEncoder).toBe(false);
  });

  test('with half an encoder is refused', async () => {
    await rewrite('vae/diffusion_pytorch_model.safetensors', (tensors) => {
      tensors.delete('encoder.conv_in.weight');
    });
    const error = await open();
    expect(error.code).toBe('tensor_missing');
    expect(error.message).toContain('encoder.conv_in.weight');
  });

  test('may have a language-model head, and may lack what the features do not depend on', async () => {
    await rewrite('text_encoder/model.safetensors', (tensors) => {
      for (const name of [...tensors.keys()]) {
        if (name.startsWith('model.layers.2.') || name === 'model.norm.weight') tensors.delete(name);
      }
      tensors.set('lm_head.weight', { type: 'f32', shape: [1], data: new Float32Array(1) });
    });
    const { textEncoder } = await openCheckpoint(folder);
    expect(textEncoder.weights.has('layers.0.self_attn.q_proj.weight')).toBe(true);
    expect(textEncoder.weights.has('norm.weight')).toBe(false);
  });
});
