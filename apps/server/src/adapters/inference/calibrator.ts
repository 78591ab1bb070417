/** Measures how many pictures a device moves at once with profit, and knows it from then on. */
import { cpus } from 'node:os';
import { join } from 'node:path';
import {
  type BatchLimit,
  drawTinyPicture,
  type LatentGrid,
  measureBatchLimit,
  rowsFor,
  type ZImagePipeline,
} from '@imagemill/diffusion';
import { onnxRuntimeVersion } from '@imagemill/diffusion/onnxruntime';
import type { ModelChoice } from '../../application/engine-port.ts';
import { type CalibrationFile, type CalibrationKey, openCalibrationFile } from './calibration-file.ts';
import type { EngineOptions } from './engine-protocol.ts';
import type { ModelMemory } from './model-memory.ts';

export interface Effort {
  /** Sides that are measured, as parts of the model's own. */
  readonly sides: readonly number[];
  /** Steps that will probably take longer are not tried. */
  readonly maxStepMs: number;
}

/** Beside the work of the engine: seconds with a small model, nothing at all with one that takes long. */
export const quick: Effort = { sides: [0.5, 1], maxStepMs: 400 };
/** When somebody asked for it. */
export const thorough: Effort = { sides: [0.5, 1, 1.5], maxStepMs: 60_000 };

export class Calibrator {
  readonly #memory: ModelMemory;
  readonly #options: EngineOptions;
  readonly #file: CalibrationFile;

  private constructor(memory: ModelMemory, options: EngineOptions, file: CalibrationFile) {
    this.#memory = memory;
    this.#options = options;
    this.#file = file;
  }

  static async open(memory: ModelMemory, options: EngineOptions): Promise<Calibrator> {
    return new Calibrator(memory, options, await openCalibrationFile(join(options.cacheDir, 'calibration.json')));
  }

  isKnown(choice: ModelChoice): boolean {
    return this.#file.find(this.#keyOf(choice)) !== undefined;
  }

  /** Rows of a size that are worth one call; undefined when nothing was measured. */
  maxRows(choice: ModelChoice, grid: LatentGrid): number | undefined {
    return rowsFor(this.#file.find(this.#keyOf(choice)) ?? [], grid);
  }

  /**
   * Measures a model, loads it if need be, and keeps the result.
   * @returns undefined when it was ended
   * @throws DiffusionError as drawing; errors of the file system
   */
  async measure(
    choice: ModelChoice,
    effort: Effort,
    isWanted: () => boolean,
  ): Promise<readonly BatchLimit[] | undefined> {
    const { pipeline, giveBack } = await this.#memory.pool.borrow(this.#memory.keyOf(choice));
    try {
      const limits = await this.#measureAll(pipeline, effort, isWanted);
      if (limits !== undefined) await this.#file.keep(this.#keyOf(choice), limits);
      return limits;
    } finally {
      giveBack();
    }
  }

  async #measureAll(
    pipeline: ZImagePipeline,
    { sides, maxStepMs }: Effort,
    isWanted: () => boolean,
  ): Promise<BatchLimit[] | undefined> {
    // The first one finds memory and pages; the second one tells how fast the device is.
    await drawTinyPicture(pipeline, isWanted);
    const tiny = await drawTinyPicture(pipeline, isWanted);
    if (tiny === undefined) return undefined;
    const limits: BatchLimit[] = [];
    let known = tiny;
    for (const side of sidesOf(pipeline, sides)) {
      const tokens = (side / pipeline.limits.grain) ** 2;
      const expectedMs = (known.msPerStep * (tokens + CAPTION_TOKENS)) / (known.tokens + CAPTION_TOKENS);
      const maxRows = Math.max(LEAST_ROWS, this.#options.slots);
      const size = { width: side, height: side, maxRows, maxStepMs, expectedMs };
      const limit = await measureBatchLimit(pipeline, { ...size, isWanted });
      if (!isWanted()) return undefined;
      if (limit === undefined) break;
      limits.push(limit);
      known = { tokens, msPerStep: limit.timings[0]?.msPerStep ?? expectedMs };
    }
    return limits;
  }

  #keyOf({ modelPath, precision }: ModelChoice): CalibrationKey {
    return {
      device: this.#options.device,
      executionProvider: this.#memory.device.runtime.executionProvider,
      model: modelPath,
      precision: precision ?? 'device',
      threads: this.#options.threads,
      processor: PROCESSOR,
      onnxruntime: onnxRuntimeVersion,
    };
  }
}

/** Square sides that the model can draw, from small to large. */
function sidesOf({ checkpoint, limits }: ZImagePipeline, parts: readonly number[]): number[] {
  const { grain, maxWidth, maxHeight } = limits;
  const most = Math.min(maxWidth, maxHeight);
  const native = checkpoint.vae.config.sampleSize;
  const sides = parts.map((part) => Math.min(most, Math.max(grain, Math.round((part * native) / grain) * grain)));
  return [...new Set(sides)].sort((a, b) => a - b);
}

/** A short prompt is padded to as many. */
const CAPTION_TOKENS = 32;
/** Guided pictures take two rows each. */
const LEAST_ROWS = 8;
const PROCESSOR = cpus()[0]?.model ?? 'unknown';
