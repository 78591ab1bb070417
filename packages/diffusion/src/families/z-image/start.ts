import { createHash } from 'node:crypto';
import type { DenoiseItem } from '../../denoise.ts';
import { DiffusionError } from '../../errors.ts';
import type { KeptPart } from '../../inpaint.ts';
import { createTorchGenerator } from '../../random.ts';
import type { Schedule } from '../../schedule.ts';
import { type PictureSource, readMaskPixels, readSourcePixels, toPlanes } from '../../source-picture.ts';
import type { VaeConfig } from './config.ts';
import type { Size, Vae } from './vae.ts';

type Start = Pick<DenoiseItem, 'latent' | 'step' | 'kept'>;

interface StartSettings {
  readonly seed: number;
  readonly source?: PictureSource | undefined;
  /** Whose encoded sources may be shared. */
  readonly cacheScope?: string | undefined;
}

/** A source picture as the autoencoder sees it. */
interface EncodedSource {
  readonly pixels: Uint8Array;
  readonly mean: Float32Array;
  readonly deviation: Float32Array;
}

/**
 * Where a picture begins: at noise, or at a source picture with noise on it, as the reference's image-to-image and
 * inpainting pipelines do it. The last sources are kept encoded, since a generation draws many pictures from one.
 */
export class Starts {
  readonly #vae: Vae;
  readonly #config: VaeConfig;
  readonly #sources: Map<string, Promise<EncodedSource>> = new Map();

  constructor(vae: Vae, config: VaeConfig) {
    this.#vae = vae;
    this.#config = config;
  }

  /** @throws DiffusionError `option_invalid` (seed, strength), `source_invalid` */
  async start({ seed, source, cacheScope = '' }: StartSettings, latentSize: Size, schedule: Schedule): Promise<Start> {
    const { latentChannels, scalingFactor, shiftFactor } = this.#config;
    const count = latentChannels * latentSize.width * latentSize.height;
    const generator = createTorchGenerator(seed);
    if (source === undefined) return { latent: generator.randn(count), step: 0, kept: undefined };

    const step = firstStep(schedule.steps, source.strength);
    const { pixels, mean, deviation } = await this.#encode(source.image, latentSize, cacheScope);
    // The reference draws the sample of the posterior first, then the noise.
    const sampled = generator.randn(count);
    const encoded = mean.map((value, at) => (value + deviation[at]! * sampled[at]! - shiftFactor) * scalingFactor);
    const noise = generator.randn(count);
    const sigma = schedule.sigmas[step]!;
    const latent = noise.map((value, at) => sigma * value + (1 - sigma) * encoded[at]!);
    if (source.mask === undefined) return { latent, step, kept: undefined };
    const pixelMask = await readMaskPixels(source.mask, source.image, this.#pixelSize(latentSize));
    const mask = nearest(pixelMask, latentSize, this.#config.factor);
    return { latent, step, kept: { source: encoded, noise, mask, pixels, pixelMask } satisfies KeptPart };
  }

  #encode(image: Uint8Array, latentSize: Size, scope: string): Promise<EncodedSource> {
    const size = this.#pixelSize(latentSize);
    const hash = createHash('sha256').update(image).digest('hex');
    const key = `${hash} ${size.width}x${size.height} ${scope}`;
    const known = this.#sources.get(key) ?? this.#encodeNew(image, size);
    this.#sources.delete(key);
    this.#sources.set(key, known);
    known.catch(() => this.#sources.delete(key));
    if (this.#sources.size > maxSources) this.#sources.delete(this.#sources.keys().next().value ?? '');
    return known;
  }

  async #encodeNew(image: Uint8Array, size: Size): Promise<EncodedSource> {
    const pixels = await readSourcePixels(image, size);
    const { mean, logVariance } = await this.#vae.encode({ ...size, values: toPlanes(pixels) });
    return { pixels, mean: mean.values, deviation: logVariance.values.map((value) => Math.exp(0.5 * value)) };
  }

  #pixelSize({ width, height }: Size): Size {
    return { width: width * this.#config.factor, height: height * this.#config.factor };
  }
}

/**
 * The step at which a run of some strength begins: int(max(n − min(n · strength, n), 0)) in the reference, so at least
 * one step is drawn.
 * @throws DiffusionError `option_invalid`
 */
export function firstStep(steps: number, strength: number): number {
  if (!(strength > 0 && strength <= 1)) {
    const message = `strength is ${strength}; a number above 0 and up to 1 is expected.`;
    throw new DiffusionError('option_invalid', message, { details: { option: 'strength', value: strength } });
  }
  return Math.floor(Math.max(steps - Math.min(steps * strength, steps), 0));
}

/** Every `factor`-th pixel of every `factor`-th row. */
function nearest(mask: Uint8Array, { width, height }: Size, factor: number): Uint8Array {
  const small = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) small[y * width + x] = mask[(y * width * factor + x) * factor]!;
  }
  return small;
}

/** Sources kept per model: at 1024² one takes 5 MB. */
const maxSources = 8;
