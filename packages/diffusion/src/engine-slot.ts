import { type DenoiseItem, rowsOf } from './denoise.ts';
import type { EngineNotice, EngineRequest } from './engine.ts';
import { DiffusionError } from './errors.ts';
import type { ZImagePipeline } from './families/z-image/pipeline.ts';
import type { StepLoad } from './families/z-image/predict-memory.ts';
import type { RungTaken } from './memory-ladder.ts';
import type { PooledModel } from './model-pool.ts';

/** A picture in the hands of the engine. */
export interface Slot {
  readonly request: EngineRequest;
  readonly emit: (notice: EngineNotice) => void;
  readonly receivedAt: number;
  /** What was done so that it fits the memory, each once. */
  readonly rungs: RungTaken[];
  /** As it is drawn; smaller than asked for when the memory held no more. */
  width: number;
  height: number;
  model?: PooledModel;
  item?: DenoiseItem;
  loadMs: number;
  encodeMs: number;
  denoiseMs: number;
  deviceMs: number;
  /** Pictures that moved in each of its steps, itself included, summed up. */
  batchSum: number;
  stepCount: number;
  previewedAt: number;
  cancelled: boolean;
}

export function newSlot(request: EngineRequest, emit: Slot['emit']): Slot {
  const receivedAt = performance.now();
  const { width, height } = request;
  const times = {
    loadMs: 0,
    encodeMs: 0,
    denoiseMs: 0,
    deviceMs: 0,
    batchSum: 0,
    stepCount: 0,
    previewedAt: receivedAt,
  };
  return { request, emit, receivedAt, rungs: [], width, height, ...times, cancelled: false };
}

export function dropCancelled(slots: Slot[]): void {
  for (const slot of slots.filter((candidate) => candidate.cancelled)) {
    slots.splice(slots.indexOf(slot), 1);
    end(slot, { type: 'cancelled' });
  }
}

export function throwIfDropped(slot: Slot): void {
  if (slot.cancelled) throw new DiffusionError('cancelled', `The picture ${slot.request.id} was cancelled.`);
}

export interface GroupLimits {
  /** Rows like those of this picture that are worth one call. */
  readonly worthRows: (first: Slot) => number;
  /** Rows like those of this picture that the memory holds; at least what one picture takes is tried. */
  readonly maxRows: (first: Slot) => number;
}

/**
 * The picture of the lowest rank that has waited longest, and others like it that fit into the same call.
 * @returns also whether the memory, not the device's speed, left some out
 */
export function chooseGroup(active: Slot[], limits: GroupLimits): { group: readonly Slot[]; isCutByMemory: boolean } {
  const first = lowestRank(active);
  if (first === undefined) return { group: [], isCutByMemory: false };
  const worthRows = limits.worthRows(first);
  const maxRows = limits.maxRows(first);
  let rows = 0;
  let isCutByMemory = false;
  const group: Slot[] = [];
  for (const slot of active) {
    const item = itemOf(slot);
    const alike = pipelineOf(slot) === pipelineOf(first) && sameGrid(item, itemOf(first));
    const fits = alike && rankOf(slot) === rankOf(first);
    const after = rows + rowsOf(item);
    if (!fits || (group.length > 0 && after > worthRows)) continue;
    if (group.length > 0 && after > maxRows) {
      isCutByMemory = true;
      continue;
    }
    rows = after;
    group.push(slot);
  }
  // Whoever moved goes to the end, so that groups take turns.
  for (const slot of group) active.push(...active.splice(active.indexOf(slot), 1));
  return { group, isCutByMemory };
}

export function rankOf({ request }: Slot): number {
  return request.rank ?? 1;
}

/** The first of the lowest rank. */
export function lowestRank(slots: readonly Slot[]): Slot | undefined {
  return slots.reduce<Slot | undefined>(
    (best, slot) => (best === undefined || rankOf(slot) < rankOf(best) ? slot : best),
    undefined,
  );
}

/** The last of the highest rank. */
export function highestRank(slots: readonly Slot[]): Slot | undefined {
  return slots.reduce<Slot | undefined>(
    (worst, slot) => (worst === undefined || rankOf(slot) >= rankOf(worst) ? slot : worst),
    undefined,
  );
}

/** What one call with this group holds. */
export function loadOf(group: readonly Slot[]): StepLoad {
  const items = group.map(itemOf);
  const rows = items.reduce((sum, item) => sum + rowsOf(item), 0);
  return { rows, tokens: Math.max(...items.map(sequenceLength)) };
}

export function sequenceLength(item: DenoiseItem): number {
  return item.grid.rows * item.grid.columns + item.caption.tokens;
}

function sameGrid(a: DenoiseItem, b: DenoiseItem): boolean {
  return a.grid.rows === b.grid.rows && a.grid.columns === b.grid.columns;
}

export function lorasOf({ loras = [] }: DenoiseItem): Pick<Extract<EngineNotice, { type: 'finished' }>, 'loras'> {
  if (loras.length === 0) return {};
  return { loras: loras.map(({ adapter, strength }) => ({ sha256: adapter.sha256, strength })) };
}

export function itemOf(slot: Slot): DenoiseItem {
  if (slot.item === undefined) throw new TypeError('The slot has not been prepared');
  return slot.item;
}

export function pipelineOf(slot: Slot): ZImagePipeline {
  if (slot.model === undefined) throw new TypeError('The slot has not been prepared');
  return slot.model.pipeline;
}

export function fail(slot: Slot, error: unknown): void {
  end(slot, slot.cancelled ? { type: 'cancelled' } : { type: 'failed', error: toDiffusionError(error) });
}

/** The last notice of a picture; its model may be dropped from here on. */
export function end(slot: Slot, notice: EngineNotice): void {
  slot.model?.giveBack();
  slot.emit(notice);
}

function toDiffusionError(error: unknown): DiffusionError {
  if (error instanceof DiffusionError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new DiffusionError('device_failed', `Drawing failed: ${reason}`, { details: { reason }, cause: error });
}
