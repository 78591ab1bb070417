import { type DenoiseItem, denoiseStep, type LatentGrid } from './denoise.ts';
import type { ZImagePipeline } from './families/z-image/pipeline.ts';

/** A step of a batch, as it was measured. */
export interface BatchTiming {
  readonly rows: number;
  readonly msPerStep: number;
}

/** How many pictures of a size a device moves at once with profit. Sides in pixels. */
export interface BatchLimit {
  readonly width: number;
  readonly height: number;
  /** Tokens of the image. */
  readonly tokens: number;
  readonly maxRows: number;
  readonly timings: readonly BatchTiming[];
}

export interface MeasureOptions {
  readonly width: number;
  readonly height: number;
  /** Largest batch that is tried. */
  readonly maxRows: number;
  /** Steps that will probably take longer than this are not tried. */
  readonly maxStepMs: number;
  /** What a step of one picture will probably take; undefined when nothing is known. */
  readonly expectedMs?: number | undefined;
  /** Asked before each step; false ends the measurement. */
  readonly isWanted: () => boolean;
}

/**
 * Times the denoise step of batches of 1, 2, 4 and so on pictures of one size. Each batch is tried twice, then all of
 * them in turns, so that what else happens on the machine meets all alike; the fastest step of a batch counts. Between
 * two steps the event loop runs.
 * @returns undefined when it was ended, or when even one picture takes too long
 * @throws DiffusionError as `denoiseStep`
 */
export async function measureBatchLimit(
  pipeline: ZImagePipeline,
  options: MeasureOptions,
): Promise<BatchLimit | undefined> {
  const { width, height, maxRows, maxStepMs } = options;
  const fastest = new Map<number, number>();
  let tokens = 0;
  const time = async (rows: number): Promise<number | undefined> => {
    await new Promise(setImmediate);
    if (!options.isWanted()) return undefined;
    const items = await itemsOf(pipeline, { width, height, rows });
    tokens = Math.max(0, ...items.map(({ grid }) => tokensOf(grid)));
    const start = performance.now();
    await denoiseStep(pipeline, items);
    const took = performance.now() - start;
    fastest.set(rows, Math.min(took, fastest.get(rows) ?? took));
    return took;
  };
  let expectedMs = options.expectedMs ?? 0;
  for (let rows = 1; rows <= maxRows && expectedMs <= maxStepMs; rows *= 2) {
    // The first step finds memory and pages.
    if ((await time(rows)) === undefined) return undefined;
    fastest.delete(rows);
    const took = await time(rows);
    if (took === undefined) return undefined;
    expectedMs = 2 * took;
  }
  const roundMs = [...fastest.values()].reduce((sum, ms) => sum + ms, 0);
  for (let round = 0; round < Math.min(MOST_ROUNDS, ROUNDS_MS / roundMs); round += 1) {
    for (const rows of fastest.keys()) if ((await time(rows)) === undefined) return undefined;
  }
  if (fastest.size === 0) return undefined;
  const timings = [...fastest].map(([rows, msPerStep]) => ({ rows, msPerStep }));
  return { width, height, tokens, maxRows: bestRows(timings), timings };
}

/** All batches are tried again so often, and for about so long. */
const MOST_ROUNDS = 6;
const ROUNDS_MS = 600;

function itemsOf(
  pipeline: ZImagePipeline,
  { width, height, rows }: { readonly width: number; readonly height: number; readonly rows: number },
): Promise<DenoiseItem[]> {
  const settings = { prompt: 'a lighthouse', negativePrompt: '', width, height, steps: 1, guidance: { scale: 0 } };
  return Promise.all(Array.from({ length: rows }, (_, seed) => pipeline.prepare({ ...settings, seed })));
}

/** More rows than these are not worth that all of their pictures wait for each other. */
const gainThatCounts = 0.03;

/** The smallest batch whose time for one picture is within 3 % of the best. */
export function bestRows(timings: readonly BatchTiming[]): number {
  const perRow = timings.map(({ rows, msPerStep }) => msPerStep / rows);
  const best = Math.min(...perRow);
  const at = perRow.findIndex((ms) => ms <= best * (1 + gainThatCounts));
  return timings[at]?.rows ?? 1;
}

/**
 * Rows for a size, from those that were measured: of the nearest one as many as have the same number of tokens.
 * Undefined when nothing was measured.
 */
export function rowsFor(limits: readonly BatchLimit[], grid: LatentGrid): number | undefined {
  const tokens = tokensOf(grid);
  const distance = (limit: BatchLimit): number => Math.abs(Math.log(limit.tokens / tokens));
  const [nearest] = [...limits].sort((a, b) => distance(a) - distance(b));
  if (nearest === undefined) return undefined;
  return Math.max(1, Math.floor((nearest.maxRows * nearest.tokens) / tokens));
}

function tokensOf(grid: LatentGrid): number {
  return grid.rows * grid.columns;
}
