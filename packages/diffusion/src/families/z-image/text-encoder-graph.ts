import {
  add,
  attention,
  cast,
  GraphBuilder,
  gather,
  type Model,
  mul,
  reshape,
  rmsNorm,
  rotaryEmbedding,
  silu,
  type Value,
} from '@imagemill/onnx';
import type { Weights } from '../../checkpoint/weights.ts';
import type { GraphForms } from '../../runtime.ts';
import type { TextEncoderConfig } from './config.ts';
import { type GraphWeights, graphWeights } from './graph-weights.ts';

export interface TextEncoderGraphOptions {
  readonly config: TextEncoderConfig;
  readonly weights: Weights;
  readonly forms: GraphForms;
  /** First layer and the one after the last. The first chunk holds the embedding too. */
  readonly from: number;
  readonly to: number;
}

interface Context {
  readonly graph: GraphBuilder;
  readonly weights: GraphWeights;
  readonly config: TextEncoderConfig;
  readonly forms: GraphForms;
  readonly cos: Value;
  readonly sin: Value;
  readonly bias: Value;
}

/**
 * Layers of the Qwen3 decoder without cache: causal attention over an unpadded prompt.
 *
 * - `ids` i64 `[1, tokens]` in the first chunk, `hidden` f32 `[1, tokens, hiddenSize]` in the others
 * - `cos`, `sin` f32 `[1, tokens, headDim/2]`
 * - `causal` f32 `[1, 1, tokens, tokens]`: 0 where a token may look, a large negative number where not
 * - → `features` f32 `[1, tokens, hiddenSize]`: the residual stream after layer `to − 1`, before any norm
 */
export function buildTextEncoderGraph(options: TextEncoderGraphOptions): Model {
  const { config, from, to } = options;
  const graph = new GraphBuilder({ name: `text-encoder.${from}-${to - 1}` });
  const weights = graphWeights(graph, options.weights, options.forms);
  let hidden =
    from === 0
      ? cast(
          graph,
          gather(graph, weights.stored('embed_tokens.weight'), graph.input('ids', 'i64', [1, 'tokens'])),
          'f32',
        )
      : graph.input('hidden', 'f32', [1, 'tokens', config.hiddenSize]);
  const context: Context = {
    graph,
    weights,
    config,
    forms: options.forms,
    cos: graph.input('cos', 'f32', [1, 'tokens', config.headDim / 2]),
    sin: graph.input('sin', 'f32', [1, 'tokens', config.headDim / 2]),
    bias: graph.input('causal', 'f32', [1, 1, 'tokens', 'tokens']),
  };
  for (let at = from; at < to; at += 1) hidden = buildLayer(context, hidden, `layers.${at}`);
  graph.output('features', hidden);
  return graph.build();
}

function buildLayer(context: Context, x: Value, prefix: string): Value {
  const { graph, weights, config } = context;
  return graph.scope(prefix, () => {
    const norm = (value: Value, name: string): Value =>
      rmsNorm(graph, value, weights.get(`${prefix}.${name}.weight`), config.rmsNormEps);
    const project = (value: Value, name: string): Value => weights.linear(value, `${prefix}.${name}`);
    const afterAttention = add(graph, x, buildAttention(context, norm(x, 'input_layernorm'), `${prefix}.self_attn`));
    const h = norm(afterAttention, 'post_attention_layernorm');
    const gated = mul(graph, silu(graph, project(h, 'mlp.gate_proj')), project(h, 'mlp.up_proj'));
    return add(graph, afterAttention, project(gated, 'mlp.down_proj'));
  });
}

/** Grouped-query attention; head h uses key-value head ⌊h·kvHeads/heads⌋. Expressed by primitives: prompts are short. */
function buildAttention(context: Context, x: Value, prefix: string): Value {
  const { graph, weights, config, cos, sin, bias } = context;
  const { heads, kvHeads, headDim } = config;
  const project = (name: string, input: Value): Value => weights.linear(input, `${prefix}.${name}`);
  const rotate = (value: Value, count: number, norm: string): Value => {
    const perHead = reshape(graph, value, [0, 0, count, headDim]);
    const normal = reshape(graph, rmsNorm(graph, perHead, weights.get(`${prefix}.${norm}.weight`), config.rmsNormEps), [
      0,
      0,
      count * headDim,
    ]);
    return rotaryEmbedding(graph, normal, cos, sin, { heads: count, interleaved: false });
  };
  const repeat = (value: Value): Value =>
    heads === kvHeads ? value : repeatHeads(graph, value, { kvHeads, times: heads / kvHeads, headDim });
  const mixed = attention(
    graph,
    rotate(project('q_proj', x), heads, 'q_norm'),
    repeat(rotate(project('k_proj', x), kvHeads, 'k_norm')),
    repeat(project('v_proj', x)),
    {
      heads,
      form: 'primitive',
      bias,
      scale: headDim ** -0.5,
    },
  );
  return project('o_proj', mixed);
}

/** `[1, tokens, kvHeads·headDim]` → `[1, tokens, kvHeads·times·headDim]`, each head `times` times in a row. */
function repeatHeads(graph: GraphBuilder, x: Value, size: { kvHeads: number; times: number; headDim: number }): Value {
  const { kvHeads, times, headDim } = size;
  const grouped = reshape(graph, x, [-1, kvHeads, 1, headDim]); // [tokens, kvHeads, 1, headDim]
  const repeated = graph.apply('Expand', [grouped, graph.constant('i64', [1, kvHeads, times, headDim])]);
  return reshape(graph, repeated, [1, -1, kvHeads * times * headDim]);
}
