import { OnnxError } from './errors.ts';
import { type Attributes, byteLength, formatShape, isExternal, type Model, type Node } from './types.ts';

/**
 * Checks a graph by the rules of ONNX: names are unique, every input is made before it is used, domains have a version,
 * outputs exist, initializers have as many bytes as their shape says, attributes can be written.
 * @throws OnnxError `graph_invalid` that names the first broken rule.
 */
export function checkModel(model: Model): void {
  const known = new Set<string>();
  const define = (name: string, what: string): void => {
    if (name === '') fail(model, `${what} has an empty name`);
    if (known.has(name)) fail(model, `${what} ${name} is defined twice`);
    known.add(name);
  };
  for (const input of model.inputs) define(input.name, 'input');
  for (const initializer of model.initializers) {
    define(initializer.name, 'initializer');
    checkInitializer(model, initializer.name, initializer);
  }
  for (const node of model.nodes) {
    checkNode(model, node, known);
    for (const output of node.outputs) define(output, `output of ${node.name}`);
  }
  if (model.outputs.length === 0) fail(model, 'there is no output');
  for (const output of model.outputs) {
    if (!known.has(output.name)) fail(model, `output ${output.name} is made by no node`);
  }
}

function checkNode(model: Model, node: Node, known: ReadonlySet<string>): void {
  if (!model.opsets.has(node.domain)) fail(model, `node ${node.name}: domain ${node.domain} has no version`);
  if (node.outputs.length === 0) fail(model, `node ${node.name} has no output`);
  for (const input of node.inputs) {
    if (input !== '' && !known.has(input)) fail(model, `node ${node.name} uses ${input} before it is made`);
  }
  checkAttributes(model, node.name, node.attributes);
}

function checkInitializer(model: Model, name: string, initializer: Model['initializers'][number]): void {
  const shape: number[] = [];
  for (const dim of initializer.shape) {
    if (typeof dim !== 'number')
      fail(model, `initializer ${name} has the symbolic shape ${formatShape(initializer.shape)}`);
    shape.push(Number(dim));
  }
  const { data } = initializer;
  const length = isExternal(data) ? data.length : data.byteLength;
  const expected = byteLength(initializer.type, shape);
  if (length !== expected) fail(model, `initializer ${name} has ${length} bytes, its shape takes ${expected}`);
  if (
    isExternal(data) &&
    (data.location === '' || data.location.startsWith('/') || data.location.split('/').includes('..'))
  ) {
    fail(model, `initializer ${name}: external location "${data.location}" must be a relative path without ".."`);
  }
  if (isExternal(data) && !(Number.isSafeInteger(data.offset) && data.offset >= 0)) {
    fail(model, `initializer ${name}: external offset ${data.offset} must be a whole number from 0`);
  }
}

function checkAttributes(model: Model, name: string, attributes: Attributes): void {
  for (const [key, value] of Object.entries(attributes)) {
    const numbers =
      typeof value === 'number'
        ? [value]
        : Array.isArray(value)
          ? value.filter((item) => typeof item === 'number')
          : [];
    if (numbers.some((number) => Number.isNaN(number))) fail(model, `node ${name}: attribute ${key} is not a number`);
  }
}

function fail(model: Model, reason: string): never {
  throw new OnnxError('graph_invalid', `Graph ${model.name}: ${reason}`);
}
