import type { Weights } from '../../checkpoint/weights.ts';
import type { Caption, DenoiserInput, LatentGrid } from '../../denoise.ts';
import { throwIfCancelled } from '../../errors.ts';
import { type AppliedLora, type LoraBatch, type LoraLayer, LoraPacker } from '../../lora/lora-batch.ts';
import type { Runtime, Session, Tensor } from '../../runtime.ts';
import type { TransformerConfig } from './config.ts';
import { type LayerRange, layerRanges } from './layer-ranges.ts';
import { loraLayersOf } from './lora-graph.ts';
import {
  captionTable,
  imageTable,
  padToMultiple,
  patchify,
  type RotaryTable,
  timeSinusoid,
  unpatchify,
} from './sequence.ts';
import { SessionCache } from './session-cache.ts';
import { sinusoidWidth } from './transformer-graph.ts';
import { buildPart, layerPrefixes, type TransformerPart } from './transformer-parts.ts';

export interface TransformerOptions {
  readonly config: TransformerConfig;
  readonly weights: Weights;
  readonly runtime: Runtime;
}

/**
 * The Z-Image transformer as a chain of sessions: caption (once per prompt) and, per step, image | blocks … | final.
 * Sessions are opened when they are first needed.
 *
 * A part whose layers are changed by an adapter of the batch runs as a second session, whose linear layers all take
 * adapters as inputs; without one the plain session runs. So adapters come and go without a session being built, and
 * batches without them pay nothing.
 *
 * A session for each set of layers that files change would save little. Measured on the demo model (256 channels, f32,
 * rank 16, one picture of 256 tokens; processor time of a step, medians of 60, 2026-11-22): plain 52.5 ms; adapters on
 * attention only, 56.9 ms if only these layers take them and 60.9 ms if all do; on attention and feed-forward, 63.4 and
 * 61.2 ms. At 3840 channels the products with adapters are 1 % of the arithmetic.
 */
export class Transformer {
  readonly #options: TransformerOptions;
  readonly #sessions: SessionCache = new SessionCache();
  /** Layers that take adapters, by session. */
  readonly #loraLayers: Map<string, readonly LoraLayer[]> = new Map();
  readonly #packer: LoraPacker;
  readonly #tables: Map<string, RotaryTable> = new Map();
  readonly #chunks: readonly LayerRange[];

  constructor(options: TransformerOptions) {
    this.#options = options;
    this.#packer = new LoraPacker(options.runtime);
    this.#chunks = layerRanges(options.config.layers, options.weights);
  }

  /** Opens what a step needs, so that the first picture does not wait for it. */
  async warmUp(): Promise<void> {
    for (const part of ['caption', 'image', ...this.#chunks, 'final'] as const) await this.#open(part, plain);
  }

  /** Opens what the first step with adapters needs beside that; it may hold the weights once more. */
  async warmUpLoras(): Promise<void> {
    for (const part of ['caption', 'image', ...this.#chunks, 'final'] as const) {
      await this.#open(part, { lora: true, masked: false });
    }
  }

  /**
   * Caption embedder and context refiner.
   * @param features `[tokens, capFeatDim]` from the text encoder
   * @param loras adapters of the picture; those that change neither embedder nor refiner have no effect here
   */
  async encodeCaption(features: Float32Array, tokens: number, loras: readonly AppliedLora[] = []): Promise<Caption> {
    const { config, runtime } = this.#options;
    const padded = padToMultiple(tokens);
    const rows = new Float32Array(padded * config.capFeatDim);
    rows.set(features);
    const isText = new Uint8Array(padded).fill(1, 0, tokens);
    const table = this.#table(`caption ${padded}`, () => captionTable(config, padded));
    const half = config.headDim / 2;
    const feeds = {
      features: runtime.tensor('f32', rows, [1, padded, config.capFeatDim]),
      isText: runtime.tensor('bool', isText, [1, padded, 1]),
      cos: runtime.tensor('f32', table.cos, [1, padded, half]),
      sin: runtime.tensor('f32', table.sin, [1, padded, half]),
    };
    const outputs = await this.#run('caption', feeds, this.#packer.pack([loras]));
    return { tokens: padded, rows: take(outputs, 'caption').read() };
  }

  /**
   * One forward of a batch whose items share a size and may differ in time, caption and adapters.
   * @returns for each item the raw output `[channels, height, width]`; the velocity is its negative
   * @throws DiffusionError `cancelled` between chunks, `out_of_memory`
   */
  async predict(items: readonly DenoiserInput[], grid: LatentGrid, signal?: AbortSignal): Promise<Float32Array[]> {
    const { config, runtime } = this.#options;
    const batch = this.#assemble(items, grid);
    const lora = this.#packer.pack(items.map((item) => item.loras ?? []));
    const imageOutputs = await this.#run('image', batch.image, lora);
    const time = take(imageOutputs, 'time');
    let tokens = take(imageOutputs, 'tokens');
    try {
      for (const chunk of this.#chunks) {
        throwIfCancelled(signal, 'The denoise step');
        const first = chunk.from === 0;
        const feeds = { ...(first ? { image: tokens, caption: batch.caption } : { tokens }), time, ...batch.sequence };
        const outputs = await this.#run(chunk, feeds, lora, batch);
        tokens.dispose();
        tokens = take(outputs, first ? 'sequence' : 'next');
      }
      const rows = grid.rows * grid.columns;
      const count = runtime.tensor('i64', BigInt64Array.of(BigInt(rows)), [1]);
      const final = await this.#run('final', { tokens, time, rows: count }, lora);
      const patches = take(final, 'patches').read();
      const size = rows * config.patchSize ** 2 * config.inChannels;
      return items.map((_, at) => unpatchify(config, patches.subarray(at * size, (at + 1) * size), grid));
    } finally {
      tokens.dispose();
      time.dispose();
    }
  }

  release(): Promise<void> {
    return this.#sessions.release();
  }

  /** Lays the items out as the tensors of one step. */
  #assemble(items: readonly DenoiserInput[], grid: LatentGrid): AssembledBatch {
    const { config, runtime } = this.#options;
    const count = items.length;
    const half = config.headDim / 2;
    const imageTokens = padToMultiple(grid.rows * grid.columns);
    const captionTokens = Math.max(...items.map((item) => item.caption.tokens));
    const sequence = imageTokens + captionTokens;
    const patchWidth = config.patchSize ** 2 * config.inChannels;

    const patches = new Float32Array(count * imageTokens * patchWidth);
    const sinusoid = new Float32Array(count * sinusoidWidth);
    const caption = new Float32Array(count * captionTokens * config.dim);
    const imagePositions = createTables(count, imageTokens, half);
    const positions = createTables(count, sequence, half);
    const keyMask = new Int32Array(count * sequence);
    items.forEach((item, at) => {
      patchify(config, item.latent, grid, patches.subarray(at * imageTokens * patchWidth));
      sinusoid.set(timeSinusoid(config, item.time), at * sinusoidWidth);
      caption.set(item.caption.rows, at * captionTokens * config.dim);
      const own = item.caption.tokens;
      const image = this.#table(`image ${grid.rows}x${grid.columns} ${own}`, () => imageTable(config, grid, own));
      const text = this.#table(`caption ${own}`, () => captionTable(config, own));
      imagePositions.place(image, at * imageTokens);
      positions.place(image, at * sequence);
      positions.place(text, at * sequence + imageTokens);
      keyMask.fill(1, at * sequence, at * sequence + imageTokens + own);
    });
    const masked = items.some((item) => item.caption.tokens !== captionTokens);
    const isImage = new Uint8Array(imageTokens).fill(1, 0, grid.rows * grid.columns);
    return {
      masked,
      caption: runtime.tensor('f32', caption, [count, captionTokens, config.dim]),
      image: {
        patches: runtime.tensor('f32', patches, [count, imageTokens, patchWidth]),
        isImage: runtime.tensor('bool', isImage, [1, imageTokens, 1]),
        sinusoid: runtime.tensor('f32', sinusoid, [count, sinusoidWidth]),
        ...imagePositions.feeds(runtime),
      },
      sequence: positions.feeds(runtime),
      keyMask: runtime.tensor('i32', keyMask, [count, sequence]),
    };
  }

  #table(key: string, make: () => RotaryTable): RotaryTable {
    const known = this.#tables.get(key);
    if (known !== undefined) return known;
    const table = make();
    if (this.#tables.size >= maxTables) this.#tables.delete(this.#tables.keys().next().value ?? '');
    this.#tables.set(key, table);
    return table;
  }

  /**
   * Runs one part, with adapters if one of them changes a layer in it. Masks only where captions differ in length, with
   * and without adapters, so that an item is the same to the bit whatever adapters its neighbours have.
   */
  async #run(
    part: TransformerPart,
    feeds: Readonly<Record<string, Tensor>>,
    lora: LoraBatch | undefined,
    mask?: { readonly masked: boolean; readonly keyMask: Tensor },
  ): Promise<Readonly<Record<string, Tensor>>> {
    const acting = lora?.touches(layerPrefixes(part)) === true ? lora : undefined;
    const variant = { lora: acting !== undefined, masked: mask?.masked === true };
    const session = await this.#open(part, variant);
    return session.run({
      ...feeds,
      ...(mask?.masked && { keyMask: mask.keyMask }),
      ...acting?.feeds(this.#loraLayers.get(sessionKey(part, variant)) ?? []),
    });
  }

  #open(part: TransformerPart, variant: Variant): Promise<Session> {
    const key = sessionKey(part, variant);
    return this.#sessions.get(key, async () => {
      const { config, weights, runtime } = this.#options;
      const takesLora = variant.lora ? () => true : undefined;
      const { model, open } = buildPart(part, { config, weights, forms: runtime.forms, takesLora }, variant.masked);
      this.#loraLayers.set(key, loraLayersOf(model));
      return runtime.open(model, open);
    });
  }
}

/** How a part is built. */
interface Variant {
  readonly lora: boolean;
  readonly masked: boolean;
}

const plain: Variant = { lora: false, masked: false };

function sessionKey(part: TransformerPart, { lora, masked }: Variant): string {
  return `${typeof part === 'string' ? part : `layers ${part.from}`}${masked ? ' masked' : ''}${lora ? ' lora' : ''}`;
}

/** Rotary tables kept; one is `[tokens, headDim/2]` twice, about 2 MB at 1024². */
const maxTables = 64;

interface AssembledBatch {
  readonly masked: boolean;
  readonly caption: Tensor;
  readonly image: Readonly<Record<string, Tensor>>;
  readonly sequence: Readonly<Record<string, Tensor>>;
  /** i32 `[batch, sequence]`, 0 at the padding of the batch. */
  readonly keyMask: Tensor;
}

/** Rotary tables of a batch, `[count, tokens, half]`. Rows nobody places are masked padding. */
function createTables(
  count: number,
  tokens: number,
  half: number,
): { place: (table: RotaryTable, row: number) => void; feeds: (runtime: Runtime) => Record<string, Tensor> } {
  const cos = new Float32Array(count * tokens * half);
  const sin = new Float32Array(count * tokens * half);
  return {
    place(table, row) {
      cos.set(table.cos, row * half);
      sin.set(table.sin, row * half);
    },
    feeds: (runtime) => ({
      cos: runtime.tensor('f32', cos, [count, tokens, half]),
      sin: runtime.tensor('f32', sin, [count, tokens, half]),
    }),
  };
}

function take(outputs: Readonly<Record<string, Tensor>>, name: string): Tensor {
  const tensor = outputs[name];
  if (tensor === undefined) throw new TypeError(`The session returned no output ${name}`);
  return tensor;
}
