import { type AttributeValue, formatShape, isExternal, type Model } from './types.ts';

/** The graph as text, one line a node, for people: `h = MatMul(x, w) {…}`. */
export function printModel(model: Model): string {
  const opsets = [...model.opsets].map(([domain, version]) => `${domain === '' ? 'ai.onnx' : domain}@${version}`);
  const lines = [`graph ${model.name} (${opsets.join(', ')})`];
  for (const input of model.inputs) lines.push(`  in  ${input.name}: ${input.type}${formatShape(input.shape)}`);
  for (const { name, type, shape, data } of model.initializers) {
    const place = isExternal(data) ? `${data.location}@${data.offset}` : `${data.byteLength} bytes`;
    lines.push(`  w   ${name}: ${type}${formatShape(shape)} ${place}`);
  }
  for (const node of model.nodes) {
    const op = node.domain === '' ? node.op : `${node.domain}.${node.op}`;
    const attributes = Object.entries(node.attributes).map(([key, value]) => `${key}=${printAttribute(value)}`);
    const suffix = attributes.length === 0 ? '' : ` {${attributes.join(', ')}}`;
    lines.push(`  ${node.outputs.join(', ')} = ${op}(${node.inputs.join(', ')})${suffix}`);
  }
  for (const output of model.outputs) lines.push(`  out ${output.name}: ${output.type}${formatShape(output.shape)}`);
  return lines.join('\n');
}

function printAttribute(value: AttributeValue): string {
  if (typeof value === 'number' || typeof value === 'string') return String(value);
  if (!('kind' in value)) return `[${value.join(', ')}]`;
  return value.kind === 'float' ? String(value.value) : `${value.tensor.type}${formatShape(value.tensor.shape)}`;
}
