import { GraphBuilder, type Model, quantizedLinear } from '@imagemill/onnx';
import type { IntegerForm, Runtime } from '../runtime.ts';

/**
 * Whether products of u8 with i8 are exact on this device. Processors without a whole-number dot product (x86 before
 * VNNI) add pairs in 16 bits, which overflows at large numbers; there both sides must be u8, which is slower.
 */
export async function exactIntegerForm(runtime: Runtime): Promise<IntegerForm> {
  const session = await runtime.open(productGraph());
  try {
    const { y } = await session.run({ x: runtime.tensor('bool', new Uint8Array(rows * inner).fill(1), [rows, inner]) });
    const exact = 127 * 127 * inner;
    return y?.read().every((value) => value === exact) ? 'i8' : 'u8';
  } finally {
    await session.release();
  }
}

const rows = 8;
const inner = 256;
const columns = 64;

/** The largest numbers, 255 − 128 times 127, summed over `inner`: every partial sum of a pair passes 16 bits. */
function productGraph(): Model {
  const graph = new GraphBuilder({ name: 'integer-products' });
  const x = graph.input('x', 'bool', [rows, inner]);
  const largest = graph.apply('Where', [x, graph.constant('u8', [255], []), graph.constant('u8', [0], [])]);
  const numbers = graph.initializer('w', 'i8', [inner, columns], new Uint8Array(inner * columns).fill(127));
  const ones = graph.constant(
    'f32',
    Array.from({ length: columns }, () => 1),
  );
  const one = graph.constant('f32', [1], [1, 1]);
  const quantised = { digits: [{ numbers: largest, weight: 1 }], scale: one };
  graph.output('y', quantizedLinear(graph, quantised, { numbers, scale: ones }));
  return graph.build();
}
