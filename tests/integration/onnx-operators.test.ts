import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import type { Runtime } from '@imagemill/diffusion';
import { createOnnxRuntime } from '@imagemill/diffusion/onnxruntime';
import {
  add,
  attention,
  cast,
  concat,
  conv2d,
  div,
  type ElementType,
  GraphBuilder,
  gather,
  groupNorm,
  layerNorm,
  linear,
  matmul,
  mul,
  padEnd,
  reshape,
  reshapeLike,
  rmsNorm,
  rotaryEmbedding,
  sigmoid,
  silu,
  slice,
  softmax,
  split,
  sub,
  tanh,
  transpose,
  unsqueeze,
  upsampleNearest,
  type Value,
  where,
} from '@imagemill/onnx';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { broadcast, fromValues, map, type PlainTensor, plain, randomTensor, sum } from '../support/plain-tensor.ts';

const runtime = createOnnxRuntime({
  name: 'cpu',
  executionProvider: 'cpu',
  weights: 'packed',
  threads: 2,
  forms: { attention: 'fused', linear: 'fused' },
});

type Feed =
  | PlainTensor
  | {
      readonly type: 'i64' | 'i32' | 'bool';
      readonly data: Parameters<Runtime['tensor']>[1];
      readonly shape: readonly number[];
    };

/** Builds a graph over inputs of the shapes that are fed, runs it, and returns its outputs. */
async function run(
  feeds: Readonly<Record<string, Feed>>,
  build: (graph: GraphBuilder, inputs: Readonly<Record<string, Value>>) => Value | readonly Value[],
): Promise<PlainTensor[]> {
  const graph = new GraphBuilder({ name: 'operators' });
  const inputs = Object.fromEntries(
    Object.entries(feeds).map(([name, feed]) => [
      name,
      graph.input(name, 'type' in feed ? feed.type : 'f32', [...feed.shape]),
    ]),
  );
  const results = [build(graph, inputs)].flat();
  for (const [at, value] of results.entries()) graph.output(`y${at}`, value);
  const session = await runtime.open(graph.build());
  const tensors = Object.entries(feeds).map(([name, feed]) => [
    name,
    'type' in feed
      ? runtime.tensor(feed.type, feed.data, feed.shape)
      : runtime.tensor('f32', Float32Array.from(feed.values), feed.shape),
  ]);
  const outputs = await session.run(Object.fromEntries(tensors));
  await session.release();
  return results.map((value, at) => {
    const output = outputs[`y${at}`]!;
    expect(value.shape).toEqual(output.dims); // what was inferred is what the runtime made
    return fromValues(output.dims, Float64Array.from(output.read()));
  });
}

function expectClose(actual: PlainTensor | undefined, expected: PlainTensor, tolerance = 1e-5): void {
  expect(actual?.shape).toEqual(expected.shape);
  const worst = expected.values.reduce((most, value, at) => {
    const error = Math.abs(actual!.values[at]! - value) / Math.max(1, Math.abs(value));
    return Number.isNaN(error) ? Number.POSITIVE_INFINITY : Math.max(most, error);
  }, 0);
  expect(worst).toBeLessThanOrEqual(tolerance);
}

const logistic = (value: number): number => 1 / (1 + Math.exp(-value));

describe('element-wise operators', () => {
  const [a, b] = [randomTensor(1, [2, 3, 5]), randomTensor(2, [3, 1])];

  it.each([
    ['add', add, (x: number, y: number) => x + y],
    ['sub', sub, (x: number, y: number) => x - y],
    ['mul', mul, (x: number, y: number) => x * y],
    ['div', div, (x: number, y: number) => x / y],
  ] as const)('%s broadcasts', async (_, operator, combine) => {
    const [y] = await run({ a, b }, (graph, { a: left, b: right }) => operator(graph, left!, right!));
    expectClose(y, broadcast(a, b, combine));
  });

  it.each([
    ['tanh', tanh, Math.tanh],
    ['sigmoid', sigmoid, logistic],
    ['silu', silu, (x: number) => x * logistic(x)],
  ] as const)('%s is right far out too', async (_, operator, change) => {
    const x = map(randomTensor(3, [64]), (value) => 10 * value);
    const [y] = await run({ x }, (graph, inputs) => operator(graph, inputs['x']!));
    expectClose(y, map(x, change));
  });

  it('where picks by a condition that broadcasts', async () => {
    const condition = { type: 'bool', data: Uint8Array.of(1, 0, 1), shape: [3, 1] } as const;
    const [y] = await run({ a, b, condition }, (graph, v) => where(graph, v['condition']!, v['a']!, v['b']!));
    expectClose(
      y,
      plain([2, 3, 5], (i, j, k) => (j === 1 ? b.at(j, 0) : a.at(i, j, k))),
    );
  });

  it('cast goes through half precision and back', async () => {
    const [half, same] = await run({ a }, (graph, v) => [
      cast(graph, cast(graph, v['a']!, 'f16'), 'f32'),
      cast(graph, v['a']!, 'f32'),
    ]);
    expectClose(half, a, 2 ** -11);
    expectClose(same, a, 0);
  });

  it.each([-1, 1])('softmax over axis %i sums to one', async (axis) => {
    const [y] = await run({ a }, (graph, v) => softmax(graph, v['a']!, axis));
    const sizes = axis === 1 ? 3 : 5;
    const at = (i: number, j: number, k: number, n: number): number =>
      Math.exp(axis === 1 ? a.at(i, n, k) : a.at(i, j, n));
    expectClose(
      y,
      plain([2, 3, 5], (i, j, k) => Math.exp(a.at(i, j, k)) / sum(sizes, (n) => at(i, j, k, n))),
    );
  });
});

describe('products', () => {
  it('matmul broadcasts the axes in front', async () => {
    const [a, b] = [randomTensor(4, [2, 3, 4, 6]), randomTensor(5, [3, 6, 5])];
    const [y] = await run({ a, b }, (graph, v) => matmul(graph, v['a']!, v['b']!));
    expectClose(
      y,
      plain([2, 3, 4, 5], (i, j, r, c) => sum(6, (k) => a.at(i, j, r, k) * b.at(j, k, c))),
    );
  });

  it.each(['fused', 'transposed'] as const)(
    'linear (%s) multiplies by the weight as PyTorch stores it',
    async (form) => {
      const [x, w, bias] = [randomTensor(6, [2, 7, 12]), randomTensor(7, [5, 12]), randomTensor(8, [5])];
      const [plainly, biased] = await run({ x, w, bias }, (graph, v) => [
        linear(graph, v['x']!, v['w']!, { form }),
        linear(graph, v['x']!, v['w']!, { form, bias: v['bias'] }),
      ]);
      const product = plain([2, 7, 5], (i, j, out) => sum(12, (k) => x.at(i, j, k) * w.at(out, k)));
      expectClose(plainly, product);
      expectClose(
        biased,
        broadcast(product, bias, (p, q) => p + q),
      );
    },
  );
});

describe('norms', () => {
  const [x, scale] = [map(randomTensor(9, [2, 4, 33]), (value) => 3 * value + 1), randomTensor(10, [33])];

  it.each([1e-6, 0.5])('rmsNorm divides by the root of the mean square and eps %d', async (eps) => {
    const [y] = await run({ x, scale }, (graph, v) => rmsNorm(graph, v['x']!, v['scale']!, eps));
    expectClose(
      y,
      plain(x.shape, (i, j, c) => {
        const mean = sum(33, (k) => x.at(i, j, k) ** 2) / 33;
        return (x.at(i, j, c) / Math.sqrt(mean + eps)) * scale.at(c);
      }),
    );
  });

  it('layerNorm takes the mean off first', async () => {
    const [y] = await run({ x, scale }, (graph, v) => layerNorm(graph, v['x']!, v['scale']!, 1e-6));
    expectClose(
      y,
      plain(x.shape, (i, j, c) => {
        const mean = sum(33, (k) => x.at(i, j, k)) / 33;
        const variance = sum(33, (k) => (x.at(i, j, k) - mean) ** 2) / 33;
        return ((x.at(i, j, c) - mean) / Math.sqrt(variance + 1e-6)) * scale.at(c);
      }),
    );
  });

  it.each([1, 2, 4, 8])(
    'groupNorm over %i groups takes its statistics over channels and pixels of a group',
    async (groups) => {
      const image = map(randomTensor(11, [2, 8, 3, 5]), (value) => 2 * value - 1);
      const [gain, shift] = [randomTensor(12, [8]), randomTensor(13, [8])];
      const [y] = await run({ image, gain, shift }, (graph, v) =>
        groupNorm(graph, v['image']!, { groups, scale: v['gain']!, bias: v['shift']!, eps: 1e-6 }),
      );
      const size = 8 / groups;
      const over = (n: number, group: number, term: (value: number) => number): number =>
        sum(size * 15, (at) =>
          term(image.at(n, group * size + Math.floor(at / 15), Math.floor((at % 15) / 5), at % 5)),
        ) /
        (size * 15);
      expectClose(
        y,
        plain(image.shape, (n, c, h, w) => {
          const group = Math.floor(c / size);
          const mean = over(n, group, (value) => value);
          const variance = over(n, group, (value) => (value - mean) ** 2);
          return ((image.at(n, c, h, w) - mean) / Math.sqrt(variance + 1e-6)) * gain.at(c) + shift.at(c);
        }),
      );
    },
  );
});

describe('conv2d', () => {
  it.each([
    { name: 'without padding', kernel: 3, options: {} },
    { name: 'with padding', kernel: 3, options: { padding: 1 } },
    { name: 'of one pixel', kernel: 1, options: {} },
    { name: 'with stride 2 and one-sided padding', kernel: 3, options: { stride: 2, pads: [0, 0, 1, 1] as const } },
    { name: 'with four different pads', kernel: 3, options: { pads: [2, 0, 1, 3] as const } },
  ])('$name', async ({ kernel, options }) => {
    const [x, w, bias] = [
      randomTensor(14, [2, 3, 6, 9]),
      randomTensor(15, [4, 3, kernel, kernel]),
      randomTensor(16, [4]),
    ];
    const {
      stride = 1,
      padding = 0,
      pads = [padding, padding, padding, padding],
    } = options as {
      stride?: number;
      padding?: number;
      pads?: readonly [number, number, number, number];
    };
    const [y] = await run({ x, w, bias }, (graph, v) =>
      conv2d(graph, v['x']!, v['w']!, {
        bias: v['bias'],
        stride,
        padding,
        pads: [...pads] as [number, number, number, number],
      }),
    );
    const side = (length: number, before: number, after: number): number =>
      Math.floor((length + before + after - kernel) / stride) + 1;
    const pixel = (n: number, c: number, row: number, column: number): number =>
      row < 0 || row >= 6 || column < 0 || column >= 9 ? 0 : x.at(n, c, row, column);
    expectClose(
      y,
      plain([2, 4, side(6, pads[0], pads[2]), side(9, pads[1], pads[3])], (n, out, row, column) => {
        const taps = 3 * kernel * kernel;
        return (
          bias.at(out) +
          sum(taps, (tap) => {
            const [c, dy, dx] = [Math.floor(tap / kernel ** 2), Math.floor(tap / kernel) % kernel, tap % kernel];
            return pixel(n, c, row * stride + dy - pads[0], column * stride + dx - pads[1]) * w.at(out, c, dy, dx);
          })
        );
      }),
    );
  });
});

describe('attention', () => {
  const [batch, tokens, keys, heads, size] = [2, 5, 40, 3, 8];
  const width = heads * size;
  const [q, k, v] = [
    randomTensor(17, [batch, tokens, width]),
    randomTensor(18, [batch, keys, width]),
    randomTensor(19, [batch, keys, width]),
  ];
  const bias = randomTensor(20, [1, 1, tokens, keys]);
  const kept = (n: number, key: number): boolean => n === 0 || key < 33;
  const keyMask = {
    type: 'i32',
    data: Int32Array.from({ length: batch * keys }, (_, at) => Number(kept(Math.floor(at / keys), at % keys))),
    shape: [batch, keys],
  } as const;

  function reference(options: { masked: boolean; biased: boolean; scale: number }): PlainTensor {
    return plain([batch, tokens, width], (n, token, channel) => {
      const head = Math.floor(channel / size) * size;
      const weights = Array.from({ length: keys }, (_, key) => {
        if (options.masked && !kept(n, key)) return 0;
        const dot = sum(size, (at) => q.at(n, token, head + at) * k.at(n, key, head + at));
        return Math.exp(dot * options.scale + (options.biased ? bias.at(0, 0, token, key) : 0));
      });
      const total = weights.reduce((all, weight) => all + weight, 0);
      return weights.reduce((mixed, weight, key) => mixed + (weight / total) * v.at(n, key, channel), 0);
    });
  }

  describe.each(['fused', 'primitive'] as const)('%s', (form) => {
    it.each([
      { masked: false, biased: false, scale: 1 / Math.sqrt(size) },
      { masked: true, biased: false, scale: 1 / Math.sqrt(size) },
      { masked: false, biased: true, scale: 0.7 },
      { masked: true, biased: true, scale: 1 },
    ])('with %o', async (options) => {
      const { masked, biased, scale } = options;
      const feeds = { q, k, v, ...(masked && { keyMask }), ...(biased && { bias }) };
      const [y] = await run(feeds, (graph, inputs) =>
        attention(graph, inputs['q']!, inputs['k']!, inputs['v']!, {
          heads,
          form,
          keyMask: inputs['keyMask'],
          bias: inputs['bias'],
          ...(scale !== 1 / Math.sqrt(size) && { scale }),
        }),
      );
      expectClose(y, reference(options));
    });
  });

  it.each([true, false])('rotary embedding turns its pairs by the tables, interleaved: %s', async (interleaved) => {
    const half = size / 2;
    const angles = randomTensor(21, [batch, tokens, half]);
    const feeds = { q, cos: map(angles, Math.cos), sin: map(angles, Math.sin) };
    const [y] = await run(feeds, (graph, inputs) =>
      rotaryEmbedding(graph, inputs['q']!, inputs['cos']!, inputs['sin']!, { heads, interleaved }),
    );
    expectClose(
      y,
      plain(q.shape, (n, token, channel) => {
        const [start, own] = [Math.floor(channel / size) * size, channel % size];
        const pair = interleaved ? own >> 1 : own % half;
        const isFirst = interleaved ? own % 2 === 0 : own < half;
        const first = q.at(n, token, start + (interleaved ? 2 * pair : pair));
        const second = q.at(n, token, start + (interleaved ? 2 * pair + 1 : pair + half));
        const angle = angles.at(n, token, pair);
        return isFirst
          ? first * Math.cos(angle) - second * Math.sin(angle)
          : first * Math.sin(angle) + second * Math.cos(angle);
      }),
    );
  });
});

describe('shapes', () => {
  const x = randomTensor(22, [2, 6, 4]);

  it('slice takes rows by constant, negative and run-time bounds', async () => {
    const end = { type: 'i64', data: BigInt64Array.of(3n), shape: [1] } as const;
    const [front, back, dynamic] = await run({ x, end }, (graph, v) => [
      slice(graph, v['x']!, 1, 1, 4),
      slice(graph, v['x']!, -1, -3, -1),
      slice(graph, v['x']!, 1, 0, v['end']!, 3),
    ]);
    expectClose(
      front,
      plain([2, 3, 4], (i, j, k) => x.at(i, j + 1, k)),
      0,
    );
    expectClose(
      back,
      plain([2, 6, 2], (i, j, k) => x.at(i, j, k + 1)),
      0,
    );
    expectClose(
      dynamic,
      plain([2, 3, 4], (i, j, k) => x.at(i, j, k)),
      0,
    );
  });

  it('split and concat undo each other', async () => {
    const [first, second, third, joined] = await run({ x }, (graph, v) => {
      const parts = split(graph, v['x']!, 3, 1);
      return [...parts, concat(graph, parts, 1)];
    });
    for (const [at, part] of [first, second, third].entries())
      expectClose(
        part,
        plain([2, 2, 4], (i, j, k) => x.at(i, 2 * at + j, k)),
        0,
      );
    expectClose(joined, x, 0);
  });

  it('gather picks rows, in any order and more than once', async () => {
    const indices = { type: 'i64', data: BigInt64Array.of(5n, 0n, 5n, 2n), shape: [2, 2] } as const;
    const table = randomTensor(23, [6, 3]);
    const [y] = await run({ table, indices }, (graph, v) => gather(graph, v['table']!, v['indices']!));
    expectClose(
      y,
      plain([2, 2, 3], (i, j, k) => table.at(Number(indices.data[2 * i + j]), k)),
      0,
    );
  });

  it('padEnd adds a value behind the axes that are named', async () => {
    const [y] = await run({ x }, (graph, v) => padEnd(graph, v['x']!, [0, 2, 1], 9));
    expectClose(
      y,
      plain([2, 8, 5], (i, j, k) => (j < 6 && k < 4 ? x.at(i, j, k) : 9)),
      0,
    );
  });

  it('transpose, reshape and unsqueeze rearrange without changing numbers', async () => {
    const [turned, shaped, alike, deeper] = await run({ x }, (graph, v) => [
      transpose(graph, v['x']!, [2, 0, 1]),
      reshape(graph, v['x']!, [0, -1, 3, 2]),
      reshapeLike(graph, reshape(graph, v['x']!, [-1]), v['x']!),
      unsqueeze(graph, v['x']!, 1),
    ]);
    expectClose(
      turned,
      plain([4, 2, 6], (k, i, j) => x.at(i, j, k)),
      0,
    );
    expectClose(shaped, fromValues([2, 4, 3, 2], x.values), 0);
    expectClose(alike, x, 0);
    expectClose(deeper, fromValues([2, 1, 6, 4], x.values), 0);
  });

  it.each([2, 3])('upsampleNearest repeats each pixel %i times', async (factor) => {
    const image = randomTensor(24, [1, 2, 3, 5]);
    const [y] = await run({ image }, (graph, v) => upsampleNearest(graph, v['image']!, factor));
    expectClose(
      y,
      plain([1, 2, 3 * factor, 5 * factor], (n, c, h, w) =>
        image.at(n, c, Math.floor(h / factor), Math.floor(w / factor)),
      ),
      0,
    );
  });
});

it('constants in half precision are rounded to the nearest, ties to even', async () => {
  const numbers = [
    0,
    1,
    -2,
    0.1,
    1 / 3,
    65_504,
    65_519,
    65_520,
    -1e9,
    2 ** -14,
    2 ** -24,
    2 ** -25,
    3 * 2 ** -25,
    2049,
  ];
  const one = fromValues([1], Float64Array.of(1));
  const [y] = await run({ one }, (graph, v) =>
    mul(graph, cast(graph, graph.constant('f16', numbers), 'f32'), v['one']!),
  );
  const { POSITIVE_INFINITY: infinite } = Number;
  const rounded = [0, 1, -2, 1638 / 16_384, 1365 / 4096, 65_504, 65_504, infinite, -infinite];
  expect([...y!.values]).toEqual([...rounded, 2 ** -14, 2 ** -24, 0, 2 ** -23, 2048]);
});

describe('weights that lie in a file', () => {
  const values = [1, -2, 0.5, 65_504, 2 ** -24];
  const bits = { f16: [0x3c00, 0xc000, 0x3800, 0x7bff, 0x0001], bf16: [0x3f80, 0xc000, 0x3f00, 0x4780, 0x3380] };
  const stored: readonly [ElementType, Uint8Array, readonly number[]][] = [
    ['f32', new Uint8Array(Float32Array.from(values).buffer), values],
    ['f64', new Uint8Array(Float64Array.from(values).buffer), values],
    ['f16', new Uint8Array(Uint16Array.from(bits.f16).buffer), values],
    // 65,504 has more digits than bf16: 0x4780 is 65,536.
    [
      'bf16',
      new Uint8Array(Uint16Array.from(bits.bf16).buffer),
      values.map((value) => (value === 65_504 ? 65_536 : value)),
    ],
  ];
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'imagemill-operators-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it.each(['packed', 'mapped'] as const)(
    'are read in place at any offset, even or odd, in every type: %s',
    async (weights) => {
      const file = join(folder, `${weights}.bin`);
      // 1 to 4 bytes between the tensors, so that none is aligned to its element.
      const parts: Uint8Array[] = [Uint8Array.of(0xff)];
      const offsets = stored.map(([, bytes], at) => {
        const offset = parts.reduce((total, part) => total + part.byteLength, 0);
        parts.push(bytes, new Uint8Array(at + 1).fill(0xff));
        return offset;
      });
      expect(offsets.filter((offset) => offset % 2 === 1)).not.toHaveLength(0);
      await writeFile(file, Buffer.concat(parts));
      const graph = new GraphBuilder({ name: 'external' });
      const zero = graph.input('zero', 'f32', [1]);
      for (const [at, [type, bytes]] of stored.entries()) {
        const place = { location: relative('/', file), offset: offsets[at]!, length: bytes.byteLength };
        const weight = graph.external(`w${at}`, type, [values.length], place);
        graph.output(`y${at}`, add(graph, cast(graph, weight, 'f32'), zero));
      }
      const own = createOnnxRuntime({
        name: 'cpu',
        executionProvider: 'cpu',
        weights,
        threads: 1,
        forms: runtime.forms,
      });
      const session = await own.open(graph.build());
      const outputs = await session.run({ zero: own.tensor('f32', new Float32Array(1), [1]) });
      for (const [at, [, , expected]] of stored.entries()) expect([...outputs[`y${at}`]!.read()]).toEqual(expected);
      await session.release();
    },
  );
});
