import { add, type GraphBuilder, type Model, matmul, reshape, unsqueeze, type Value } from '@imagemill/onnx';
import { type LoraLayer, loraInputNames } from '../../lora/lora-batch.ts';

/** Which linear layers of a graph take adapters as inputs, by name. */
export type TakesLora = (layer: string) => boolean;

/**
 * y + x · a · b in f32, with a and b as inputs of the graph: each item of the batch has its own adapters, of any rank,
 * and changing them rebuilds nothing.
 *
 * @param x f32 `[batch, tokens, in]` or `[batch, in]`
 * @param y what the layer computes without adapters, f32 `[…, out]`
 */
export function addLora(graph: GraphBuilder, x: Value, y: Value, layer: string): Value {
  const names = loraInputNames(layer);
  const rank = `rank_${layer.replaceAll(/[^A-Za-z0-9]/g, '_')}`;
  const a = graph.input(names.a, 'f32', ['batch', x.shape.at(-1) ?? 0, rank]);
  const b = graph.input(names.b, 'f32', ['batch', rank, y.shape.at(-1) ?? 0]);
  const isRow = x.shape.length === 2;
  const product = matmul(graph, matmul(graph, isRow ? unsqueeze(graph, x, 1) : x, a), b);
  return add(graph, y, isRow ? reshape(graph, product, [0, -1]) : product);
}

/** The layers of a graph that take adapters. */
export function loraLayersOf(model: Model): LoraLayer[] {
  const shapes = new Map(model.inputs.map(({ name, shape }) => [name, shape]));
  const end = loraInputNames('').a;
  return [...shapes.keys()]
    .filter((name) => name.endsWith(end))
    .map((name) => {
      const layer = name.slice(0, -end.length);
      const [, into] = shapes.get(name) ?? [];
      return { name: layer, in: Number(into), out: Number(shapes.get(loraInputNames(layer).b)?.[2]) };
    });
}
