import { describe, expect, it } from 'vitest';
import { GraphBuilder, OnnxError, type Shape, type TensorType, type Value } from '../index.ts';

interface Inputs {
  readonly graph: GraphBuilder;
  /** f32 [batch, tokens, 8] */
  readonly x: Value;
  /** f32 [6, 8] */
  readonly matrix: Value;
  /** f32 [batch, 16, height, width] */
  readonly image: Value;
  /** u8 [6, 8] */
  readonly bytes: Value;
  /** i64 [2], known at run time only */
  readonly dynamic: Value;
}

function inputs(): Inputs {
  const graph = new GraphBuilder({ name: 'rules' });
  return {
    graph,
    x: graph.input('x', 'f32', ['batch', 'tokens', 8]),
    matrix: graph.input('matrix', 'f32', [6, 8]),
    image: graph.input('image', 'f32', ['batch', 16, 'height', 'width']),
    bytes: graph.input('bytes', 'u8', [6, 8]),
    dynamic: graph.input('dynamic', 'i64', [2]),
  };
}

const microsoft = { domain: 'com.microsoft' } as const;

describe('the rule of', () => {
  const cases: readonly [string, (given: Inputs) => readonly TensorType[], readonly TensorType[]][] = [
    [
      'Gemm knows both transpositions',
      ({ graph, matrix }) => [
        graph.apply('Gemm', [matrix, matrix], { transB: 1 }),
        graph.apply('Gemm', [matrix, matrix], { transA: 1 }),
      ],
      [f32(6, 6), f32(8, 8)],
    ],
    [
      'MatMulInteger gives whole numbers',
      ({ graph, bytes }) => [graph.apply('MatMulInteger', [bytes, graph.input('b', 'i8', [8, 3])])],
      [{ type: 'i32', shape: [6, 3] }],
    ],
    [
      'DynamicQuantizeLinear gives numbers, scale and zero',
      ({ graph, x }) => graph.node('DynamicQuantizeLinear', [x]),
      [
        { type: 'u8', shape: ['batch', 'tokens', 8] },
        { type: 'f32', shape: [] },
        { type: 'u8', shape: [] },
      ],
    ],
    [
      'MatMulNBits takes its sizes from the attributes',
      ({ graph, x, bytes }) => [graph.apply('MatMulNBits', [x, bytes], { K: 8, N: 5 }, microsoft)],
      [f32('batch', 'tokens', 5)],
    ],
    [
      'GroupQueryAttention is that of the query',
      ({ graph, x }) => [graph.apply('GroupQueryAttention', [x, x, x], { num_heads: 2 }, microsoft)],
      [f32('batch', 'tokens', 8)],
    ],
    [
      'comparison is a truth value',
      ({ graph, x }) => ['Equal', 'Less', 'Greater'].map((op) => graph.apply(op, [x, graph.scalar(0)])),
      Array.from({ length: 3 }, () => ({ type: 'bool', shape: ['batch', 'tokens', 8] }) as const),
    ],
    [
      'Split with sizes gives those sizes',
      ({ graph, x }) => graph.node('Split', [x, graph.constant('i64', [3, 5])], { axis: -1 }),
      [f32('batch', 'tokens', 3), f32('batch', 'tokens', 5)],
    ],
    [
      'Slice counts steps and negative bounds',
      ({ graph, matrix }) => [
        graph.apply('Slice', [matrix, ...[[-5], [100], [1], [2]].map((list) => graph.constant('i64', list))]),
        graph.apply('Slice', [
          matrix,
          ...[
            [1, 2],
            [-1, -2],
          ].map((list) => graph.constant('i64', list)),
        ]),
      ],
      [f32(6, 3), f32(4, 4)],
    ],
    [
      'Expand and Squeeze follow their constants',
      ({ graph, matrix }) => {
        const deep = graph.apply('Unsqueeze', [matrix, graph.constant('i64', [0, -1])]);
        return [
          deep,
          graph.apply('Expand', [deep, graph.constant('i64', [4, 1, 1, 7])]),
          graph.apply('Squeeze', [deep, graph.constant('i64', [-1])]),
        ];
      },
      [f32(1, 6, 8, 1), f32(4, 6, 8, 7), f32(1, 6, 8)],
    ],
    [
      'DepthToSpace moves channels into the picture',
      ({ graph, image }) => [graph.apply('DepthToSpace', [image], { blocksize: 2 })],
      [f32('batch', 4, '2*height', '2*width')],
    ],
    [
      'a reduction keeps or drops the axes that it names, or all',
      ({ graph, x }) => [
        graph.apply('ReduceMean', [x, graph.constant('i64', [-1])]),
        graph.apply('ReduceSum', [x, graph.constant('i64', [0, 1])], { keepdims: 0 }),
        graph.apply('ReduceMax', [x], { keepdims: 0 }),
      ],
      [f32('batch', 'tokens', 1), f32(8), f32()],
    ],
    [
      'Transpose without an order turns the axes round',
      ({ graph, x }) => [graph.apply('Transpose', [x])],
      [f32(8, 'tokens', 'batch')],
    ],
    [
      'a strided convolution of unknown size is a size of its own',
      ({ graph, image }) => {
        const kernel = graph.input('kernel', 'f32', [4, 16, 3, 3]);
        return [graph.apply('Conv', [image, kernel], { strides: [2, 2] })];
      },
      [f32('batch', 4, '(height by 3/2 pad 0)', '(width by 3/2 pad 0)')],
    ],
  ];

  it.each(cases)('%s', (_, build, expected) => {
    const types = build(inputs()).map(({ type, shape }) => ({ type, shape }));
    expect(types).toEqual(expected);
  });
});

describe('a declared type', () => {
  it.each([
    ['Reshape', 'a shape of run time'],
    ['Expand', 'a size of run time'],
  ])('stands where the rule of %s cannot know %s', (op) => {
    const { graph, matrix, dynamic } = inputs();
    expect(() => graph.apply(op, [matrix, dynamic])).toThrow('the output types cannot be inferred; declare them');
    const declared = { outputs: [{ type: 'f32', shape: ['a', 'b'] } as const] };
    expect(graph.apply(op, [matrix, dynamic], {}, declared).shape).toEqual(['a', 'b']);
  });

  it('may give a symbol another name but no value another type', () => {
    const { graph, x } = inputs();
    const named = { outputs: [{ type: 'f32', shape: ['batch', 'sequence', 8] } as const] };
    expect(graph.apply('Neg', [x], {}, named).shape).toEqual(['batch', 'sequence', 8]);
    const halved = { outputs: [{ type: 'f16', shape: ['batch', 'tokens', 8] } as const] };
    expect(() => graph.apply('Neg', [x], {}, halved)).toThrow('output 0 is declared f16[batch, tokens, 8], but is f32');
  });
});

describe('inputs are refused, with what was given and what is wrong:', () => {
  const cases: readonly [string, (given: Inputs) => unknown][] = [
    ['Add(f32[6, 8], -): input 1 is missing', ({ graph, matrix }) => graph.apply('Add', [matrix, undefined])],
    ['Concat(): an input is missing', ({ graph }) => graph.apply('Concat', [], { axis: 0 })],
    ['Tanh(u8[6, 8]): a float tensor is expected', ({ graph, bytes }) => graph.apply('Tanh', [bytes])],
    ['the condition must be bool', ({ graph, matrix }) => graph.apply('Where', [matrix, matrix, matrix])],
    ['cannot cast to type number 99', ({ graph, matrix }) => graph.apply('Cast', [matrix], { to: 99 })],
    [
      'matrices of rank 2 or more are expected',
      ({ graph, x }) => graph.apply('MatMul', [x, graph.constant('f32', [1])]),
    ],
    ['two matrices are expected', ({ graph, x, matrix }) => graph.apply('Gemm', [x, matrix])],
    ['u8 or i8 matrices are expected', ({ graph, matrix }) => graph.apply('MatMulInteger', [matrix, matrix])],
    [
      'the last dimension must be K = 9',
      ({ graph, x, bytes }) => graph.apply('MatMulNBits', [x, bytes], { K: 9, N: 5 }, microsoft),
    ],
    ['a 2-D convolution is expected', ({ graph, x, matrix }) => graph.apply('Conv', [x, matrix])],
    [
      'channels of input and weight differ',
      ({ graph, image }) => graph.apply('Conv', [image, graph.input('k', 'f32', [4, 15, 3, 3])]),
    ],
    [
      'the kernel must have a fixed size',
      ({ graph, image }) => graph.apply('Conv', [image, graph.input('k', 'f32', [4, 16, 'k', 'k'])]),
    ],
    [
      'attribute pads must be a list of whole numbers',
      ({ graph, image }) => graph.apply('Conv', [image, graph.input('k', 'f32', [4, 16, 1, 1])], { pads: 'all' }),
    ],
    [
      '[batch, tokens, channels] is expected',
      ({ graph, x, matrix }) => graph.apply('MultiHeadAttention', [x, x, matrix], {}, microsoft),
    ],
    [
      'query and key differ in channels',
      ({ graph, x }) =>
        graph.apply('MultiHeadAttention', [x, graph.input('k', 'f32', ['batch', 'tokens', 9]), x], {}, microsoft),
    ],
    [
      'inputs differ outside axis 0',
      ({ graph, matrix }) => graph.apply('Concat', [matrix, graph.input('b', 'f32', [6, 9])], { axis: 0 }),
    ],
    ['axis 2 is outside rank 2', ({ graph, matrix }) => graph.apply('Concat', [matrix], { axis: 2 })],
    ['attribute axis must be a whole number', ({ graph, matrix }) => graph.apply('Concat', [matrix], { axis: 'x' })],
    [
      'parts add up to 7, axis 1 has 8',
      ({ graph, matrix }) => graph.node('Split', [matrix, graph.constant('i64', [3, 4])], { axis: 1 }),
    ],
    [
      '0 at 2 copies a dimension that the input lacks',
      ({ graph, matrix }) => graph.apply('Reshape', [matrix, graph.constant('i64', [6, 8, 0])]),
    ],
    ['indices must be i64 or i32', ({ graph, matrix, bytes }) => graph.apply('Gather', [matrix, bytes])],
    ['axes must be a constant', ({ graph, matrix, dynamic }) => graph.apply('Unsqueeze', [matrix, dynamic])],
    ['axes must be a constant', ({ graph, matrix, dynamic }) => graph.apply('Squeeze', [matrix, dynamic])],
    ['axis 0 is not 1', ({ graph, matrix }) => graph.apply('Squeeze', [matrix, graph.constant('i64', [0])])],
    ['axes must be a constant', ({ graph, matrix, dynamic }) => graph.apply('ReduceSum', [matrix, dynamic])],
    ['pads must be a constant', ({ graph, matrix, dynamic }) => graph.apply('Pad', [matrix, dynamic])],
    ['pads must have 4 numbers', ({ graph, matrix }) => graph.apply('Pad', [matrix, graph.constant('i64', [1])])],
    [
      'with channels a multiple of 9 is expected',
      ({ graph, image }) => graph.apply('DepthToSpace', [image], { blocksize: 3 }),
    ],
  ];

  it.each(cases)('%s', (message, build) => {
    const given = inputs();
    expect(() => build(given)).toThrow(message);
    expect(() => build(inputs())).toThrow(OnnxError);
  });
});

function f32(...shape: Shape): TensorType {
  return { type: 'f32', shape };
}
