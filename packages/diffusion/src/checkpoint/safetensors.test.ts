import { mkdtemp, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DiffusionError } from '../errors.ts';
import { readBytes, readFloat32, readIntegers, readSafetensorsHeader, streamFloat32 } from './safetensors.ts';
import { type TensorToWrite, writeSafetensors } from './write-safetensors.ts';

const fixtures = fileURLToPath(new URL('../../../../tests/fixtures/parity/', import.meta.url));

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'imagemill-safetensors-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** A file with the given header and data, however wrong they are. */
async function fileWith(header: unknown, dataBytes = 0, claimedHeaderBytes?: bigint): Promise<string> {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(claimedHeaderBytes ?? BigInt(json.length));
  const file = join(folder, 'made.safetensors');
  await writeFile(file, Buffer.concat([length, json, Buffer.alloc(dataBytes)]));
  return file;
}

async function errorOf(promise: Promise<unknown>): Promise<DiffusionError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DiffusionError);
  return error as DiffusionError;
}

describe('the header', () => {
  test('lists names, types, shapes and places of all tensors', async () => {
    const path = join(fixtures, 'bfloat16-sharded/checkpoint/vae/diffusion_pytorch_model-00002-of-00003.safetensors');
    const { file, tensors, metadata } = await readSafetensorsHeader(path);
    const conv = tensors.get('decoder.conv_in.weight');
    expect(conv).toMatchObject({ type: 'bf16', shape: [32, 16, 3, 3], length: 9216, file });
    expect(metadata).toEqual({ format: 'pt' });
    const { size } = await stat(path);
    const ends = [...tensors.values()].map(({ offset, length }) => offset + length);
    expect(Math.max(...ends)).toBe(size);
  });

  test('names the file behind a symbolic link', async () => {
    const target = join(folder, 'target.safetensors');
    await writeSafetensors(target, new Map([['a', { type: 'f32', shape: [1], data: Float32Array.of(2) }]]));
    const link = join(folder, 'link.safetensors');
    await symlink(target, link);
    const { file, tensors } = await readSafetensorsHeader(link);
    expect(file.endsWith('target.safetensors')).toBe(true);
    expect(tensors.get('a')?.file).toBe(file);
  });

  test('admits scalars, empty tensors and names that objects inherit', async () => {
    const header = {
      scalar: { dtype: 'F32', shape: [], data_offsets: [0, 4] },
      empty: { dtype: 'F32', shape: [0, 7], data_offsets: [4, 4] },
    };
    const text = JSON.stringify(header).replace('{', '{"__proto__":{"dtype":"I8","shape":[1],"data_offsets":[4,5]},');
    const { tensors } = await readSafetensorsHeader(await fileWith(text, 5));
    expect([...tensors.keys()].sort()).toEqual(['__proto__', 'empty', 'scalar']);
    const empty = tensors.get('empty');
    expect(empty && (await readFloat32(empty))).toEqual(new Float32Array(0));
  });
});

describe('a damaged file', () => {
  const one = { dtype: 'F32', shape: [2], data_offsets: [0, 8] };
  const cases: [string, string, unknown, number, bigint?][] = [
    ['whose header length is absurd', 'checkpoint_file_damaged', {}, 0, 2n ** 63n],
    ['whose header length is below any JSON', 'checkpoint_file_damaged', {}, 0, 1n],
    ['whose header goes past its end', 'checkpoint_file_truncated', {}, 0, 4096n],
    ['whose header is no JSON', 'checkpoint_file_damaged', '{"a": ', 0],
    ['whose header is no object', 'checkpoint_file_damaged', '[1, 2]', 0],
    ['whose metadata is no text', 'checkpoint_file_damaged', { __metadata__: { a: 1 } }, 0],
    ['whose entry is no object', 'checkpoint_file_damaged', { a: 5 }, 0],
    ['of an unknown type', 'tensor_type_unsupported', { a: { ...one, dtype: 'F8_E4M3' } }, 8],
    ['without a type', 'tensor_type_unsupported', { a: { shape: [2], data_offsets: [0, 8] } }, 8],
    ['with a negative dimension', 'checkpoint_file_damaged', { a: { ...one, shape: [-2] } }, 8],
    ['with a broken dimension', 'checkpoint_file_damaged', { a: { ...one, shape: [0.5] } }, 8],
    ['without a shape', 'checkpoint_file_damaged', { a: { dtype: 'F32', data_offsets: [0, 8] } }, 8],
    ['with one offset', 'checkpoint_file_damaged', { a: { ...one, data_offsets: [0] } }, 8],
    ['with offsets that do not fit the shape', 'checkpoint_file_damaged', { a: { ...one, shape: [3] } }, 8],
    ['with tensors that overlap', 'checkpoint_file_damaged', { a: one, b: { ...one, data_offsets: [4, 12] } }, 12],
    ['with a gap between tensors', 'checkpoint_file_damaged', { a: one, b: { ...one, data_offsets: [12, 20] } }, 20],
    ['whose end is missing', 'checkpoint_file_truncated', { a: one }, 7],
    ['that goes on past its tensors', 'checkpoint_file_damaged', { a: one }, 9],
  ];

  test.each(cases)('%s is refused by the name of the file (%s)', async (_, code, header, dataBytes, claimed) => {
    const file = await fileWith(header, dataBytes, claimed);
    const error = await errorOf(readSafetensorsHeader(file));
    expect(error.code).toBe(code);
    expect(error.message).toContain(file);
    expect(error.details['file']).toBe(file);
  });

  test('that is shorter than a header length is refused', async () => {
    const file = join(folder, 'short.safetensors');
    await writeFile(file, 'abc');
    const error = await errorOf(readSafetensorsHeader(file));
    expect(error.code).toBe('checkpoint_file_truncated');
    expect(error.message).toContain('has 3 bytes');
  });

  test('whose header is not UTF-8 is refused', async () => {
    const file = join(folder, 'latin.safetensors');
    await writeFile(file, Buffer.from([2, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe]));
    expect((await errorOf(readSafetensorsHeader(file))).code).toBe('checkpoint_file_damaged');
  });

  test('that does not exist, or is a folder, is named', async () => {
    expect((await errorOf(readSafetensorsHeader(join(folder, 'none')))).code).toBe('checkpoint_file_missing');
    expect((await errorOf(readSafetensorsHeader(folder))).code).toBe('checkpoint_file_missing');
    expect((await errorOf(readSafetensorsHeader(`${folder}/\0`))).code).toBe('checkpoint_file_unreadable');
  });

  test('of any random bytes gives an error with a code and no other', async () => {
    const file = join(folder, 'random.safetensors');
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 80 }), fc.integer({ min: 0, max: 60 }), async (bytes, length) => {
        if (bytes.length >= 8) bytes.set([length, 0, 0, 0, 0, 0, 0, 0]);
        await writeFile(file, bytes);
        await errorOf(readSafetensorsHeader(file));
      }),
      { seed: 3, numRuns: 200 },
    );
  });

  test('cut anywhere gives an error with a code', async () => {
    const whole = join(fixtures, 'float32/lora/kohya.safetensors');
    const bytes = await readFile(whole);
    const file = join(folder, 'cut.safetensors');
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: bytes.length - 1 }), async (length) => {
        await writeFile(file, bytes.subarray(0, length));
        expect((await errorOf(readSafetensorsHeader(file))).code).toBe('checkpoint_file_truncated');
      }),
      { seed: 4, numRuns: 50 },
    );
  });

  test('that shrinks after its header was read is noticed when its data are read', async () => {
    const file = join(folder, 'shrinks.safetensors');
    await writeSafetensors(file, new Map([['a', { type: 'f32', shape: [4], data: new Float32Array(4) }]]));
    const ref = (await readSafetensorsHeader(file)).tensors.get('a');
    await truncate(file, 70);
    const error = await errorOf(readBytes(ref!));
    expect(error.code).toBe('checkpoint_file_truncated');
    expect(error.message).toContain('ends at byte 70');
  });
});

describe('reading and writing', () => {
  test('floats of any shape come back as they were written', async () => {
    const file = join(folder, 'round-trip.safetensors');
    const tensor = fc.tuple(fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }), fc.infiniteStream(fc.float()));
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.string({ minLength: 1 }), tensor, { maxKeys: 5 }), async (drawn) => {
        const tensors = new Map<string, TensorToWrite>();
        for (const [name, [shape, floats]] of Object.entries(drawn)) {
          if (name === '__metadata__') continue;
          const length = shape.reduce((product, dim) => product * dim, 1);
          tensors.set(name, { type: 'f32', shape, data: Float32Array.from(floats.take(length)) });
        }
        await writeSafetensors(file, tensors);
        const read = await readSafetensorsHeader(file);
        expect([...read.tensors.keys()].sort()).toEqual([...tensors.keys()].sort());
        for (const [name, ref] of read.tensors) {
          const written = tensors.get(name);
          expect(ref.shape).toEqual(written?.shape);
          expect(await readFloat32(ref)).toEqual(written?.data);
        }
      }),
      { seed: 5, numRuns: 40 },
    );
  });

  test('every type is aligned to its element, with metadata, in the same bytes each time', async () => {
    const tensors = new Map<string, TensorToWrite>([
      ['bytes', { type: 'u8', shape: [3], data: Uint8Array.of(1, 2, 255) }],
      ['brain', { type: 'bf16', shape: [3], data: Float32Array.of(1, -2, Math.PI) }],
      ['half', { type: 'f16', shape: [1], data: Float32Array.of(0.333) }],
      ['ids', { type: 'i64', shape: [2], data: [151_644, -5] }],
      ['single', { type: 'f32', shape: [1, 1], data: Float32Array.of(0.1) }],
    ]);
    const file = join(folder, 'types.safetensors');
    await writeSafetensors(file, tensors, { made: 'by a test' });
    const first = await readFile(file);
    await writeSafetensors(file, new Map([...tensors].reverse()), { made: 'by a test' });
    expect(await readFile(file)).toEqual(first);
    const read = await readSafetensorsHeader(file);
    expect(read.metadata).toEqual({ made: 'by a test' });
    const ref = (name: string) => read.tensors.get(name)!;
    expect(ref('ids').offset % 8).toBe(0);
    expect(ref('single').offset % 4).toBe(0);
    expect(ref('half').offset % 2).toBe(0);
    expect(await readIntegers(ref('ids'))).toEqual([151_644, -5]);
    expect(await readIntegers(ref('bytes'))).toEqual([1, 2, 255]);
    expect(await readFloat32(ref('brain'))).toEqual(Float32Array.of(1, -2, 3.140625));
    expect(await readFloat32(ref('half'))).toEqual(Float32Array.of(0.333_007_812_5));
  });

  test('data that do not fill their shape are not written, and leave no file behind', async () => {
    const file = join(folder, 'unwritten.safetensors');
    const tensors = new Map<string, TensorToWrite>([['a', { type: 'f32', shape: [2], data: new Float32Array(3) }]]);
    expect((await errorOf(writeSafetensors(file, tensors))).code).toBe('tensor_shape_mismatch');
    await expect(stat(file)).rejects.toThrow('ENOENT');
    await expect(writeSafetensors(join(folder, 'no', 'such', 'folder'), new Map())).rejects.toThrow('ENOENT');
  });

  test('a tensor streams in pieces of the asked size that join to the whole', async () => {
    const { tensors } = await readSafetensorsHeader(
      join(fixtures, 'bfloat16-sharded/checkpoint/text_encoder/model-00001-of-00002.safetensors'),
    );
    const ref = tensors.get('embed_tokens.weight')!;
    const pieces: Float32Array[] = [];
    for await (const piece of streamFloat32(ref, 1000)) pieces.push(piece);
    expect(pieces.length).toBe(Math.ceil((448 * 64) / 1000));
    expect(pieces.every((piece) => piece.length <= 1000)).toBe(true);
    const joined = Float32Array.from(pieces.flatMap((piece) => [...piece]));
    expect(joined).toEqual(await readFloat32(ref));
  });

  test('small integer types and booleans are read as numbers', async () => {
    const header = {
      a: { dtype: 'I32', shape: [1], data_offsets: [0, 4] },
      b: { dtype: 'I16', shape: [1], data_offsets: [4, 6] },
      c: { dtype: 'I8', shape: [1], data_offsets: [6, 7] },
      d: { dtype: 'BOOL', shape: [1], data_offsets: [7, 8] },
      e: { dtype: 'I64', shape: [1], data_offsets: [8, 16] },
    };
    const file = await fileWith(header, 16);
    const bytes = await readFile(file);
    bytes.set([0xff, 0xff, 0xff, 0xff, 0xfe, 0xff, 0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0x40], bytes.length - 16);
    await writeFile(file, bytes);
    const { tensors } = await readSafetensorsHeader(file);
    expect(await readIntegers(tensors.get('a')!)).toEqual([-1]);
    expect(await readIntegers(tensors.get('b')!)).toEqual([-2]);
    expect(await readIntegers(tensors.get('c')!)).toEqual([-128]);
    expect(await readIntegers(tensors.get('d')!)).toEqual([1]);
    expect((await errorOf(readIntegers(tensors.get('e')!))).message).toContain('beyond exact integers');
  });

  test('floats are not read as integers, nor integers as floats', async () => {
    const { tensors } = await readSafetensorsHeader(join(fixtures, 'staged/expected.safetensors'));
    const ids = tensors.get('cfg.input_ids')!;
    const error = await errorOf(readFloat32(ids));
    expect(error.code).toBe('tensor_type_unsupported');
    expect(error.message).toContain('"cfg.input_ids" as i64');
    expect((await errorOf(readIntegers(tensors.get('cfg.sigmas')!))).code).toBe('tensor_type_unsupported');
  });

  test('a tensor whose bytes lie beyond 4 GiB of a sparse file is read from its place', async () => {
    const gap = 2 ** 32;
    const header = {
      big: { dtype: 'U8', shape: [gap], data_offsets: [0, gap] },
      last: { dtype: 'F64', shape: [1], data_offsets: [gap, gap + 8] },
    };
    const file = await fileWith(header);
    const { size } = await stat(file);
    await truncate(file, size + gap + 8);
    const { tensors } = await readSafetensorsHeader(file);
    const last = tensors.get('last')!;
    expect(last.offset).toBe(size + gap);
    expect(await readFloat32(last)).toEqual(new Float32Array(1));
  });
});
