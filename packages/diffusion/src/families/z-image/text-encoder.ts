import type { Weights } from '../../checkpoint/weights.ts';
import type { Runtime, Session, Tensor } from '../../runtime.ts';
import type { TextEncoderConfig } from './config.ts';
import { type LayerRange, layerRanges } from './layer-ranges.ts';
import { type RotaryType, textTable } from './sequence.ts';
import { SessionCache } from './session-cache.ts';
import { buildTextEncoderGraph } from './text-encoder-graph.ts';

export interface TextEncoderOptions {
  readonly config: TextEncoderConfig;
  readonly weights: Weights;
  readonly runtime: Runtime;
  /**
   * Rounding of the rotary frequencies. A reference that was cast as a whole (`model.to(bfloat16)`) rounds them too; one
   * that was loaded in bf16 does not, and is what users run. @default 'f32'
   */
  readonly rotaryType?: RotaryType;
}

/** Text features of a prompt. */
export interface TextFeatures {
  readonly tokens: number;
  /** `[tokens, hiddenSize]` */
  readonly rows: Float32Array;
}

/** The Qwen3 text encoder up to the layer that Z-Image reads: `hidden_states[-2]`, the output of the last but one. */
export class TextEncoder {
  readonly #options: TextEncoderOptions;
  readonly #sessions: SessionCache = new SessionCache();

  constructor(options: TextEncoderOptions) {
    this.#options = options;
  }

  async warmUp(): Promise<void> {
    for (const chunk of this.#chunks()) await this.#session(chunk);
  }

  /** @param ids token ids without padding: under causal attention padding on the right changes nothing */
  async encode(ids: readonly number[]): Promise<TextFeatures> {
    const { config, runtime } = this.#options;
    const tokens = ids.length;
    const half = config.headDim / 2;
    const table = textTable(config, tokens, this.#options.rotaryType);
    const shared = {
      cos: runtime.tensor('f32', table.cos, [1, tokens, half]),
      sin: runtime.tensor('f32', table.sin, [1, tokens, half]),
      causal: runtime.tensor('f32', causalBias(tokens), [1, 1, tokens, tokens]),
    };
    let input: Record<string, Tensor> = { ids: runtime.tensor('i64', BigInt64Array.from(ids, BigInt), [1, tokens]) };
    const dispose = (): void => {
      for (const tensor of Object.values(input)) tensor.dispose();
    };
    try {
      for (const chunk of this.#chunks()) {
        const session = await this.#session(chunk);
        const { features } = await session.run({ ...input, ...shared });
        if (features === undefined) throw new TypeError('The text encoder returned no features');
        dispose();
        input = { hidden: features };
      }
      const last = input['hidden'];
      if (last === undefined) throw new TypeError('The text encoder has no layers');
      return { tokens, rows: last.read().slice() };
    } finally {
      dispose();
    }
  }

  release(): Promise<void> {
    return this.#sessions.release();
  }

  /** The layers that are used, all but the last, a few to a session; the first session embeds even without layers. */
  #chunks(): readonly LayerRange[] {
    const { config, weights } = this.#options;
    const used = config.layers - 1;
    return used === 0 ? [{ from: 0, to: 0 }] : layerRanges(used, weights);
  }

  /** All chunks but the last hand their output on; the last one's is read by the host. */
  #session({ from, to }: LayerRange): Promise<Session> {
    const { config, weights, runtime } = this.#options;
    const keepOnDevice = to < config.layers - 1 ? ['features'] : [];
    return this.#sessions.get(`${from}`, async () =>
      runtime.open(buildTextEncoderGraph({ config, weights, forms: runtime.forms, from, to }), { keepOnDevice }),
    );
  }
}

/** 0 on and below the diagonal, a large negative number above. @returns `[tokens, tokens]` */
function causalBias(tokens: number): Float32Array {
  const bias = new Float32Array(tokens * tokens);
  for (let row = 0; row < tokens; row += 1) bias.fill(-1e30, row * tokens + row + 1, (row + 1) * tokens);
  return bias;
}
