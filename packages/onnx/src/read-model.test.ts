import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { float, GraphBuilder, type Model, OnnxError, readModel, writeModel } from './index.ts';
import { attributeField, graphField, modelField, nodeField, opsetField, tensorField } from './proto/schema.ts';
import { WireWriter } from './proto/wire.ts';

function sample(): Model {
  const graph = new GraphBuilder({ name: 'sample' });
  const x = graph.input('x', 'f32', ['batch', 3]);
  const w = graph.external('w', 'f16', [3], { location: 'a/w.bin', offset: 5, length: 6 });
  const inside = graph.initializer('inside', 'f32', [3], new Uint8Array(12));
  const tensor = { type: 'i64', shape: [1], data: new Uint8Array(8) } as const;
  const attributes = { eps: float(1), name: 'n', list: [1, 2], share: 0.5, value: { kind: 'tensor', tensor } as const };
  const sum = graph.apply('Add', [x, graph.apply('Cast', [w], { to: 1 })]);
  graph.output('y', graph.apply('Clip', [sum, inside], attributes));
  return graph.build();
}

/** A model of one node with one attribute, written by hand. */
function withAttribute(write: (attribute: WireWriter) => void): Uint8Array {
  const writer = new WireWriter();
  writer.message(modelField.graph, (graph) => {
    graph.message(graphField.node, (node) => node.string(nodeField.op, 'Neg').message(nodeField.attribute, write));
  });
  writer.message(modelField.opsetImport, (opset) => opset.varint(opsetField.version, 23));
  return writer.finish();
}

function codeOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (error instanceof OnnxError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'no error';
}

describe('reading a model', () => {
  it('gives a tensor attribute back', () => {
    const read = readModel(writeModel(sample()));
    expect(read.nodes.find((node) => node.op === 'Clip')?.attributes['value']).toEqual({
      kind: 'tensor',
      tensor: { type: 'i64', shape: [1], data: new Uint8Array(8) },
    });
  });

  it('of bytes of which one was changed gives a model or an error with a code, and no other', () => {
    const bytes = writeModel(sample());
    fc.assert(
      fc.property(fc.nat({ max: bytes.length - 1 }), fc.integer({ min: 0, max: 255 }), (at, value) => {
        const changed = bytes.slice();
        changed[at] = value;
        expect(codeOf(() => readModel(changed))).toMatch(/^(no error$|model_damaged: )/);
      }),
      { numRuns: 2000 },
    );
  });

  it('of any bytes gives an error with a code', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(codeOf(() => readModel(bytes))).toMatch(/^(no error$|model_damaged: )/);
      }),
    );
  });

  it.each([
    [
      'a number of more than ten bytes',
      Uint8Array.from({ length: 12 }, () => 0x80),
      'A number in the model has more than ten bytes',
    ],
    ['a wire type that ONNX does not use', Uint8Array.of(0x0b), 'The model holds wire type 3'],
    ['nothing', new Uint8Array(), 'The bytes are not a whole ONNX model'],
    [
      'an attribute of a type that is not written here',
      withAttribute((attribute) => attribute.varint(attributeField.type, 11)),
      'Attribute type 11 is not one that this package writes',
    ],
    [
      'a tensor of an unknown element type',
      withAttribute((attribute) =>
        attribute
          .message(attributeField.tensor, (tensor) => tensor.varint(tensorField.type, 99))
          .varint(attributeField.type, 4),
      ),
      'Element type number 99 is not known',
    ],
    [
      'a float that is a varint',
      withAttribute((attribute) => attribute.varint(attributeField.float, 1).varint(attributeField.type, 1)),
      'is not the four bytes of a float',
    ],
    [
      'a float of one byte',
      withAttribute((attribute) =>
        attribute.bytes(attributeField.float, Uint8Array.of(1)).varint(attributeField.type, 1),
      ),
      'is not the four bytes of a float',
    ],
    [
      'raw data that is a number',
      withAttribute((attribute) =>
        attribute
          .message(attributeField.tensor, (tensor) => tensor.varint(tensorField.type, 1).varint(tensorField.raw, 1))
          .varint(attributeField.type, 4),
      ),
      'is a number where bytes are expected',
    ],
  ])('refuses %s', (_, bytes, message) => {
    expect(codeOf(() => readModel(bytes))).toMatch(/^model_damaged: /);
    expect(codeOf(() => readModel(bytes))).toContain(message);
  });
});
