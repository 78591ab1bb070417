import {
  type AttentionForm,
  attention,
  conv2d,
  GraphBuilder,
  groupNorm,
  type LinearForm,
  linear,
  type Model,
  rmsNorm,
  rotaryEmbedding,
  silu,
} from '@imagemill/onnx';
import { createTorchGenerator } from '../random.ts';
import type { Runtime } from '../runtime.ts';

/**
 * Numeric self-test of a device: small graphs with the operators of the model against float64 arithmetic in JavaScript.
 * A fused attention kernel that is wrong from 33 tokens up is known, so attention runs at several lengths.
 */
export interface SelfTestResult {
  /** What was off, in words; empty when all is right. */
  readonly faults: readonly string[];
}

/** Sequence lengths: within one tile of common kernels, just over one, over several. */
const lengths = [16, 64, 300];
const channels = 64;
const heads = 2;
const tolerance = 1e-3;

export async function selfTest(runtime: Runtime): Promise<SelfTestResult> {
  const faults: string[] = [];
  for (const tokens of lengths) {
    const off = await attentionError(runtime, tokens);
    if (!(off <= tolerance)) faults.push(`attention over ${tokens} tokens is off by ${off.toExponential(1)}`);
  }
  const off = await convolutionError(runtime);
  if (!(off <= tolerance)) faults.push(`convolution is off by ${off.toExponential(1)}`);
  return { faults };
}

async function attentionError(runtime: Runtime, tokens: number): Promise<number> {
  const draw = createTorchGenerator(tokens);
  const x = draw.randn(tokens * channels);
  const weight = draw.randn(channels * channels).map((value) => value / Math.sqrt(channels));
  const half = channels / heads / 2;
  const angles = Array.from({ length: tokens * half }, (_, at) => Math.floor(at / half) * 0.3 ** (at % half));
  const session = await runtime.open(attentionGraph(runtime.forms, weight));
  try {
    const outputs = await session.run({
      x: runtime.tensor('f32', x, [1, tokens, channels]),
      cos: runtime.tensor('f32', Float32Array.from(angles, Math.cos), [1, tokens, half]),
      sin: runtime.tensor('f32', Float32Array.from(angles, Math.sin), [1, tokens, half]),
    });
    return distance(outputs['y']?.read(), referenceAttention(x, weight, angles, tokens));
  } finally {
    await session.release();
  }
}

function attentionGraph(forms: { attention: AttentionForm; linear: LinearForm }, weight: Float32Array): Model {
  const graph = new GraphBuilder({ name: 'self-test-attention' });
  const x = graph.input('x', 'f32', [1, 'tokens', channels]);
  const cos = graph.input('cos', 'f32', [1, 'tokens', channels / heads / 2]);
  const sin = graph.input('sin', 'f32', [1, 'tokens', channels / heads / 2]);
  const ones = graph.constant(
    'f32',
    Array.from({ length: channels }, () => 1),
  );
  const w = graph.initializer(
    'w',
    'f32',
    [channels, channels],
    new Uint8Array(weight.buffer, weight.byteOffset, weight.byteLength),
  );
  const normal = rmsNorm(graph, x, ones, 1e-5);
  const rotated = rotaryEmbedding(graph, normal, cos, sin, { heads, interleaved: true });
  const mixed = attention(graph, rotated, rotated, x, { heads, form: forms.attention });
  graph.output('y', linear(graph, mixed, w, { form: forms.linear }));
  return graph.build();
}

function referenceAttention(
  x: Float32Array,
  weight: Float32Array,
  angles: readonly number[],
  tokens: number,
): Float64Array {
  const size = channels / heads;
  const rotated = new Float64Array(x.length);
  for (let token = 0; token < tokens; token += 1) {
    let squares = 0;
    for (let c = 0; c < channels; c += 1) squares += x[token * channels + c]! ** 2;
    const scale = 1 / Math.sqrt(squares / channels + 1e-5);
    for (let pair = 0; pair < channels / 2; pair += 1) {
      const angle = angles[token * (size / 2) + (pair % (size / 2))]!;
      const at = token * channels + 2 * pair;
      const [a, b] = [x[at]! * scale, x[at + 1]! * scale];
      rotated[at] = a * Math.cos(angle) - b * Math.sin(angle);
      rotated[at + 1] = a * Math.sin(angle) + b * Math.cos(angle);
    }
  }
  const mixed = new Float64Array(x.length);
  for (let head = 0; head < heads; head += 1) {
    for (let query = 0; query < tokens; query += 1) {
      const scores = Array.from({ length: tokens }, (_, key) => {
        let dot = 0;
        for (let c = 0; c < size; c += 1)
          dot += rotated[query * channels + head * size + c]! * rotated[key * channels + head * size + c]!;
        return Math.exp(dot / Math.sqrt(size) - size ** 0.5);
      });
      const sum = scores.reduce((total, score) => total + score, 0);
      scores.forEach((score, key) => {
        for (let c = 0; c < size; c += 1)
          mixed[query * channels + head * size + c]! += (score / sum) * x[key * channels + head * size + c]!;
      });
    }
  }
  return referenceLinear(mixed, weight, tokens);
}

function referenceLinear(x: Float64Array, weight: Float32Array, rows: number): Float64Array {
  const y = new Float64Array(rows * channels);
  for (let row = 0; row < rows; row += 1) {
    for (let out = 0; out < channels; out += 1) {
      let sum = 0;
      for (let c = 0; c < channels; c += 1) sum += x[row * channels + c]! * weight[out * channels + c]!;
      y[row * channels + out] = sum;
    }
  }
  return y;
}

const side = 12;
const planes = 8;

/** Group norm, SiLU and a 3 × 3 convolution. */
async function convolutionError(runtime: Runtime): Promise<number> {
  const draw = createTorchGenerator(7);
  const x = draw.randn(planes * side * side);
  const weight = draw.randn(planes * planes * 9);
  const graph = new GraphBuilder({ name: 'self-test-convolution' });
  const ones = graph.constant(
    'f32',
    Array.from({ length: planes }, () => 1),
  );
  const zeros = graph.constant(
    'f32',
    Array.from({ length: planes }, () => 0),
  );
  const w = graph.initializer(
    'w',
    'f32',
    [planes, planes, 3, 3],
    new Uint8Array(weight.buffer, weight.byteOffset, weight.byteLength),
  );
  const normal = groupNorm(graph, graph.input('x', 'f32', [1, planes, 'height', 'width']), {
    groups: 2,
    scale: ones,
    bias: zeros,
    eps: 1e-6,
  });
  graph.output('y', conv2d(graph, silu(graph, normal), w, { padding: 1 }));
  const session = await runtime.open(graph.build());
  try {
    const outputs = await session.run({ x: runtime.tensor('f32', x, [1, planes, side, side]) });
    return distance(outputs['y']?.read(), referenceConvolution(x, weight));
  } finally {
    await session.release();
  }
}

function referenceConvolution(x: Float32Array, weight: Float32Array): Float64Array {
  const plane = side * side;
  const group = (planes / 2) * plane;
  const active = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += group) {
    const part = Array.from(x.subarray(start, start + group));
    const mean = part.reduce((sum, value) => sum + value, 0) / group;
    const variance = part.reduce((sum, value) => sum + (value - mean) ** 2, 0) / group;
    part.forEach((value, at) => {
      const normal = (value - mean) / Math.sqrt(variance + 1e-6);
      active[start + at] = normal / (1 + Math.exp(-normal));
    });
  }
  const y = new Float64Array(x.length);
  for (let out = 0; out < planes; out += 1) {
    for (let at = 0; at < plane; at += 1) {
      let sum = 0;
      for (let into = 0; into < planes; into += 1) {
        for (let tap = 0; tap < 9; tap += 1) {
          const [row, column] = [Math.floor(at / side) + Math.floor(tap / 3) - 1, (at % side) + (tap % 3) - 1];
          if (row < 0 || row >= side || column < 0 || column >= side) continue;
          sum += active[into * plane + row * side + column]! * weight[(out * planes + into) * 9 + tap]!;
        }
      }
      y[out * plane + at] = sum;
    }
  }
  return y;
}

/** ‖a − b‖ / ‖b‖ */
function distance(a: Float32Array | undefined, b: Float64Array): number {
  if (a === undefined || a.length !== b.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let length = 0;
  b.forEach((value, at) => {
    difference += (a[at]! - value) ** 2;
    length += value ** 2;
  });
  return Math.sqrt(difference / length);
}
