/**
 * What the engine does when the device has too little memory for a picture, in this order:
 *
 *   smaller batch → tiled decode → free the models that nobody uses → draw smaller, if the request allows it → refuse
 *
 * It acts on a prediction before a picture is admitted, and on the device's own refusal in the middle of the work.
 * Each rung that is taken is noted on the picture, once.
 */
import { rowsOf } from './denoise.ts';
import { itemOf, pipelineOf, type Slot, sequenceLength } from './engine-slot.ts';
import { DiffusionError } from './errors.ts';
import type { Tiling } from './families/z-image/vae.ts';
import type { ModelPool } from './model-pool.ts';

export type MemoryRung = 'smaller_batch' | 'tiled_decode' | 'models_freed' | 'smaller_size';

export interface RungTaken {
  readonly rung: MemoryRung;
  /** A sentence for people. */
  readonly message: string;
}

export interface DeviceMemory {
  /** Bytes that the engine may still take; undefined when nobody knows. */
  freeBytes(): number | undefined;
  /** Bytes that are left to others. */
  readonly reserveBytes: number;
  /** Whether the runtime keeps what it took once, so that the same fits again. @default false */
  readonly keepsPeak?: boolean;
}

export interface MemoryLadderOptions {
  readonly models: ModelPool;
  /** @default unknown: nothing is predicted, only faults are answered */
  readonly memory?: DeviceMemory | undefined;
}

export class MemoryLadder {
  readonly #options: MemoryLadderOptions;
  /** Rows of one call that the device held at most, by shape, after it refused more. */
  readonly #mostRows: Map<string, number> = new Map();
  /** The most that was predicted and then done. */
  #proven = 0;

  constructor(options: MemoryLadderOptions) {
    this.#options = options;
  }

  /** Notes what was done, by its predicted bytes. */
  succeeded(bytes: number): void {
    this.#proven = Math.max(this.#proven, bytes);
  }

  /** Rows like those of this picture that fit into one call. */
  rowsThatFit(slot: Slot): number {
    const item = itemOf(slot);
    const learnt = this.#mostRows.get(shapeOf(slot)) ?? Number.POSITIVE_INFINITY;
    const budget = this.#budget();
    if (budget === undefined) return learnt;
    const one = pipelineOf(slot).stepBytes({ tokens: sequenceLength(item), rows: 1 });
    return Math.min(learnt, Math.max(1, Math.floor(budget / one)));
  }

  /** Remembers that the device did not hold this group in one call. */
  tooMany(group: readonly Slot[]): void {
    const [first] = group;
    if (first === undefined) return;
    const rows = group.reduce((sum, slot) => sum + rowsOf(itemOf(slot)), 0);
    if (this.#mostRows.size >= maxShapes) this.#mostRows.delete(this.#mostRows.keys().next().value ?? '');
    this.#mostRows.set(shapeOf(first), Math.max(1, Math.floor(rows / 2)));
    for (const slot of group) noteSmallerBatch(slot, rows);
  }

  /** How the picture is decoded, from what is free now. */
  tilingOf(slot: Slot): Tiling {
    const budget = this.#budget();
    if (budget === undefined || slot.rungs.some(({ rung }) => rung === 'tiled_decode'))
      return budget === undefined ? 'auto' : 'always';
    const { grid } = itemOf(slot);
    const pipeline = pipelineOf(slot);
    if (pipeline.decodeBytes(grid, 'never') <= budget) return 'never';
    if (pipeline.canTile(grid)) noteTiled(slot);
    return 'always';
  }

  /**
   * Makes room for a picture that is prepared, from what it is predicted to take: by freeing models, then by making it
   * smaller.
   * @throws DiffusionError `out_of_memory` when it will not fit
   */
  async admit(slot: Slot): Promise<void> {
    if (this.#fits(slot)) return;
    await this.#freeModels(slot);
    while (!this.#fits(slot)) {
      if (await this.#shrink(slot)) continue;
      throw this.#refusal(slot);
    }
  }

  /** Below the reserve, models that nobody uses go before anything else is taken. */
  async keepReserve(slot: Slot): Promise<void> {
    const { memory } = this.#options;
    const free = memory?.freeBytes();
    if (memory !== undefined && free !== undefined && free < memory.reserveBytes) await this.#freeModels(slot);
  }

  /** Runs what takes memory; when the device refuses, frees the models that nobody uses and tries once more. */
  async withRoom<T>(slot: Slot, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!isOutOfMemory(error) || !(await this.#freeModels(slot))) throw withRungs(slot, error);
      return await work().catch((again: unknown) => {
        throw withRungs(slot, again);
      });
    }
  }

  /**
   * After a step of this picture alone was refused, or its decoding.
   * @returns whether it is worth another try; `again` when it starts over at a smaller size
   */
  async climb(slot: Slot, fault: unknown): Promise<'retry' | 'again' | undefined> {
    if (!isOutOfMemory(fault)) return undefined;
    if (!slot.rungs.some(({ rung }) => rung === 'models_freed') && (await this.#freeModels(slot))) return 'retry';
    return (await this.#shrink(slot)) ? 'again' : undefined;
  }

  /** Switches to decoding in tiles. @returns whether that helps */
  tileInstead(slot: Slot, tiling: Tiling, fault: unknown): boolean {
    if (!isOutOfMemory(fault) || tiling === 'always' || !pipelineOf(slot).canTile(itemOf(slot).grid)) return false;
    noteTiled(slot);
    return true;
  }

  #budget(): number | undefined {
    const { memory } = this.#options;
    const free = memory?.freeBytes();
    if (memory === undefined || free === undefined) return undefined;
    return Math.max(memory.keepsPeak === true ? this.#proven : 0, free - memory.reserveBytes);
  }

  #fits(slot: Slot): boolean {
    const budget = this.#budget();
    return budget === undefined || predictedBytes(slot) <= budget;
  }

  async #freeModels(slot: Slot): Promise<boolean> {
    const names = this.#options.models.unused();
    if (names.length === 0) return false;
    await this.#options.models.freeUnused();
    const message = `To make room, ${names.length === 1 ? 'a model' : `${names.length} models`} that nobody used left the memory.`;
    note(slot, { rung: 'models_freed', message });
    return true;
  }

  /** Prepares the picture anew with half the area. */
  async #shrink(slot: Slot): Promise<boolean> {
    if (slot.request.oversize !== 'fit') return false;
    const pipeline = pipelineOf(slot);
    const smaller = halfArea(slot, pipeline.limits.grain);
    const area = (size: { width: number; height: number }): number => size.width * size.height;
    if (smaller === undefined || area(smaller) * smallestShare < area(slot.request)) return false;
    Object.assign(slot, smaller);
    slot.item = await pipeline.prepare({ ...slot.request, ...smaller });
    const at = slot.rungs.findIndex(({ rung }) => rung === 'smaller_size');
    if (at !== -1) slot.rungs.splice(at, 1);
    const { width, height } = slot.request;
    const message = `${width} × ${height} was drawn as ${smaller.width} × ${smaller.height}: the memory of the device held no more.`;
    note(slot, { rung: 'smaller_size', message });
    return true;
  }

  #refusal(slot: Slot): DiffusionError {
    const neededBytes = predictedBytes(slot);
    const freeBytes = this.#budget() ?? 0;
    const { width, height, oversize } = slot.request;
    const hint = oversize === 'fit' ? '' : ' Ask for a smaller size, or allow one with oversize "fit".';
    const message = `${width} × ${height} needs about ${megabytes(neededBytes)} of memory, ${megabytes(freeBytes)} are free.${hint}`;
    const details = { neededBytes, freeBytes, rungs: slot.rungs.map(({ rung }) => rung) };
    return new DiffusionError('out_of_memory', message, { details });
  }
}

export function isOutOfMemory(error: unknown): boolean {
  return error instanceof DiffusionError && error.code === 'out_of_memory';
}

/** The error with what was tried before it was raised. */
export function withRungs(slot: Slot, error: unknown): unknown {
  if (!(error instanceof DiffusionError) || !isOutOfMemory(error) || slot.rungs.length === 0) return error;
  const rungs = slot.rungs.map(({ rung }) => rung);
  return new DiffusionError(error.code, error.message, { details: { ...error.details, rungs }, cause: error.cause });
}

export function noteSmallerBatch(slot: Slot, rows?: number): void {
  const many = rows === undefined ? 'as many pictures as would have been fastest' : `${rows} rows`;
  note(slot, { rung: 'smaller_batch', message: `The memory of the device did not hold ${many} in one step.` });
}

function noteTiled(slot: Slot): void {
  note(slot, { rung: 'tiled_decode', message: 'The picture was decoded in tiles: it did not fit the memory whole.' });
}

function note(slot: Slot, taken: RungTaken): void {
  if (!slot.rungs.some(({ rung }) => rung === taken.rung)) slot.rungs.push(taken);
}

/** Of the picture alone, decoded in tiles. */
function predictedBytes(slot: Slot): number {
  const item = itemOf(slot);
  const pipeline = pipelineOf(slot);
  const rows = item.negative === undefined ? 1 : 2;
  return Math.max(
    pipeline.stepBytes({ tokens: sequenceLength(item), rows }),
    pipeline.decodeBytes(item.grid, 'always'),
  );
}

function halfArea(
  size: { width: number; height: number },
  grain: number,
): { width: number; height: number } | undefined {
  const step = 64 % grain === 0 && Math.min(size.width, size.height) >= 128 ? 64 : grain;
  const side = (value: number): number => Math.max(grain, Math.floor((value * Math.SQRT1_2) / step) * step);
  const smaller = { width: side(size.width), height: side(size.height) };
  return smaller.width < size.width || smaller.height < size.height ? smaller : undefined;
}

function shapeOf(slot: Slot): string {
  const { grid } = itemOf(slot);
  return `${grid.rows}x${grid.columns} ${slot.request.model}`;
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6)} MB`;
}

/** A picture is not made smaller than this part of what was asked for. */
const smallestShare = 16;
const maxShapes = 256;
