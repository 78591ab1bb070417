import {
  add,
  attention,
  conv2d,
  GraphBuilder,
  groupNorm,
  type Model,
  reshape,
  reshapeLike,
  silu,
  transpose,
  upsampleNearest,
  type Value,
} from '@imagemill/onnx';
import type { Weights } from '../../checkpoint/weights.ts';
import type { GraphForms } from '../../runtime.ts';
import type { VaeConfig } from './config.ts';
import { type GraphWeights, graphWeights } from './graph-weights.ts';

export interface VaeGraphOptions {
  readonly config: VaeConfig;
  readonly weights: Weights;
  readonly forms: GraphForms;
}

interface Context {
  readonly graph: GraphBuilder;
  readonly weights: GraphWeights;
  readonly config: VaeConfig;
  readonly forms: GraphForms;
}

/** eps of every group norm is a constant of the reference's code. */
const groupNormEps = 1e-6;

/**
 * Decoder of AutoencoderKL.
 *
 * - `latent` f32 `[batch, latentChannels, height, width]`, already divided by the scaling factor and shifted
 * - → `image` f32 `[batch, outChannels, factor·height, factor·width]`, about −1 to 1
 */
export function buildVaeDecoderGraph(options: VaeGraphOptions): Model {
  const { config } = options;
  const context = open('vae-decoder', options);
  const { graph } = context;
  const levels = config.blockOutChannels.length;
  let x = graph.input('latent', 'f32', ['batch', config.latentChannels, 'height', 'width']);
  if (config.usePostQuantConv) x = conv(context, x, 'post_quant_conv', 0);
  x = conv(context, x, 'decoder.conv_in', 1);
  x = buildMidBlock(context, x, 'decoder.mid_block');
  for (let level = 0; level < levels; level += 1) {
    const prefix = `decoder.up_blocks.${level}`;
    for (let at = 0; at <= config.layersPerBlock; at += 1) x = buildResidual(context, x, `${prefix}.resnets.${at}`);
    if (level < levels - 1) x = conv(context, upsampleNearest(graph, x, 2), `${prefix}.upsamplers.0.conv`, 1);
  }
  x = conv(context, silu(graph, norm(context, x, 'decoder.conv_norm_out')), 'decoder.conv_out', 1);
  graph.output('image', x);
  return graph.build();
}

/**
 * Encoder of AutoencoderKL.
 *
 * - `image` f32 `[batch, inChannels, height, width]`, −1 to 1
 * - → `moments` f32 `[batch, 2·latentChannels, height/factor, width/factor]`: mean, then log variance
 */
export function buildVaeEncoderGraph(options: VaeGraphOptions): Model {
  const { config } = options;
  const context = open('vae-encoder', options);
  const { graph, weights } = context;
  const levels = config.blockOutChannels.length;
  let x = conv(
    context,
    graph.input('image', 'f32', ['batch', config.inChannels, 'height', 'width']),
    'encoder.conv_in',
    1,
  );
  for (let level = 0; level < levels; level += 1) {
    const prefix = `encoder.down_blocks.${level}`;
    for (let at = 0; at < config.layersPerBlock; at += 1) x = buildResidual(context, x, `${prefix}.resnets.${at}`);
    if (level < levels - 1) {
      const name = `${prefix}.downsamplers.0.conv`;
      // The reference pads right and bottom by one and convolves without padding.
      x = conv2d(graph, x, weights.get(`${name}.weight`), {
        bias: weights.get(`${name}.bias`),
        stride: 2,
        pads: [0, 0, 1, 1],
      });
    }
  }
  x = buildMidBlock(context, x, 'encoder.mid_block');
  x = conv(context, silu(graph, norm(context, x, 'encoder.conv_norm_out')), 'encoder.conv_out', 1);
  if (config.useQuantConv) x = conv(context, x, 'quant_conv', 0);
  graph.output('moments', x);
  return graph.build();
}

function open(name: string, { config, weights, forms }: VaeGraphOptions): Context {
  const graph = new GraphBuilder({ name });
  return { graph, weights: graphWeights(graph, weights, forms), config, forms };
}

function conv({ graph, weights }: Context, x: Value, prefix: string, padding: number): Value {
  return conv2d(graph, x, weights.get(`${prefix}.weight`), { bias: weights.get(`${prefix}.bias`), padding });
}

function norm({ graph, weights, config }: Context, x: Value, prefix: string): Value {
  return groupNorm(graph, x, {
    groups: config.normGroups,
    scale: weights.get(`${prefix}.weight`),
    bias: weights.get(`${prefix}.bias`),
    eps: groupNormEps,
  });
}

/** x + conv2(silu(norm2(conv1(silu(norm1(x)))))), with a 1×1 shortcut where the channels change. */
function buildResidual(context: Context, x: Value, prefix: string): Value {
  const { graph, weights } = context;
  return graph.scope(prefix, () => {
    const first = conv(context, silu(graph, norm(context, x, `${prefix}.norm1`)), `${prefix}.conv1`, 1);
    const second = conv(context, silu(graph, norm(context, first, `${prefix}.norm2`)), `${prefix}.conv2`, 1);
    const shortcut = weights.has(`${prefix}.conv_shortcut.weight`) ? conv(context, x, `${prefix}.conv_shortcut`, 0) : x;
    return add(graph, shortcut, second);
  });
}

function buildMidBlock(context: Context, x: Value, prefix: string): Value {
  const first = buildResidual(context, x, `${prefix}.resnets.0`);
  const attended = context.config.midBlockAttention
    ? buildSpatialAttention(context, first, `${prefix}.attentions.0`)
    : first;
  return buildResidual(context, attended, `${prefix}.resnets.1`);
}

/** One head over all positions of the feature map. */
function buildSpatialAttention(context: Context, x: Value, prefix: string): Value {
  const { graph, weights, forms } = context;
  return graph.scope(prefix, () => {
    const channels = Number(x.shape[1]);
    const normal = norm(context, x, `${prefix}.group_norm`);
    const rows = transpose(graph, reshape(graph, normal, [0, channels, -1]), [0, 2, 1]); // [batch, height·width, channels]
    const project = (value: Value, name: string): Value => weights.linear(value, `${prefix}.${name}`);
    const mixed = attention(graph, project(rows, 'to_q'), project(rows, 'to_k'), project(rows, 'to_v'), {
      heads: 1,
      form: forms.attention,
    });
    const columns = transpose(graph, project(mixed, 'to_out.0'), [0, 2, 1]);
    return add(graph, x, reshapeLike(graph, columns, x));
  });
}
