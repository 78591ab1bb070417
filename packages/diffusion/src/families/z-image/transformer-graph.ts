import {
  add,
  concat,
  GraphBuilder,
  layerNorm,
  type Model,
  mul,
  rmsNorm,
  silu,
  slice,
  unsqueeze,
  where,
} from '@imagemill/onnx';
import type { Weights } from '../../checkpoint/weights.ts';
import type { GraphForms } from '../../runtime.ts';
import { type BlockContext, type BlockInputs, buildBlock } from './block-graph.ts';
import type { TransformerConfig } from './config.ts';
import { graphWeights } from './graph-weights.ts';
import type { TakesLora } from './lora-graph.ts';

export interface TransformerGraphOptions {
  readonly config: TransformerConfig;
  readonly weights: Weights;
  readonly forms: GraphForms;
  /** Linear layers that take adapters as inputs, see `addLora`. @default none */
  readonly takesLora?: TakesLora | undefined;
}

/** eps of the last layer norm is a constant of the reference's code. */
const finalNormEps = 1e-6;

/**
 * Caption part: embedder and context refiner, once per prompt.
 *
 * - `features` f32 `[batch, caption, capFeatDim]`, zero rows at the padding to 32
 * - `isText` bool `[batch, caption, 1]`, false at the padding, where the learned pad token stands instead
 * - `cos`, `sin` f32 `[batch, caption, headDim/2]`
 * - → `caption` f32 `[batch, caption, dim]`
 */
export function buildCaptionGraph(options: TransformerGraphOptions): Model {
  const { config } = options;
  const context = open('caption', options);
  const { graph, weights } = context;
  const features = graph.input('features', 'f32', ['batch', 'caption', config.capFeatDim]);
  const isText = graph.input('isText', 'bool', ['batch', 'caption', 1]);
  const positions = rotaryInputs(context, 'caption');
  const normal = rmsNorm(graph, features, weights.get('cap_embedder.0.weight'), config.normEps);
  const embedded = weights.linear(normal, 'cap_embedder.1');
  let x = where(graph, isText, embedded, weights.get('cap_pad_token'));
  for (let at = 0; at < config.refinerLayers; at += 1) x = buildBlock(context, x, `context_refiner.${at}`, positions);
  graph.output('caption', x);
  return graph.build();
}

/**
 * Image part: time embedding, patch embedder and noise refiner, once per step.
 *
 * - `patches` f32 `[batch, image, patch²·inChannels]`, zero rows at the padding to 32
 * - `isImage` bool `[1, image, 1]`, false at the padding
 * - `sinusoid` f32 `[batch, 256]`, see `timeSinusoid`
 * - `cos`, `sin` f32 `[batch, image, headDim/2]`
 * - → `tokens` f32 `[batch, image, dim]`, `time` f32 `[batch, min(dim, 256)]`
 */
export function buildImageGraph(options: TransformerGraphOptions): Model {
  const { config } = options;
  const context = open('image', options);
  const { graph, weights } = context;
  const key = `${config.patchSize}-1`;
  const patches = graph.input('patches', 'f32', ['batch', 'image', config.patchSize ** 2 * config.inChannels]);
  const isImage = graph.input('isImage', 'bool', [1, 'image', 1]);
  const sinusoid = graph.input('sinusoid', 'f32', ['batch', sinusoidWidth]);
  const positions = rotaryInputs(context, 'image');
  const time = weights.linear(silu(graph, weights.linear(sinusoid, 't_embedder.mlp.0')), 't_embedder.mlp.2');
  let x = where(graph, isImage, weights.linear(patches, `all_x_embedder.${key}`), weights.get('x_pad_token'));
  for (let at = 0; at < config.refinerLayers; at += 1)
    x = buildBlock(context, x, `noise_refiner.${at}`, { ...positions, time });
  graph.output('tokens', x);
  graph.output('time', time);
  return graph.build();
}

/** Width of the sinusoid in front of the time embedder, a constant of the reference's code. */
export const sinusoidWidth = 256;

export interface BlocksGraphOptions extends TransformerGraphOptions {
  /** First layer and the one after the last. */
  readonly from: number;
  readonly to: number;
  /** Whether items of the batch may have captions of different length, so that their padding must be masked. */
  readonly masked: boolean;
}

/**
 * Layers `from` to `to` over the joint sequence, image first.
 *
 * - `tokens` f32 `[batch, sequence, dim]`; the first chunk takes `image` and `caption` instead and joins them
 * - `time` f32 `[batch, min(dim, 256)]`; `cos`, `sin` f32 `[batch, sequence, headDim/2]`
 * - `keyMask` i32 `[batch, sequence]` if masked
 * - → `tokens` f32 `[batch, sequence, dim]`
 */
export function buildBlocksGraph(options: BlocksGraphOptions): Model {
  const { config, from, to } = options;
  const context = open(`layers.${from}-${to - 1}`, options);
  const { graph } = context;
  let x =
    from === 0
      ? concat(
          graph,
          [
            graph.input('image', 'f32', ['batch', 'image', config.dim]),
            graph.input('caption', 'f32', ['batch', 'caption', config.dim]),
          ],
          1,
        )
      : graph.input('tokens', 'f32', ['batch', 'sequence', config.dim]);
  const sequence = x.shape[1] ?? 'sequence';
  const inputs: BlockInputs = {
    ...rotaryInputs(context, sequence),
    time: graph.input('time', 'f32', ['batch', timeWidth(config)]),
    keyMask: options.masked ? graph.input('keyMask', 'i32', ['batch', sequence]) : undefined,
  };
  for (let at = from; at < to; at += 1) x = buildBlock(context, x, `layers.${at}`, inputs);
  graph.output(from === 0 ? 'sequence' : 'next', x);
  return graph.build();
}

/**
 * Final layer on the image rows.
 *
 * - `tokens` f32 `[batch, sequence, dim]`, `time` f32 `[batch, min(dim, 256)]`, `rows` i64 `[1]`: image tokens without padding
 * - → `patches` f32 `[batch, rows, patch²·inChannels]`
 */
export function buildFinalGraph(options: TransformerGraphOptions): Model {
  const { config } = options;
  const { graph, weights } = open('final', options);
  const prefix = `all_final_layer.${config.patchSize}-1`;
  const tokens = graph.input('tokens', 'f32', ['batch', 'sequence', config.dim]);
  const time = graph.input('time', 'f32', ['batch', timeWidth(config)]);
  const rows = graph.input('rows', 'i64', [1]);
  const image = slice(graph, tokens, 1, 0, rows, 'rows'); // the layer works row by row: the caption's rows are not needed
  const modulation = weights.linear(silu(graph, time), `${prefix}.adaLN_modulation.1`);
  const scale = unsqueeze(graph, add(graph, modulation, graph.scalar(1)), 1); // [batch, 1, dim]
  const ones = graph.constant(
    'f32',
    Array.from({ length: config.dim }, () => 1),
  );
  const normal = mul(graph, layerNorm(graph, image, ones, finalNormEps), scale);
  graph.output('patches', weights.linear(normal, `${prefix}.linear`));
  return graph.build();
}

/** Width of the time embedding: `min(dim, 256)` in the reference. */
export function timeWidth(config: TransformerConfig): number {
  return Math.min(config.dim, 256);
}

function open(name: string, { config, weights, forms, takesLora }: TransformerGraphOptions): BlockContext {
  const graph = new GraphBuilder({ name: takesLora === undefined ? name : `${name}-lora` });
  return { graph, weights: graphWeights(graph, weights, forms, takesLora), config, forms };
}

function rotaryInputs({ graph, config }: BlockContext, tokens: string | number): BlockInputs {
  const shape = ['batch', tokens, config.headDim / 2];
  return { cos: graph.input('cos', 'f32', shape), sin: graph.input('sin', 'f32', shape) };
}
