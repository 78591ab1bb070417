import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { add, GraphBuilder, type Model, mul } from '@imagemill/onnx';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cpuRuntime } from '../testing/observed-runtime.ts';
import { createOnnxRuntime } from './runtime.ts';
import { sessionOptions } from './session-options.ts';

function doubling(): Model {
  const graph = new GraphBuilder({ name: 'doubling' });
  const x = graph.input('x', 'f32', ['n']);
  graph.output('y', mul(graph, x, graph.scalar(2)));
  return graph.build();
}

describe('a session', () => {
  test('runs a graph on tensors of the host', async () => {
    const runtime = cpuRuntime();
    const session = await runtime.open(doubling());
    const { y } = await session.run({ x: runtime.tensor('f32', Float32Array.of(1, 2, 3), [3]) });
    expect(y?.dims).toEqual([3]);
    expect([...(y?.read() ?? [])]).toEqual([2, 4, 6]);
    y?.dispose();
    await session.release();
  });

  test('that is given wrong inputs fails with the name of the graph and the reason', async () => {
    const runtime = cpuRuntime();
    const session = await runtime.open(doubling());
    const flat = runtime.tensor('i64', BigInt64Array.of(1n), [1]);
    await expect(session.run({ x: flat })).rejects.toMatchObject({
      code: 'device_failed',
      message: expect.stringMatching(/^The graph doubling failed: .*tensor\(int64\)/),
    });
    await session.release();
  });

  test('takes tensors of its own runtime only', async () => {
    const session = await cpuRuntime().open(doubling());
    const foreign = { dims: [1], read: () => new Float32Array(1), dispose: () => {} };
    await expect(session.run({ x: foreign })).rejects.toThrow('The tensor was made by another runtime');
    await session.release();
  });

  test('reads only f32 tensors', () => {
    expect(() => cpuRuntime().tensor('i32', Int32Array.of(1), [1]).read()).toThrow(
      'An f32 tensor is expected, not int32',
    );
  });
});

describe('a graph whose weights lie in a file', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'imagemill-runtime-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const weighted = (file: string, length: number): Model => {
    const graph = new GraphBuilder({ name: 'weighted' });
    const w = graph.external('w', 'f32', [length], { location: relative('/', file), offset: 3, length: 4 * length });
    graph.output('y', add(graph, graph.input('x', 'f32', [length]), w));
    return graph.build();
  };

  test('that is too short is refused with the name of the graph', async () => {
    const file = join(folder, 'w.bin');
    await writeFile(file, new Uint8Array(3 + 4 * 4));
    const session = await cpuRuntime().open(weighted(file, 4));
    await session.release();
    await expect(cpuRuntime().open(weighted(file, 5))).rejects.toMatchObject({
      code: 'device_failed',
      message: expect.stringContaining('could not load the graph weighted on cpu'),
    });
  });
});

describe('memory that does not suffice', () => {
  test('is told apart from other failures, with what to do', async () => {
    const runtime = cpuRuntime();
    const graph = new GraphBuilder({ name: 'huge' });
    const shape = graph.constant('i64', [2 ** 20, 2 ** 20, 64]); // 256 TiB of floats
    graph.output('y', graph.apply('Expand', [graph.input('x', 'f32', [1, 1, 1]), shape]));
    const session = await runtime.open(graph.build());
    await expect(session.run({ x: runtime.tensor('f32', Float32Array.of(1), [1, 1, 1]) })).rejects.toMatchObject({
      code: 'out_of_memory',
      retryable: true,
      message: expect.stringContaining('Use a smaller size or batch'),
    });
    await session.release();
  });
});

describe('session options', () => {
  const settings = { executionProvider: 'cpu', weights: 'packed', threads: 3 } as const;

  test('look weights up from the root of the file system and keep tensors on the device by name', () => {
    const options = sessionOptions(settings, { keepOnDevice: ['tokens'] });
    expect(options).toMatchObject({
      executionProviders: ['cpu'],
      intraOpNumThreads: 3,
      preferredOutputLocation: { tokens: 'gpu-buffer' },
      extra: { 'session.model_external_initializers_file_folder_path': '/' },
    });
  });

  test('leave the number of threads to the runtime when it is 0', () => {
    expect(sessionOptions({ ...settings, threads: 0 }, {})).not.toHaveProperty('intraOpNumThreads');
  });

  test('switch off what would copy or convert weights when they are mapped, and only then', () => {
    const mapped = sessionOptions({ ...settings, weights: 'mapped' }, {}).extra;
    expect(mapped).toMatchObject({ 'session.disable_prepacking': '1' });
    expect(sessionOptions(settings, {}).extra).not.toHaveProperty('session.disable_prepacking');
  });
});

test('a device other than the CPU is named in the error when it is not there', async () => {
  const runtime = createOnnxRuntime({
    name: 'cuda',
    executionProvider: { name: 'cuda', deviceId: 99 },
    weights: 'packed',
    threads: 0,
    forms: { attention: 'fused', linear: 'fused' },
  });
  await expect(runtime.open(doubling(), { keepOnDevice: ['y'] })).rejects.toMatchObject({
    code: 'device_failed',
    message: expect.stringContaining('could not load the graph doubling on cuda'),
  });
});
