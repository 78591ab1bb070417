import { describe, expect, it } from 'vitest';
import {
  add,
  attention,
  cast,
  concat,
  conv2d,
  GraphBuilder,
  gather,
  groupNorm,
  linear,
  matmul,
  OnnxError,
  padEnd,
  reshape,
  rmsNorm,
  rotaryEmbedding,
  slice,
  split,
  transpose,
  unsqueeze,
  upsampleNearest,
  type Value,
} from './index.ts';

function builder(): GraphBuilder {
  return new GraphBuilder({ name: 'test' });
}

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof OnnxError) return error.code;
    throw error;
  }
  return 'no error';
}

describe('the shape of', () => {
  const graph = builder();
  const x = graph.input('x', 'f32', ['batch', 'tokens', 96]);
  const image = graph.input('image', 'f32', ['batch', 16, 'height', 'width']);
  const weight = graph.initializer('weight', 'f32', [32, 96], new Uint8Array(32 * 96 * 4));
  const bias = graph.initializer('bias', 'f32', [32], new Uint8Array(32 * 4));
  const kernel = graph.initializer('kernel', 'f32', [8, 16, 3, 3], new Uint8Array(8 * 16 * 9 * 4));
  const channels = graph.constant(
    'f32',
    Array.from({ length: 16 }, (_, at) => at),
  );

  const cases: readonly [string, () => Value, Value['shape']][] = [
    ['a linear layer follows the weight', () => linear(graph, x, weight, { bias }), ['batch', 'tokens', 32]],
    [
      'a transposed linear layer is the same',
      () => linear(graph, x, weight, { bias, form: 'transposed' }),
      ['batch', 'tokens', 32],
    ],
    ['heads split off the channels', () => reshape(graph, x, [0, 0, 4, -1]), ['batch', 'tokens', 4, 24]],
    ['merged axes is their product', () => reshape(graph, image, [0, 16, -1]), ['batch', 16, 'height*width']],
    ['a transposition reorders', () => transpose(graph, image, [0, 2, 3, 1]), ['batch', 'height', 'width', 16]],
    [
      'a concatenation adds up',
      () => concat(graph, [x, graph.input('y', 'f32', ['batch', 'more', 96])], 1),
      ['batch', '(more+tokens)', 96],
    ],
    ['one of four parts is a quarter', () => split(graph, x, 4, 2)[3] ?? x, ['batch', 'tokens', 24]],
    ['the first rows is their number', () => slice(graph, x, 1, 0, 5), ['batch', 5, 96]],
    [
      'rows up to a run-time bound is as declared',
      () => slice(graph, x, 1, 0, graph.input('n', 'i64', [1]), 'rows'),
      ['batch', 'rows', 96],
    ],
    [
      'gathered rows follows the indices',
      () => gather(graph, weight, graph.input('ids', 'i64', [1, 'tokens'])),
      [1, 'tokens', 96],
    ],
    ['an added axis is one', () => unsqueeze(graph, x, 1), ['batch', 1, 'tokens', 96]],
    ['a padded axis is longer', () => padEnd(graph, image, [0, 0, 1, 1]), ['batch', 16, '(height+1)', '(width+1)']],
    [
      'an enlarged picture is twice as high and wide',
      () => upsampleNearest(graph, image, 2),
      ['batch', 16, '2*height', '2*width'],
    ],
    [
      'a padded convolution keeps the picture',
      () => conv2d(graph, image, kernel, { padding: 1 }),
      ['batch', 8, 'height', 'width'],
    ],
    [
      'a group norm is that of its input',
      () => groupNorm(graph, image, { groups: 4, scale: channels, bias: channels, eps: 1e-6 }),
      ['batch', 16, 'height', 'width'],
    ],
    [
      'a root-mean-square norm is that of its input',
      () => rmsNorm(graph, x, graph.constant('f32', Array(96).fill(1)), 1e-5),
      ['batch', 'tokens', 96],
    ],
    ['fused attention is that of the query', () => attention(graph, x, x, x, { heads: 4 }), ['batch', 'tokens', 96]],
    [
      'attention by primitives is the same',
      () => attention(graph, x, x, x, { heads: 4, form: 'primitive' }),
      ['batch', 'tokens', 96],
    ],
    ['a converted tensor stays', () => cast(graph, x, 'bf16'), ['batch', 'tokens', 96]],
  ];

  it.each(cases)('%s', (_, build, shape) => {
    expect(build().shape).toEqual(shape);
  });

  it('a strided convolution of a known size is counted', () => {
    const own = builder();
    const fixed = own.input('image', 'f32', [1, 16, 64, 96]);
    const down = conv2d(own, fixed, own.initializer('kernel', 'f32', [8, 16, 3, 3], new Uint8Array(8 * 16 * 9 * 4)), {
      stride: 2,
      pads: [0, 0, 1, 1],
    });
    expect(down.shape).toEqual([1, 8, 32, 48]);
  });
});

describe('the builder refuses', () => {
  const cases: readonly [string, string, (graph: GraphBuilder, x: Value) => unknown][] = [
    [
      'a product of matrices that do not fit',
      'operator_invalid',
      (graph, x) => matmul(graph, x, graph.input('b', 'f32', [95, 4])),
    ],
    [
      'a sum of different element types',
      'operator_invalid',
      (graph, x) => add(graph, x, graph.input('b', 'f16', [96])),
    ],
    ['a reshape that loses elements', 'operator_invalid', (graph, x) => reshape(graph, x, [0, 0, 95])],
    ['two open sizes in a reshape', 'operator_invalid', (graph, x) => reshape(graph, x, [-1, -1, 96])],
    ['a permutation that forgets an axis', 'operator_invalid', (graph, x) => transpose(graph, x, [0, 1, 1])],
    ['uneven parts', 'operator_invalid', (graph, x) => split(graph, x, 5, 2)],
    [
      'a rotary embedding without the number of heads',
      'operator_invalid',
      (graph, x) => rotaryEmbedding(graph, x, x, x, { heads: 0, interleaved: true }),
    ],
    [
      'an operator without a rule and without declared outputs',
      'operator_unknown',
      (graph, x) => graph.apply('Sparkle', [x]),
    ],
    ['a name that is taken', 'graph_invalid', (graph) => graph.input('x', 'f32', [1])],
    [
      'an initializer whose bytes do not fill its shape',
      'graph_invalid',
      (graph) => graph.initializer('w', 'f32', [3], new Uint8Array(8)),
    ],
    [
      'external data whose length does not fit its shape',
      'graph_invalid',
      (graph) => graph.external('w', 'bf16', [3], { location: 'w', offset: 0, length: 12 }),
    ],
    [
      'a declared size that contradicts the rule',
      'operator_invalid',
      (graph, x) => graph.apply('Neg', [x], {}, { outputs: [{ type: 'f32', shape: [1, 2, 3] }] }),
    ],
    ['a graph without output', 'graph_invalid', (graph) => graph.build()],
  ];

  it.each(cases)('%s', (_, code, build) => {
    const graph = builder();
    const x = graph.input('x', 'f32', ['batch', 'tokens', 96]);
    expect(codeOf(() => build(graph, x))).toBe(code);
  });
});

describe('the builder', () => {
  it('shares equal constants and asks for external data of one name only once', () => {
    const graph = builder();
    expect(graph.scalar(1).name).toBe(graph.scalar(1).name);
    const first = graph.external('w', 'f32', [2], { location: 'a/b.safetensors', offset: 12, length: 8 });
    expect(graph.external('w', 'f32', [2], { location: 'a/b.safetensors', offset: 12, length: 8 })).toBe(first);
  });

  it('prefixes names by scope and leaves the scope even when building fails', () => {
    const graph = builder();
    const x = graph.input('x', 'f32', [2]);
    expect(graph.scope('block', () => graph.apply('Neg', [x])).name).toBe('block/Neg:0');
    expect(() =>
      graph.scope('broken', () => {
        throw new Error('inside');
      }),
    ).toThrow('inside');
    expect(graph.apply('Neg', [x]).name).toBe('Neg:0');
  });
});
