import {
  attributeField,
  attributeType,
  dimField,
  elementNumber,
  entryField,
  externalLocation,
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
import { WireWriter } from './proto/wire.ts';
import {
  type AttributeValue,
  type ExternalData,
  type Initializer,
  isExternal,
  type Model,
  type Node,
  type TensorType,
  type Value,
} from './types.ts';

/** The model as the bytes of an ONNX ModelProto. Equal models give equal bytes. */
export function writeModel(model: Model): Uint8Array {
  const writer = new WireWriter();
  writer.varint(modelField.irVersion, model.irVersion);
  writer.string(modelField.producerName, 'imagemill');
  writer.message(modelField.graph, (graph) => writeGraph(graph, model));
  for (const [domain, version] of model.opsets) {
    writer.message(modelField.opsetImport, (opset) => {
      opset.string(opsetField.domain, domain).varint(opsetField.version, version);
    });
  }
  return writer.finish();
}

function writeGraph(writer: WireWriter, model: Model): void {
  for (const node of model.nodes) writer.message(graphField.node, (field) => writeNode(field, node));
  writer.string(graphField.name, model.name);
  for (const initializer of model.initializers) {
    writer.message(graphField.initializer, (field) => writeTensor(field, initializer));
  }
  for (const input of model.inputs) writer.message(graphField.input, (field) => writeValue(field, input));
  for (const output of model.outputs) writer.message(graphField.output, (field) => writeValue(field, output));
}

function writeNode(writer: WireWriter, node: Node): void {
  for (const input of node.inputs) writer.string(nodeField.input, input);
  for (const output of node.outputs) writer.string(nodeField.output, output);
  writer.string(nodeField.name, node.name);
  writer.string(nodeField.op, node.op);
  for (const [name, value] of Object.entries(node.attributes)) {
    writer.message(nodeField.attribute, (field) => writeAttribute(field.string(attributeField.name, name), value));
  }
  writer.string(nodeField.domain, node.domain);
}

function writeAttribute(writer: WireWriter, value: AttributeValue): void {
  if (typeof value === 'string') {
    writer.string(attributeField.string, value).varint(attributeField.type, attributeType.string);
  } else if (typeof value === 'number') {
    if (Number.isInteger(value))
      writer.varint(attributeField.int, value).varint(attributeField.type, attributeType.int);
    else writer.float(attributeField.float, value).varint(attributeField.type, attributeType.float);
  } else if ('kind' in value) {
    if (value.kind === 'float')
      writer.float(attributeField.float, value.value).varint(attributeField.type, attributeType.float);
    else
      writer
        .message(attributeField.tensor, (field) => writeTensor(field, { name: '', ...value.tensor }))
        .varint(attributeField.type, attributeType.tensor);
  } else {
    writeList(writer, value);
  }
}

function writeList(writer: WireWriter, values: readonly (number | string)[]): void {
  const allStrings = values.length > 0 && values.every((value) => typeof value === 'string');
  const allInts = values.every((value) => Number.isInteger(value));
  for (const value of values) {
    if (typeof value === 'string') writer.string(attributeField.strings, value);
    else if (allInts) writer.varint(attributeField.ints, value);
    else writer.float(attributeField.floats, value);
  }
  writer.varint(
    attributeField.type,
    allStrings ? attributeType.strings : allInts ? attributeType.ints : attributeType.floats,
  );
}

function writeTensor(writer: WireWriter, tensor: Initializer): void {
  for (const dim of tensor.shape) writer.varint(tensorField.dims, Number(dim));
  writer.varint(tensorField.type, elementNumber[tensor.type]);
  if (tensor.name !== '') writer.string(tensorField.name, tensor.name);
  if (isExternal(tensor.data)) writeExternal(writer, tensor.data);
  else writer.bytes(tensorField.raw, tensor.data);
}

function writeExternal(writer: WireWriter, data: ExternalData): void {
  const entries = { location: data.location, offset: String(data.offset), length: String(data.length) };
  for (const [key, value] of Object.entries(entries)) {
    writer.message(tensorField.external, (entry) => {
      entry.string(entryField.key, key).string(entryField.value, value);
    });
  }
  writer.varint(tensorField.location, externalLocation);
}

function writeValue(writer: WireWriter, value: Value): void {
  writer.string(valueField.name, value.name);
  writer.message(valueField.type, (type) => {
    type.message(typeField.tensor, (tensor) => writeTensorType(tensor, value));
  });
}

function writeTensorType(writer: WireWriter, { type, shape }: TensorType): void {
  writer.varint(tensorTypeField.elementType, elementNumber[type]);
  writer.message(tensorTypeField.shape, (list) => {
    for (const dim of shape) {
      list.message(shapeField.dim, (field) => {
        if (typeof dim === 'number') field.varint(dimField.value, dim);
        else field.string(dimField.symbol, dim);
      });
    }
  });
}
