import { OnnxError } from './errors.ts';
import {
  attributeField,
  attributeType,
  dimField,
  elementNumber,
  entryField,
  graphField,
  modelField,
  nodeField,
  opsetField,
  shapeField,
  tensorField,
  tensorTypeField,
  typeField,
  valueField,
} from './proto/schema.ts';
import { readFields, type WireField } from './proto/wire.ts';
import type { AttributeValue, Dim, ElementType, ExternalData, Initializer, Model, Node, Value } from './types.ts';

/**
 * Reads back what {@link writeModel} writes.
 * @throws OnnxError `model_damaged` when the bytes are not such a model.
 */
export function readModel(bytes: Uint8Array): Model {
  const fields = new Fields(readFields(bytes));
  if (!fields.has(modelField.graph) || !fields.has(modelField.opsetImport)) {
    throw new OnnxError(
      'model_damaged',
      'The bytes are not a whole ONNX model: the graph or its operator set is missing',
    );
  }
  const graph = fields.message(modelField.graph);
  const opsets = fields
    .messages(modelField.opsetImport)
    .map((opset): [string, number] => [opset.string(opsetField.domain), opset.int(opsetField.version)]);
  return {
    name: graph.string(graphField.name),
    irVersion: fields.int(modelField.irVersion),
    opsets: new Map(opsets),
    inputs: graph.messages(graphField.input).map(readValue),
    outputs: graph.messages(graphField.output).map(readValue),
    initializers: graph.messages(graphField.initializer).map(readTensor),
    nodes: graph.messages(graphField.node).map(readNode),
  };
}

function readNode(fields: Fields): Node {
  const attributes = fields
    .messages(nodeField.attribute)
    .map((field): [string, AttributeValue] => [field.string(attributeField.name), readAttribute(field)]);
  return {
    name: fields.string(nodeField.name),
    op: fields.string(nodeField.op),
    domain: fields.string(nodeField.domain),
    inputs: fields.strings(nodeField.input),
    outputs: fields.strings(nodeField.output),
    attributes: Object.fromEntries(attributes),
  };
}

function readAttribute(fields: Fields): AttributeValue {
  const type = fields.int(attributeField.type);
  if (type === attributeType.int) return fields.int(attributeField.int);
  if (type === attributeType.string) return fields.string(attributeField.string);
  if (type === attributeType.float) return { kind: 'float', value: fields.floats(attributeField.float)[0] ?? 0 };
  if (type === attributeType.ints) return fields.ints(attributeField.ints);
  if (type === attributeType.floats) return fields.floats(attributeField.floats);
  if (type === attributeType.strings) return fields.strings(attributeField.strings);
  if (type === attributeType.tensor) {
    const { type: element, shape, data } = readTensor(fields.message(attributeField.tensor));
    if (data instanceof Uint8Array)
      return { kind: 'tensor', tensor: { type: element, shape: shape.map(Number), data } };
  }
  throw new OnnxError('model_damaged', `Attribute type ${type} is not one that this package writes`);
}

function readTensor(fields: Fields): Initializer {
  const entries = new Map(
    fields
      .messages(tensorField.external)
      .map((entry) => [entry.string(entryField.key), entry.string(entryField.value)]),
  );
  const location = entries.get('location');
  const external: ExternalData | undefined =
    location === undefined
      ? undefined
      : { location, offset: Number(entries.get('offset')), length: Number(entries.get('length')) };
  return {
    name: fields.string(tensorField.name),
    type: elementOf(fields.int(tensorField.type)),
    shape: fields.ints(tensorField.dims),
    data: external ?? fields.bytes(tensorField.raw),
  };
}

function readValue(fields: Fields): Value {
  const tensor = fields.message(valueField.type).message(typeField.tensor);
  const shape = tensor
    .message(tensorTypeField.shape)
    .messages(shapeField.dim)
    .map((dim): Dim => (dim.has(dimField.symbol) ? dim.string(dimField.symbol) : dim.int(dimField.value)));
  return { name: fields.string(valueField.name), type: elementOf(tensor.int(tensorTypeField.elementType)), shape };
}

function elementOf(number: number): ElementType {
  for (const [type, own] of Object.entries(elementNumber)) {
    if (own === number) return type as ElementType;
  }
  throw new OnnxError('model_damaged', `Element type number ${number} is not known`);
}

/** The fields of one message by number, with the decoding that the reader asks for. */
class Fields {
  readonly #fields: readonly WireField[];

  constructor(fields: readonly WireField[]) {
    this.#fields = fields;
  }

  has(field: number): boolean {
    return this.#fields.some((own) => own.field === field);
  }

  all(field: number): (bigint | Uint8Array)[] {
    return this.#fields.filter((own) => own.field === field).map((own) => own.value);
  }

  bytes(field: number): Uint8Array {
    const value = this.all(field)[0] ?? new Uint8Array();
    if (typeof value === 'bigint')
      throw new OnnxError('model_damaged', `Field ${field} is a number where bytes are expected`);
    return value;
  }

  ints(field: number): number[] {
    return this.all(field).map(Number);
  }

  int(field: number): number {
    return Number(this.all(field)[0] ?? 0);
  }

  floats(field: number): number[] {
    return this.all(field).map((value) => {
      if (typeof value === 'bigint' || value.byteLength !== 4)
        throw new OnnxError('model_damaged', `Field ${field} is not the four bytes of a float`);
      return new DataView(value.buffer, value.byteOffset, 4).getFloat32(0, true);
    });
  }

  strings(field: number): string[] {
    return this.all(field).map((value) => (typeof value === 'bigint' ? '' : new TextDecoder().decode(value)));
  }

  string(field: number): string {
    return this.strings(field)[0] ?? '';
  }

  messages(field: number): Fields[] {
    return this.all(field).map((value) => new Fields(typeof value === 'bigint' ? [] : readFields(value)));
  }

  message(field: number): Fields {
    return this.messages(field)[0] ?? new Fields([]);
  }
}
