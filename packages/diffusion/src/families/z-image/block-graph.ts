import {
  add,
  attention,
  type GraphBuilder,
  mul,
  reshape,
  rmsNorm,
  rotaryEmbedding,
  silu,
  split,
  tanh,
  unsqueeze,
  type Value,
} from '@imagemill/onnx';
import type { GraphForms } from '../../runtime.ts';
import type { TransformerConfig } from './config.ts';
import type { GraphWeights } from './graph-weights.ts';

/** What every block of one sequence shares. */
export interface BlockInputs {
  /** f32 `[batch, tokens, headDim/2]` */
  readonly cos: Value;
  readonly sin: Value;
  /** f32 `[batch, min(dim, 256)]`; absent in the context refiner, whose blocks are not modulated. */
  readonly time?: Value | undefined;
  /** i32 `[batch, tokens]`, 0 at padding of the batch. */
  readonly keyMask?: Value | undefined;
}

export interface BlockContext {
  readonly graph: GraphBuilder;
  readonly weights: GraphWeights;
  readonly config: TransformerConfig;
  readonly forms: GraphForms;
}

interface Modulation {
  readonly scaleAttention: Value;
  readonly gateAttention: Value;
  readonly scaleFeedForward: Value;
  readonly gateFeedForward: Value;
}

/**
 * One block of the Z-Image transformer (sandwich norm; scale and tanh gate from the time embedding, no shift):
 *
 *     x += gate · rms(attention(rms(x) · scale))
 *     x += gate · rms(feedForward(rms(x) · scale))
 *
 * @param x f32 `[batch, tokens, dim]`
 * @param prefix key of the block in the checkpoint, such as `layers.0`
 */
export function buildBlock(context: BlockContext, x: Value, prefix: string, inputs: BlockInputs): Value {
  const { graph, weights, config } = context;
  return graph.scope(prefix, () => {
    const modulation = inputs.time === undefined ? undefined : buildModulation(context, prefix, inputs.time);
    const norm = (value: Value, name: string): Value =>
      rmsNorm(graph, value, weights.get(`${prefix}.${name}.weight`), config.normEps);
    const scaled = (value: Value, by: Value | undefined): Value => (by === undefined ? value : mul(graph, value, by));

    const attended = buildAttention(
      context,
      scaled(norm(x, 'attention_norm1'), modulation?.scaleAttention),
      `${prefix}.attention`,
      inputs,
    );
    const afterAttention = add(graph, x, scaled(norm(attended, 'attention_norm2'), modulation?.gateAttention));

    const fed = buildFeedForward(
      context,
      scaled(norm(afterAttention, 'ffn_norm1'), modulation?.scaleFeedForward),
      `${prefix}.feed_forward`,
    );
    return add(graph, afterAttention, scaled(norm(fed, 'ffn_norm2'), modulation?.gateFeedForward));
  });
}

/** Order in the weight: scale and gate of attention, scale and gate of the feed-forward. Each `[batch, 1, dim]`. */
function buildModulation({ graph, weights }: BlockContext, prefix: string, time: Value): Modulation {
  const projected = weights.linear(time, `${prefix}.adaLN_modulation.0`); // [batch, 4·dim]
  const [scaleAttention, gateAttention, scaleFeedForward, gateFeedForward] = split(
    graph,
    unsqueeze(graph, projected, 1),
    4,
    2,
  ) as [Value, Value, Value, Value];
  const one = graph.scalar(1);
  return {
    scaleAttention: add(graph, scaleAttention, one),
    gateAttention: tanh(graph, gateAttention),
    scaleFeedForward: add(graph, scaleFeedForward, one),
    gateFeedForward: tanh(graph, gateFeedForward),
  };
}

function buildAttention(context: BlockContext, x: Value, prefix: string, inputs: BlockInputs): Value {
  const { graph, weights, config, forms } = context;
  const project = (name: string): Value => weights.linear(x, `${prefix}.${name}`);
  const rotate = (value: Value, norm: string): Value => {
    const normal = config.qkNorm ? headNorm(context, value, `${prefix}.${norm}.weight`) : value;
    return rotaryEmbedding(graph, normal, inputs.cos, inputs.sin, { heads: config.heads, interleaved: true });
  };
  const mixed = attention(
    graph,
    rotate(project('to_q'), 'norm_q'),
    rotate(project('to_k'), 'norm_k'),
    project('to_v'),
    {
      heads: config.heads,
      form: forms.attention,
      keyMask: inputs.keyMask,
    },
  );
  return weights.linear(mixed, `${prefix}.to_out.0`);
}

/** RMS norm over the channels of each head; the weight is shared by the heads. eps is 1e-5 in the reference's code. */
function headNorm({ graph, weights, config }: BlockContext, x: Value, name: string): Value {
  const perHead = reshape(graph, x, [0, 0, config.heads, config.headDim]);
  return reshape(graph, rmsNorm(graph, perHead, weights.get(name), 1e-5), [0, 0, config.dim]);
}

/** w2(silu(w1·x) · w3·x) */
function buildFeedForward({ graph, weights }: BlockContext, x: Value, prefix: string): Value {
  const project = (value: Value, name: string): Value => weights.linear(value, `${prefix}.${name}`);
  return project(mul(graph, silu(graph, project(x, 'w1')), project(x, 'w3')), 'w2');
}
