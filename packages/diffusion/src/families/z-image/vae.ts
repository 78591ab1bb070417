import { freemem } from 'node:os';
import type { Weights } from '../../checkpoint/weights.ts';
import { throwIfCancelled } from '../../errors.ts';
import type { Runtime, Session } from '../../runtime.ts';
import type { VaeConfig } from './config.ts';
import { SessionCache } from './session-cache.ts';
import { buildVaeDecoderGraph, buildVaeEncoderGraph } from './vae-graph.ts';
import { blendTiles, planTiles, type TilePlan } from './vae-tiles.ts';

export interface VaeOptions {
  readonly config: VaeConfig;
  readonly weights: Weights;
  readonly runtime: Runtime;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Planar values, `[channels, height, width]`. */
export interface Planes extends Size {
  readonly values: Float32Array;
}

export type Tiling = 'auto' | 'always' | 'never';

export interface DecodeOptions {
  /** `auto` tiles when the whole picture would not fit into half of the free memory. @default 'auto' */
  readonly tiling?: Tiling;
  readonly signal?: AbortSignal | undefined;
}

/** The autoencoder: latents to pictures and back. */
export class Vae {
  readonly #options: VaeOptions;
  readonly #sessions: SessionCache = new SessionCache();

  constructor(options: VaeOptions) {
    this.#options = options;
  }

  async warmUp(): Promise<void> {
    await this.#openDecoder();
  }

  /**
   * @param latent as the denoise loop leaves it, `[latentChannels, height, width]` in latent pixels
   * @returns `[3, factor·height, factor·width]`, about −1 to 1
   */
  async decode(latent: Planes, options: DecodeOptions = {}): Promise<Planes> {
    const { config } = this.#options;
    const { scalingFactor, shiftFactor } = config;
    const scaled = { ...latent, values: latent.values.map((value) => value / scalingFactor + shiftFactor) };
    const plan = planTiles(config, latent);
    if (plan.tiles.length === 1 || !this.#tiles(latent, options.tiling ?? 'auto')) return this.#decodeWhole(scaled);
    return this.#decodeTiled(scaled, plan, options.signal);
  }

  /**
   * @param image `[3, height, width]`, −1 to 1, sides a multiple of the factor
   * @returns mean and log variance, unscaled, each `[latentChannels, height/factor, width/factor]`
   */
  async encode(image: Planes): Promise<{ mean: Planes; logVariance: Planes }> {
    const { config, runtime, weights } = this.#options;
    const session = await this.#sessions.get('encoder', async () =>
      runtime.open(buildVaeEncoderGraph({ config, weights, forms: runtime.forms })),
    );
    const { moments } = await session.run({
      image: runtime.tensor('f32', image.values, [1, config.inChannels, image.height, image.width]),
    });
    if (moments === undefined) throw new TypeError('The encoder returned no moments');
    const values = moments.read();
    const size = { width: image.width / config.factor, height: image.height / config.factor };
    const half = config.latentChannels * size.width * size.height;
    return {
      mean: { ...size, values: values.slice(0, half) },
      logVariance: { ...size, values: values.slice(half).map((value) => Math.min(20, Math.max(-30, value))) },
    };
  }

  /** Whether a latent of this size has more than one tile. */
  canTile(latent: Size): boolean {
    return planTiles(this.#options.config, latent).tiles.length > 1;
  }

  /** Predicted memory of decoding, beside the weights. */
  decodeBytes(latent: Size, tiling: 'always' | 'never'): number {
    const { config } = this.#options;
    if (tiling === 'never') return decodePeakBytes(config, latent);
    const { tiles, size } = planTiles(config, latent);
    const largest = Math.max(...tiles.map((tile) => decodePeakBytes(config, tile)));
    // All decoded tiles are held until they are joined.
    return largest + (tiles.length > 1 ? 2 * 4 * config.outChannels * size.width * size.height : 0);
  }

  release(): Promise<void> {
    return this.#sessions.release();
  }

  #openDecoder(): Promise<Session> {
    const { config, runtime, weights } = this.#options;
    return this.#sessions.get('decoder', async () =>
      runtime.open(buildVaeDecoderGraph({ config, weights, forms: runtime.forms })),
    );
  }

  #tiles(latent: Size, tiling: Tiling): boolean {
    if (tiling !== 'auto') return tiling === 'always';
    return decodePeakBytes(this.#options.config, latent) > freemem() / 2;
  }

  async #decodeWhole(latent: Planes): Promise<Planes> {
    const { config, runtime } = this.#options;
    const session = await this.#openDecoder();
    const { image } = await session.run({
      latent: runtime.tensor('f32', latent.values, [1, config.latentChannels, latent.height, latent.width]),
    });
    if (image === undefined) throw new TypeError('The decoder returned no image');
    return { values: image.read(), width: latent.width * config.factor, height: latent.height * config.factor };
  }

  async #decodeTiled(latent: Planes, plan: TilePlan, signal: AbortSignal | undefined): Promise<Planes> {
    const { config } = this.#options;
    const tiles: Planes[] = [];
    for (const tile of plan.tiles) {
      throwIfCancelled(signal, 'The decoding');
      tiles.push(await this.#decodeWhole(cut(latent, config.latentChannels, tile)));
    }
    return blendTiles(plan, tiles, config.outChannels);
  }
}

/** Three of the largest feature maps are alive at a time: input, output and the copy that the convolution needs. */
export function decodePeakBytes(config: VaeConfig, latent: Size): number {
  const { blockOutChannels, factor } = config;
  const channels = Math.max(blockOutChannels[0] ?? 0, blockOutChannels[1] ?? 0);
  return 3 * 4 * channels * latent.width * latent.height * factor ** 2;
}

function cut(planes: Planes, channels: number, tile: { x: number; y: number } & Size): Planes {
  const values = new Float32Array(channels * tile.width * tile.height);
  let into = 0;
  for (let channel = 0; channel < channels; channel += 1) {
    for (let row = tile.y; row < tile.y + tile.height; row += 1) {
      const from = (channel * planes.height + row) * planes.width + tile.x;
      values.set(planes.values.subarray(from, from + tile.width), into);
      into += tile.width;
    }
  }
  return { values, width: tile.width, height: tile.height };
}
