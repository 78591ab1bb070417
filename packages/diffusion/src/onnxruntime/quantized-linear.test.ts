import { GraphBuilder, type Model, quantizedLinear, quantizeRows } from '@imagemill/onnx';
import { expect, test } from 'vitest';
import { torchRandn } from '../random.ts';
import { exactIntegerForm } from './integer-form.ts';
import { createOnnxRuntime } from './runtime.ts';

const runtime = createOnnxRuntime({
  name: 'cpu',
  executionProvider: 'cpu',
  weights: 'w8a8',
  threads: 1,
  forms: { attention: 'fused', linear: 'fused' },
});

const channels = 96;

/** x times the identity, whose numbers are 127 on the diagonal: what is left of x is what its digits hold. */
function identityGraph(digits: 1 | 2, type: 'i8' | 'u8', bias: boolean): Model {
  const graph = new GraphBuilder({ name: 'identity' });
  const x = graph.input('x', 'f32', [1, 'rows', channels]);
  const numbers = new Uint8Array(channels * channels).fill(type === 'u8' ? 128 : 0);
  for (let at = 0; at < channels; at += 1) numbers[at * (channels + 1)] = type === 'u8' ? 255 : 127;
  const weight = {
    numbers: graph.initializer('w', type, [channels, channels], numbers),
    scale: graph.constant(
      'f32',
      Array.from({ length: channels }, () => 1 / 127),
    ),
  };
  const offset = graph.constant(
    'f32',
    Array.from({ length: channels }, (_, at) => at),
  );
  graph.output('y', quantizedLinear(graph, quantizeRows(graph, x, digits), weight, bias ? offset : undefined));
  return graph.build();
}

async function run(model: Model, x: Float32Array): Promise<Float32Array> {
  const session = await runtime.open(model);
  try {
    const { y } = await session.run({ x: runtime.tensor('f32', x, [1, x.length / channels, channels]) });
    return y?.read() ?? new Float32Array();
  } finally {
    await session.release();
  }
}

/** The largest error of each row, as a part of the row's largest magnitude. */
function rowErrors(y: Float32Array, x: Float32Array): number[] {
  return Array.from({ length: x.length / channels }, (_, row) => {
    const own = x.subarray(row * channels, (row + 1) * channels);
    const largest = Math.max(...own.map(Math.abs));
    return Math.max(...own.map((value, at) => Math.abs(value - y[row * channels + at]!))) / largest;
  });
}

/** Rows from 1e-6 to 1e6 in magnitude, with one channel thirty times the others. */
function rowsOfAllSizes(): Float32Array {
  return torchRandn(1, 13 * channels).map(
    (value, at) => value * 10 ** (Math.floor(at / channels) - 6) * (at % channels === 7 ? 30 : 1),
  );
}

test.each(['i8', 'u8'] as const)(
  'one digit keeps each row to half a part of 127, two digits to half a part of 127 · 254 (%s)',
  async (type) => {
    const x = rowsOfAllSizes();
    const one = rowErrors(await run(identityGraph(1, type, false), x), x);
    const two = rowErrors(await run(identityGraph(2, type, false), x), x);
    expect(Math.max(...one)).toBeLessThan(0.501 / 127);
    expect(Math.max(...two)).toBeLessThan(0.51 / 127 / 254);
    expect(Math.max(...one)).toBeGreaterThan(0.4 / 127);
  },
);

test('a row of zeros gives the bias', async () => {
  const y = await run(identityGraph(2, 'i8', true), new Float32Array(channels));
  expect([...y]).toEqual(Array.from({ length: channels }, (_, at) => at));
});

test('the largest numbers multiply exactly in the form that the device is given', async () => {
  const type = await exactIntegerForm(runtime);
  const inner = 512;
  const graph = new GraphBuilder({ name: 'largest' });
  const x = graph.input('x', 'f32', [4, inner]);
  const numbers = new Uint8Array(inner * 32).fill(type === 'u8' ? 255 : 127);
  const scale = graph.constant(
    'f32',
    Array.from({ length: 32 }, () => 1),
  );
  const weight = { numbers: graph.initializer('w', type, [inner, 32], numbers), scale };
  graph.output('y', quantizedLinear(graph, quantizeRows(graph, x, 1), weight));
  const session = await runtime.open(graph.build());
  const { y } = await session.run({ x: runtime.tensor('f32', new Float32Array(4 * inner).fill(127), [4, inner]) });
  for (const value of y?.read() ?? []) expect(value).toBeCloseTo(127 * 127 * inner, 0);
  await session.release();
});
