import { writeFile } from 'node:fs/promises';
import { GraphBuilder, matmul, reshape, writeModel } from '@imagemill/onnx';

/** Writes a model that scores a picture of 8 × 8 by the mean of its values: output `scores`, `[1, 2]`, 1 − mean and mean. */
export async function writeMeanModel(path: string): Promise<void> {
  const values = 3 * 8 * 8;
  const graph = new GraphBuilder({ name: 'mean' });
  const flat = reshape(graph, graph.input('pixels', 'f32', [1, 3, 8, 8]), [1, values]);
  const weights = new Float32Array(2 * values);
  for (let at = 0; at < values; at++) weights.set([-1 / values, 1 / values], 2 * at);
  const weight = graph.initializer('weight', 'f32', [values, 2], new Uint8Array(weights.buffer));
  graph.output('scores', matmul(graph, flat, weight));
  await writeFile(path, writeModel(graph.build()));
}
