import { randomInt } from 'node:crypto';
import { generationRequestSchema, LIMITS, type PictureFormat } from '@imagemill/api';
import {
  type Config,
  type DrawingEngine,
  type DrawnPicture,
  type EngineItem,
  loadConfig,
  type ModelFacts,
  sizeLike,
} from '@imagemill/server/engine';
import { labelDrawnPicture, markOf } from '@imagemill/server/provenance';
import { CliError, exitCodes, optionError } from '../cli-error.ts';
import type { CommandContext } from '../command-context.ts';
import { interruptible } from '../interruption.ts';
import type { LoraFlag } from '../lora-option.ts';
import { ensureWritable, resolveTarget, writePicture } from '../picture-file.ts';
import { formatDuration } from '../terminal/format.ts';
import type { Output } from '../terminal/output.ts';
import { createProgressBar, type ProgressBar } from '../terminal/progress.ts';
import { startEngine } from './engine.ts';
import { type FoundLora, findLoraFiles } from './loras.ts';
import { findModelFacts } from './model-facts.ts';
import { readSourceFiles } from './source-files.ts';

/** Options as parsed; absent ones are the model's to fill. */
export interface GenerateFlags {
  readonly negative: string;
  readonly model?: string;
  readonly width?: number;
  readonly height?: number;
  readonly steps?: number;
  readonly seed?: number;
  readonly count: number;
  readonly guidance?: number;
  readonly lora?: readonly LoraFlag[];
  readonly image?: string;
  readonly strength?: number;
  readonly mask?: string;
  readonly format?: PictureFormat;
  readonly quality: number;
  readonly out: string;
  readonly device?: string;
  readonly weights?: 'auto' | 'mapped' | 'packed' | 'fp16' | 'w8a8';
  readonly precision?: 'mapped' | 'packed' | 'fp16' | 'w8a8';
  readonly threads?: number;
  readonly json: boolean;
}

/** Draws pictures in an engine process of its own and saves each as it is finished. */
export async function generate(prompt: string, flags: GenerateFlags, context: CommandContext): Promise<number> {
  const target = await resolveTarget({ out: flags.out, count: flags.count, format: flags.format });
  const { model, device, threads } = flags;
  const weights = flags.precision ?? flags.weights;
  const config = loadConfig({ overrides: { model, device, weights, threads } });
  const { facts, items, loras } = await planPictures(prompt, flags, target.format, config);
  await ensureWritable(target);
  const slots = Math.min(flags.count, MAX_SLOTS);
  await interruptible('Stopped. Pictures that were finished are saved.', async (signal) => {
    const progress = createDrawProgress(context.output, items);
    const engine = await startEngine(config, slots, context, signal);
    try {
      await drawAll({ engine, items, slots, signal, progress }, async (item, picture) => {
        const bytes = labelDrawnPicture(item, picture, { facts, config, loras });
        const file = await writePicture(target, { prompt, seed: item.seed, bytes });
        print({ file, picture, modelName: facts.name, json: flags.json }, context.output);
      });
    } finally {
      progress.stop();
      await engine.close();
    }
  });
  return exitCodes.ok;
}

/** Pictures under way at once: more share a step's fixed costs, and each needs memory of its own. */
const MAX_SLOTS = 4;

interface Plan {
  readonly facts: ModelFacts;
  readonly items: readonly EngineItem[];
  readonly loras: readonly FoundLora[];
}

/** All pictures with nothing left to default. @throws CliError `option_invalid` */
async function planPictures(
  prompt: string,
  flags: GenerateFlags,
  format: PictureFormat,
  config: Config,
): Promise<Plan> {
  checkText(prompt, flags.negative);
  const facts = await findModelFacts(config);
  const source = await readSourceFiles(flags);
  const native = source === undefined ? undefined : sizeLike(source.size, facts);
  const width = flags.width ?? native?.width ?? facts.nativeWidth;
  const height = flags.height ?? native?.height ?? facts.nativeHeight;
  for (const [option, side] of [
    ['--width', width],
    ['--height', height],
  ] as const) {
    if (side % facts.grain !== 0 || side > facts.maxSide) {
      throw optionError(
        option,
        side,
        `a multiple of ${facts.grain} up to ${facts.maxSide} for the model ${facts.name}`,
      );
    }
  }
  if (width * height > facts.maxPixels) {
    throw optionError(
      '--width × --height',
      `${width} × ${height}`,
      `at most ${facts.maxPixels} pixels for the model ${facts.name}`,
    );
  }
  const seed = flags.seed ?? randomInt(2 ** 32);
  if (seed > LIMITS.seed - flags.count + 1) {
    throw optionError('--seed', String(seed), `at most ${LIMITS.seed - flags.count + 1}, as --count is ${flags.count}`);
  }
  const loras = await findLoraFiles(flags.lora ?? [], config, facts);
  const common = {
    modelPath: facts.path,
    precision: facts.precisions[0]?.precision,
    prompt,
    negativePrompt: flags.negative,
    width,
    height,
    steps: flags.steps ?? facts.defaultSteps,
    guidanceScale: flags.guidance ?? facts.defaultGuidanceScale,
    format,
    quality: flags.quality,
    previews: false,
    loras,
    mark: markOf(config),
    source: source?.picture,
    cacheScope: 'local',
    rank: 0,
    oversize: 'reject' as const,
  };
  const items = Array.from({ length: flags.count }, (_, index) => ({
    ...common,
    id: String(index),
    seed: seed + index,
  }));
  return { facts, items, loras };
}

/** The rules of the API hold here too. */
function checkText(prompt: string, negativePrompt: string): void {
  const parsed = generationRequestSchema.safeParse({ prompt, negativePrompt });
  const issue = parsed.error?.issues[0];
  if (issue === undefined) return;
  const option = issue.path[0] === 'negativePrompt' ? '--negative' : 'prompt';
  throw optionError(
    option,
    option === 'prompt' ? prompt : negativePrompt,
    issue.code === 'custom' ? issue.message : textRule(issue),
  );
}

function textRule(issue: { readonly code: string; readonly message: string }): string {
  if (issue.code === 'too_small') return 'at least one character';
  return issue.code === 'too_big' ? `at most ${LIMITS.promptLength} characters` : issue.message;
}

interface DrawRun {
  readonly engine: DrawingEngine;
  readonly items: readonly EngineItem[];
  readonly slots: number;
  readonly signal: AbortSignal;
  readonly progress: DrawProgress;
}

/**
 * Draws the items, `slots` at a time. The first fault and Ctrl+C cancel what is under way.
 *
 * @throws CliError with the code of the first fault
 */
async function drawAll(
  { engine, items, slots, signal, progress }: DrawRun,
  save: (item: EngineItem, picture: DrawnPicture) => Promise<void>,
): Promise<void> {
  const waiting = [...items];
  let isStopped = signal.aborted;
  let fault: unknown;
  const stop = (): void => {
    isStopped = true;
    for (const { id } of items) engine.cancel(id);
  };
  const lane = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined && !isStopped; item = waiting.shift()) {
      try {
        const picture = await drawOne(engine, item, progress);
        if (picture !== undefined) await save(item, picture);
      } catch (error) {
        fault ??= error;
        stop();
      }
    }
  };
  signal.addEventListener('abort', stop);
  await Promise.all(Array.from({ length: slots }, lane));
  signal.removeEventListener('abort', stop);
  if (fault !== undefined) throw fault;
}

/** Undefined for a cancelled picture. */
async function drawOne(
  engine: DrawingEngine,
  item: EngineItem,
  progress: DrawProgress,
): Promise<DrawnPicture | undefined> {
  const outcome = await engine.draw(item, { step: (step) => progress.step(item.id, step), preview: () => undefined });
  if (outcome.kind === 'failed') {
    const { code, message, details } = outcome.fault;
    throw new CliError(code, message, { details });
  }
  return outcome.kind === 'finished' ? outcome.picture : undefined;
}

interface DrawProgress {
  step(id: string, step: number): void;
  stop(): void;
}

function createDrawProgress(output: Output, items: readonly EngineItem[]): DrawProgress {
  const bar: ProgressBar = createProgressBar(output);
  const startedAt = performance.now();
  const stepsOf = new Map(items.map(({ id }) => [id, 0]));
  const total = items.reduce((sum, { steps }) => sum + steps, 0);
  bar.update(0, total, 'loading the model');
  return {
    step(id, step) {
      stepsOf.set(id, step);
      const done = [...stepsOf.values()].reduce((sum, steps) => sum + steps, 0);
      const pictures = items.length === 1 ? '' : `, ${items.length} pictures`;
      bar.update(done, total, `step ${done} of ${total}${pictures}, ${formatDuration(performance.now() - startedAt)}`);
    },
    stop: () => bar.stop(),
  };
}

interface Printed {
  readonly file: string;
  readonly picture: DrawnPicture;
  readonly modelName: string;
  readonly json: boolean;
}

function print({ file, picture, modelName, json }: Printed, output: Output): void {
  const { width, height, seed, steps, timings } = picture;
  const { loadMs, encodeMs, denoiseMs, decodeMs, totalMs } = timings;
  if (json) {
    const rounded = {
      loadMs: tenth(loadMs),
      encodeMs: tenth(encodeMs),
      denoiseMs: tenth(denoiseMs),
      decodeMs: tenth(decodeMs),
      totalMs: tenth(totalMs),
    };
    output.result(JSON.stringify({ file, width, height, seed, steps, model: modelName, timings: rounded }));
  } else {
    output.result(`${file}  ${width} × ${height}, seed ${seed}, ${steps} steps, ${formatDuration(totalMs)}`);
  }
}

function tenth(ms: number): number {
  return Math.round(ms * 10) / 10;
}
