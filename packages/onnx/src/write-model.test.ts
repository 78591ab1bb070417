import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  add,
  checkModel,
  float,
  GraphBuilder,
  linear,
  type Model,
  printModel,
  readModel,
  writeModel,
} from './index.ts';

function sample(): Model {
  const graph = new GraphBuilder({ name: 'sample' });
  const x = graph.input('x', 'f32', ['batch', 3]);
  const inside = graph.initializer('inside', 'f32', [3], new Uint8Array(new Float32Array([1, 2, 3]).buffer));
  const outside = graph.external('outside', 'bf16', [2, 3], {
    location: 'models/a.safetensors',
    offset: 2 ** 33 + 1,
    length: 12,
  });
  const y = linear(graph, add(graph, x, inside), graph.apply('Cast', [outside], { to: 1 }));
  graph.output(
    'y',
    graph.apply('Clip', [y], {
      low: float(-1),
      high: 2.5,
      list: [1, -2],
      floats: [0.5, 1],
      words: ['a', 'ü'],
      mode: 'soft',
    }),
  );
  return graph.build();
}

describe('a written model', () => {
  it('reads back with the same inputs, outputs, initializers, nodes and attributes', () => {
    const model = sample();
    const read = readModel(writeModel(model));
    expect(read.inputs).toEqual(model.inputs);
    expect(read.outputs).toEqual(model.outputs);
    expect(read.initializers).toEqual(model.initializers);
    expect(read.opsets).toEqual(model.opsets);
    expect(read.nodes.map((node) => [node.name, node.op, node.domain, node.inputs, node.outputs])).toEqual(
      model.nodes.map((node) => [node.name, node.op, node.domain, node.inputs, node.outputs]),
    );
    expect(read.nodes.find((node) => node.op === 'Clip')?.attributes).toEqual({
      low: { kind: 'float', value: -1 },
      high: { kind: 'float', value: 2.5 },
      list: [1, -2],
      floats: [0.5, 1],
      words: ['a', 'ü'],
      mode: 'soft',
    });
    expect(() => checkModel(read)).not.toThrow();
  });

  it('has the same bytes each time', () => {
    expect(writeModel(sample())).toEqual(writeModel(sample()));
  });

  it('that is cut short is refused', () => {
    const bytes = writeModel(sample());
    fc.assert(
      fc.property(fc.integer({ min: 0, max: bytes.length - 20 }), (cut) => {
        expect(() => readModel(bytes.subarray(0, cut))).toThrow();
      }),
    );
  });

  it('prints one line a node, with shapes and where the weights lie', () => {
    const text = printModel(sample());
    expect(text).toContain('graph sample (ai.onnx@23, com.microsoft@1)');
    expect(text).toContain('outside: bf16[2, 3] models/a.safetensors@8589934593');
    expect(text).toContain('com.microsoft.FusedMatMul');
  });
});

describe('the checker refuses', () => {
  const cases: readonly [string, (model: Model) => Model, RegExp][] = [
    [
      'a node that uses what is not made yet',
      (model) => ({ ...model, nodes: [...model.nodes].reverse() }),
      /before it is made/,
    ],
    ['two values of one name', (model) => ({ ...model, inputs: [...model.inputs, ...model.inputs] }), /defined twice/],
    ['a domain without a version', (model) => ({ ...model, opsets: new Map([['', 23]]) }), /has no version/],
    [
      'an output that nothing makes',
      (model) => ({ ...model, outputs: [{ name: 'nothing', type: 'f32', shape: [] }] }),
      /made by no node/,
    ],
    [
      'external data outside its folder',
      (model) => ({
        ...model,
        initializers: [{ name: 'w', type: 'f32', shape: [1], data: { location: '../w', offset: 0, length: 4 } }],
        nodes: [],
      }),
      /relative path/,
    ],
    [
      'an attribute that is not a number',
      (model) => ({ ...model, nodes: model.nodes.map((node) => ({ ...node, attributes: { broken: Number.NaN } })) }),
      /is not a number/,
    ],
  ];

  it.each(cases)('%s', (_, change, message) => {
    expect(() => checkModel(change(sample()))).toThrow(message);
  });
});
