import type { AttentionForm } from '@imagemill/onnx';
import { CaptionCache } from '../../caption-cache.ts';
import { type Checkpoint, openCheckpoint, requireTokenizerFolder } from '../../checkpoint/checkpoint.ts';
import type { Caption, DenoiseItem, DenoiserInput, LatentGrid } from '../../denoise.ts';
import { DiffusionError } from '../../errors.ts';
import type { GuidanceSettings } from '../../guidance.ts';
import { toPixels } from '../../image.ts';
import { type AppliedLora, loraKey } from '../../lora/lora-batch.ts';
import { LoraCache } from '../../lora/lora-cache.ts';
import { type LoraChoice, resolveLoras } from '../../lora/resolve-loras.ts';
import type { Runtime } from '../../runtime.ts';
import { createSchedule } from '../../schedule.ts';
import type { PictureSource } from '../../source-picture.ts';
import { loadPromptTokenizer, type PromptTokenizer } from '../../tokenizer/prompt-tokenizer.ts';
import { type HoldCheckpointOptions, holdCheckpoint } from './hold-checkpoint.ts';
import { type LinearWidths, loraModules } from './lora-names.ts';
import { type StepLoad, stepPeakBytes } from './predict-memory.ts';
import type { RotaryType } from './sequence.ts';
import { Starts } from './start.ts';
import { TextEncoder } from './text-encoder.ts';
import { Transformer } from './transformer.ts';
import { layerPrefixes } from './transformer-parts.ts';
import { type DecodeOptions, type Planes, Vae } from './vae.ts';

/** What a picture is drawn from, all values fixed. */
export interface PictureSettings {
  readonly prompt: string;
  /** Used when guidance is on. */
  readonly negativePrompt: string;
  readonly width: number;
  readonly height: number;
  readonly seed: number;
  readonly steps: number;
  readonly guidance: GuidanceSettings;
  /** Adapters; their effects add up. @default none */
  readonly loras?: readonly LoraChoice[] | undefined;
  /** Whose encoded prompts may be shared, e.g. a tenant. @default '' */
  readonly cacheScope?: string | undefined;
  /** A picture to start from instead of noise alone. @default none */
  readonly source?: PictureSource | undefined;
}

export interface PipelineOptions {
  /** Adapters in memory; one cache may serve several models. @default one of its own */
  readonly loraCache?: LoraCache | undefined;
  /** Encoded prompts; one cache may serve several models. @default one of its own */
  readonly captionCache?: CaptionCache | undefined;
  readonly rotaryType?: RotaryType | undefined;
}

/** Sizes that a model can draw, in pixels. */
export interface SizeLimits {
  /** Sides are multiples of this: patch size × VAE factor. */
  readonly grain: number;
  readonly maxWidth: number;
  readonly maxHeight: number;
}

/** Pixels of a finished picture: `[height, width, 3]`, 0 to 255. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** A Z-Image checkpoint, ready to draw. Parts load when they are first used. */
export class ZImagePipeline {
  readonly checkpoint: Checkpoint;
  readonly limits: SizeLimits;
  readonly transformer: Transformer;
  readonly textEncoder: TextEncoder;
  readonly vae: Vae;
  readonly #captions: CaptionCache;
  readonly #id: number = nextId();
  readonly #starts: Starts;
  readonly #loraCache: LoraCache;
  readonly #loraModules: ReadonlyMap<string, LinearWidths>;
  readonly #attention: AttentionForm;
  #tokenizer: Promise<PromptTokenizer> | undefined;

  constructor(checkpoint: Checkpoint, runtime: Runtime, { loraCache, captionCache, rotaryType }: PipelineOptions = {}) {
    this.checkpoint = checkpoint;
    this.limits = sizeLimits(checkpoint);
    this.#attention = runtime.forms.attention;
    this.transformer = new Transformer({ ...checkpoint.transformer, runtime });
    this.textEncoder = new TextEncoder({ ...checkpoint.textEncoder, runtime, ...(rotaryType && { rotaryType }) });
    this.vae = new Vae({ ...checkpoint.vae, runtime });
    this.#captions = captionCache ?? new CaptionCache();
    this.#starts = new Starts(this.vae, checkpoint.vae.config);
    this.#loraCache = loraCache ?? new LoraCache();
    this.#loraModules = loraModules(checkpoint.transformer.config);
  }

  /**
   * Opens a checkpoint folder, with its weights held as the runtime's mode asks.
   * @throws DiffusionError as `openCheckpoint` and `holdCheckpoint`
   */
  static async open(
    folder: string,
    runtime: Runtime,
    options: HoldCheckpointOptions & PipelineOptions = {},
  ): Promise<ZImagePipeline> {
    return new ZImagePipeline(await holdCheckpoint(await openCheckpoint(folder), runtime, options), runtime, options);
  }

  /** Loads everything that the first picture needs, or keeps nothing loaded. */
  async warmUp(): Promise<void> {
    try {
      await this.#loadTokenizer();
      await this.textEncoder.warmUp();
      await this.transformer.warmUp();
      await this.vae.warmUp();
    } catch (error) {
      await this.release();
      throw error;
    }
  }

  /** Opens what the first picture with adapters needs beside that; it may hold the transformer's weights once more. */
  warmUpLoras(): Promise<void> {
    return this.transformer.warmUpLoras();
  }

  /** @throws DiffusionError `size_invalid` */
  checkSize(width: number, height: number): LatentGrid {
    const { grain, maxWidth, maxHeight } = this.limits;
    const check = (name: string, value: number, max: number): void => {
      if (Number.isInteger(value) && value >= grain && value <= max && value % grain === 0) return;
      throw new DiffusionError(
        'size_invalid',
        `${name} is ${value}; a multiple of ${grain} from ${grain} to ${max} is expected.`,
        {
          details: { field: name, value, grain, max },
        },
      );
    };
    check('width', width, maxWidth);
    check('height', height, maxHeight);
    return { rows: height / grain, columns: width / grain };
  }

  /**
   * Text encoder, caption embedder and context refiner; the last prompts are kept, each with the adapters that change
   * its caption. Most adapters change none. Captions are shared inside a scope only.
   */
  encodePrompt(prompt: string, loras: readonly AppliedLora[] = [], scope = ''): Promise<Caption> {
    const acting = loras.filter(changesCaption);
    const key = { scope, model: this.#id, prompt, loras: loraKey(acting) };
    return this.#captions.get(key, () => this.#encodePrompt(prompt, acting));
  }

  /**
   * Loads adapters and checks that they fit this model.
   * @throws DiffusionError `lora_not_found`, `lora_invalid`, `lora_incompatible`, `lora_too_large`, `option_invalid`
   */
  resolveLoras(choices: readonly LoraChoice[]): Promise<AppliedLora[]> {
    return resolveLoras(choices, this.#loraCache, this.#loraModules);
  }

  /**
   * Everything that the denoise loop needs for one picture.
   * @throws DiffusionError `size_invalid`, `option_invalid`, `source_invalid`, and those of `resolveLoras`
   */
  async prepare(settings: PictureSettings): Promise<DenoiseItem> {
    const grid = this.checkSize(settings.width, settings.height);
    const schedule = createSchedule(this.checkpoint.schedule, settings.steps, {
      imageTokens: grid.rows * grid.columns,
    });
    const loras = await this.resolveLoras(settings.loras ?? []);
    const caption = await this.encodePrompt(settings.prompt, loras, settings.cacheScope);
    const guided = settings.guidance.scale > 0;
    const start = await this.#starts.start(settings, this.#latentSize(grid), schedule);
    return {
      ...start,
      grid,
      schedule,
      caption,
      negative: guided ? await this.encodePrompt(settings.negativePrompt, loras, settings.cacheScope) : undefined,
      guidance: settings.guidance,
      loras,
    };
  }

  predict(inputs: readonly DenoiserInput[], grid: LatentGrid, signal?: AbortSignal): Promise<Float32Array[]> {
    return this.transformer.predict(inputs, grid, signal);
  }

  /** Decodes a latent to pixels. @throws DiffusionError `picture_invalid` when it holds no numbers */
  async decode(latent: Float32Array, grid: LatentGrid, options: DecodeOptions = {}): Promise<Pixels> {
    const { values, width, height } = await this.vae.decode({ values: latent, ...this.#latentSize(grid) }, options);
    return { width, height, data: toPixels(values, { width, height }) };
  }

  /** Predicted bytes that a step holds beside the weights. */
  stepBytes(load: StepLoad): number {
    return stepPeakBytes(this.checkpoint.transformer.config, load, this.#attention);
  }

  /** Predicted bytes that decoding holds beside the weights, whole or in tiles. */
  decodeBytes(grid: LatentGrid, tiling: 'always' | 'never'): number {
    return this.vae.decodeBytes(this.#latentSize(grid), tiling);
  }

  /** Whether decoding in tiles takes less memory than whole. */
  canTile(grid: LatentGrid): boolean {
    return this.vae.canTile(this.#latentSize(grid));
  }

  /** A small picture of an unfinished latent: at most 16 × 16 latent pixels are decoded. */
  async preview(latent: Float32Array, grid: LatentGrid): Promise<Pixels> {
    const channels = this.checkpoint.vae.config.latentChannels;
    const small = shrink({ values: latent, ...this.#latentSize(grid) }, channels, 16);
    const { values, width, height } = await this.vae.decode(small, { tiling: 'never' });
    return { width, height, data: toPixels(values, { width, height }) };
  }

  async release(): Promise<void> {
    this.#captions.forget(this.#id);
    await this.textEncoder.release();
    await this.transformer.release();
    await this.vae.release();
  }

  #latentSize(grid: LatentGrid): { width: number; height: number } {
    const { patchSize } = this.checkpoint.transformer.config;
    return { width: grid.columns * patchSize, height: grid.rows * patchSize };
  }

  async #encodePrompt(prompt: string, loras: readonly AppliedLora[]): Promise<Caption> {
    const tokenizer = await this.#loadTokenizer();
    const { ids } = tokenizer.encode(prompt, { maxTokens: maxPromptTokens(this.checkpoint), controlTokens: 'escape' });
    const features = await this.textEncoder.encode(ids);
    return this.transformer.encodeCaption(features.rows, features.tokens, loras);
  }

  async #loadTokenizer(): Promise<PromptTokenizer> {
    this.#tokenizer ??= loadPromptTokenizer(requireTokenizerFolder(this.checkpoint), {
      vocabularySize: this.checkpoint.textEncoder.config.vocabSize,
    });
    try {
      return await this.#tokenizer;
    } catch (error) {
      this.#tokenizer = undefined; // the next prompt tries again
      throw error;
    }
  }
}

function changesCaption({ adapter, strength }: AppliedLora): boolean {
  const prefixes = layerPrefixes('caption');
  return (
    strength !== 0 && [...adapter.modules.keys()].some((name) => prefixes.some((prefix) => name.startsWith(prefix)))
  );
}

let pipelines = 0;
/** Tells pipelines apart in a cache that several share. */
function nextId(): number {
  pipelines += 1;
  return pipelines;
}

/** The reference truncates to 512 tokens; the table of positions may be shorter in small models. */
function maxPromptTokens({ transformer }: Checkpoint): number {
  const positions = (transformer.config.axesLens[0] ?? 512) - 2;
  return Math.min(512, Math.floor(positions / 32) * 32);
}

function sizeLimits({ transformer, vae }: Checkpoint): SizeLimits {
  const grain = transformer.config.patchSize * vae.config.factor;
  const [, rows = 512, columns = 512] = transformer.config.axesLens;
  return { grain, maxWidth: columns * grain, maxHeight: rows * grain };
}

/** Averages blocks of latent pixels until neither side is longer than `longest`. */
function shrink(latent: Planes, channels: number, longest: number): Planes {
  const by = Math.ceil(Math.max(latent.width, latent.height) / longest);
  if (by <= 1) return latent;
  const [width, height] = [Math.max(1, Math.floor(latent.width / by)), Math.max(1, Math.floor(latent.height / by))];
  const values = new Float32Array(channels * width * height);
  for (let channel = 0; channel < channels; channel += 1) {
    for (let y = 0; y < height * by; y += 1) {
      for (let x = 0; x < width * by; x += 1) {
        const from =
          (channel * latent.height + Math.min(y, latent.height - 1)) * latent.width + Math.min(x, latent.width - 1);
        const into = (channel * height + Math.floor(y / by)) * width + Math.floor(x / by);
        values[into] = values[into]! + latent.values[from]! / by ** 2;
      }
    }
  }
  return { values, width, height };
}
