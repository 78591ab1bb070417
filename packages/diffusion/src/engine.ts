import { denoiseStep, estimatePicture, type LatentGrid } from './denoise.ts';
import {
  chooseGroup,
  dropCancelled,
  end,
  fail,
  highestRank,
  itemOf,
  loadOf,
  lorasOf,
  lowestRank,
  newSlot,
  pipelineOf,
  rankOf,
  type Slot,
  sequenceLength,
  throwIfDropped,
} from './engine-slot.ts';
import type { DiffusionError } from './errors.ts';
import type { PictureSettings, Pixels } from './families/z-image/pipeline.ts';
import { encodePicture, type PictureFormat } from './image.ts';
import { pasteKept } from './inpaint.ts';
import {
  type DeviceMemory,
  isOutOfMemory,
  MemoryLadder,
  noteSmallerBatch,
  type RungTaken,
  withRungs,
} from './memory-ladder.ts';
import type { ModelPool } from './model-pool.ts';
import type { VisibleMark } from './visible-mark.ts';

/** One picture to draw. */
export interface EngineRequest extends PictureSettings {
  readonly id: string;
  /** Key of the model in the pool. */
  readonly model: string;
  readonly format: PictureFormat;
  /** 1 to 100, for jpeg and webp. */
  readonly quality: number;
  readonly previews: boolean;
  /** Drawn into the finished picture. @default none */
  readonly mark?: VisibleMark | undefined;
  /** Pictures of a lower rank go first, from the next step on. @default 1 */
  readonly rank?: number;
  /** `fit`: may be drawn smaller when the memory holds no more. @default 'reject' */
  readonly oversize?: 'fit' | 'reject';
}

export interface PictureTimings {
  readonly loadMs: number;
  readonly encodeMs: number;
  readonly denoiseMs: number;
  /** Decoding and the file format. */
  readonly decodeMs: number;
  /** The part of `decodeMs` that the device was busy with. */
  readonly pixelsMs: number;
  /** What the picture cost the device: its share of every batch, previews and decoding. */
  readonly deviceMs: number;
  /** Pictures that moved together, itself included, on average over its steps. */
  readonly meanBatch: number;
  readonly totalMs: number;
}

/** What happens to a request; the last notice is one of `finished`, `failed`, `cancelled`. */
export type EngineNotice =
  | { readonly type: 'started' }
  | { readonly type: 'step'; readonly step: number; readonly steps: number }
  | { readonly type: 'preview'; readonly step: number; readonly image: Uint8Array }
  | {
      readonly type: 'finished';
      readonly image: Uint8Array;
      readonly width: number;
      readonly height: number;
      readonly timings: PictureTimings;
      /** The adapters that drew, by the SHA-256 of their files; absent when there were none. */
      readonly loras?: readonly { readonly sha256: string; readonly strength: number }[];
      /** What was done so that it fitted the memory; absent when nothing was. */
      readonly rungs?: readonly RungTaken[];
    }
  | { readonly type: 'failed'; readonly error: DiffusionError }
  | { readonly type: 'cancelled' };

export interface EngineOptions {
  readonly models: ModelPool;
  /** Pictures that may be under way at once. */
  readonly slots: number;
  /** Tokens × rows of one transformer call; more rows would not be faster. */
  readonly maxBatchTokens: number;
  /** Rows of one call as they were measured for a model and a size, where they were. */
  readonly measuredRows?: (model: string, grid: LatentGrid) => number | undefined;
  /** @default unknown: nothing is predicted, only the device's refusals are answered */
  readonly memory?: DeviceMemory;
  /** Looks at a picture that was decoded, before it is told of as finished; its rejection fails the picture. */
  readonly inspect?: (id: string, pixels: Pixels) => Promise<void>;
}

const PREVIEW_PAUSE_MS = 500;
/** Of the device's time, for the previews that are not the one in the middle. */
const PREVIEW_SHARE = 0.05;

/**
 * Continuous batching at the denoise step: up to `slots` pictures are under way, each turn moves one group of equal
 * model, size and rank by one step, the lowest rank first. Pictures enter, leave and are cancelled between turns. One
 * of a lower rank that finds all slots taken parks the one of the highest rank: that keeps its latent and its steps,
 * and goes on when a slot is free.
 */
export class SlotEngine {
  readonly #options: EngineOptions;
  readonly #waiting: Slot[] = [];
  readonly #active: Slot[] = [];
  readonly #encoding: Set<Promise<void>> = new Set();
  /** The picture whose model is being loaded or whose prompt is being encoded. */
  #preparing: Slot | undefined;
  #running: Promise<void> | undefined;
  readonly #ladder: MemoryLadder;
  /** What the latest preview took, in ms. */
  #previewMs = 0;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#ladder = new MemoryLadder(options);
  }

  /** Takes a picture; `emit` hears what happens to it. */
  submit(request: EngineRequest, emit: (notice: EngineNotice) => void): void {
    this.#waiting.push(newSlot(request, emit));
    this.#running ??= this.#run();
  }

  /** Drops a waiting picture at once, stops another before its next step. Unknown and finished ids are ignored. */
  cancel(id: string): void {
    for (const slot of [...this.#waiting, ...this.#active, this.#preparing])
      if (slot?.request.id === id) slot.cancelled = true;
    dropCancelled(this.#waiting);
  }

  /** Resolves when nothing is under way any more. */
  async idle(): Promise<void> {
    while (this.#running !== undefined || this.#encoding.size > 0) {
      await this.#running;
      await Promise.all(this.#encoding);
    }
  }

  async #run(): Promise<void> {
    while (this.#waiting.length + this.#active.length > 0) {
      dropCancelled(this.#active);
      await this.#admit();
      await this.#turn();
      // Messages of the parent (cancel, submit) are read between turns.
      await new Promise(setImmediate);
    }
    this.#running = undefined;
  }

  async #admit(): Promise<void> {
    for (let slot = this.#nextToEnter(); slot !== undefined; slot = this.#nextToEnter()) {
      this.#waiting.splice(this.#waiting.indexOf(slot), 1);
      this.#preparing = slot;
      try {
        if (slot.item === undefined) await this.#prepare(slot);
        this.#active.push(slot);
      } catch (error) {
        fail(slot, error);
      } finally {
        this.#preparing = undefined;
      }
    }
  }

  /** The first waiting picture of the lowest rank, if there is a slot or one can be had by parking another. */
  #nextToEnter(): Slot | undefined {
    const next = lowestRank(this.#waiting);
    if (next === undefined || this.#active.length < this.#options.slots) return next;
    const last = highestRank(this.#active);
    if (last === undefined || rankOf(last) <= rankOf(next)) return undefined;
    this.#active.splice(this.#active.indexOf(last), 1);
    this.#waiting.unshift(last);
    return next;
  }

  async #prepare(slot: Slot): Promise<void> {
    slot.emit({ type: 'started' });
    const { request } = slot;
    await this.#ladder.keepReserve(slot);
    const model = await this.#ladder.withRoom(slot, () => this.#options.models.borrow(request.model));
    slot.model = model;
    throwIfDropped(slot);
    const loadedAt = performance.now();
    slot.item = await this.#ladder.withRoom(slot, () => model.pipeline.prepare(request));
    await this.#ladder.admit(slot);
    throwIfDropped(slot);
    slot.loadMs = model.loadMs;
    slot.encodeMs = performance.now() - loadedAt;
  }

  async #turn(): Promise<void> {
    const maxRows = (first: Slot): number => this.#ladder.rowsThatFit(first);
    const worthRows = (first: Slot): number => this.#worthRows(first);
    const { group, isCutByMemory } = chooseGroup(this.#active, { worthRows, maxRows });
    if (isCutByMemory) for (const slot of group) noteSmallerBatch(slot);
    const fault = await this.#step(group);
    if (fault === undefined) return;
    if (group.length > 1 && isOutOfMemory(fault.reason)) this.#ladder.tooMany(group);
    // One row that does not fit must not take the others with it: they are tried again one by one.
    for (const slot of group) {
      const own = group.length === 1 ? fault : await this.#step([slot]);
      if (own !== undefined) await this.#recover(slot, own.reason);
    }
  }

  #worthRows(slot: Slot): number {
    const item = itemOf(slot);
    const measured = this.#options.measuredRows?.(slot.request.model, item.grid);
    return measured ?? this.#options.maxBatchTokens / sequenceLength(item);
  }

  /** A picture whose own step failed leaves, unless there is a way to fit it into the memory. */
  async #recover(slot: Slot, reason: unknown): Promise<void> {
    const next = await this.#ladder.climb(slot, reason).catch(() => undefined);
    if (next === undefined) this.#leave(slot, withRungs(slot, reason));
  }

  /** Moves a group by one step. @returns why the forward failed, which leaves all where they were */
  async #step(group: readonly Slot[]): Promise<{ readonly reason: unknown } | undefined> {
    const [first] = group;
    if (first === undefined) return undefined;
    const start = performance.now();
    let velocities: readonly Float32Array[] = [];
    try {
      ({ velocities } = await denoiseStep(pipelineOf(first), group.map(itemOf)));
    } catch (reason) {
      return { reason };
    }
    const took = performance.now() - start;
    this.#ladder.succeeded(pipelineOf(first).stepBytes(loadOf(group)));
    for (const [at, slot] of group.entries()) {
      slot.denoiseMs += took;
      slot.deviceMs += took / group.length;
      slot.batchSum += group.length;
      slot.stepCount += 1;
      await this.#afterStep(slot, velocities[at] ?? new Float32Array());
    }
    return undefined;
  }

  async #afterStep(slot: Slot, velocity: Float32Array): Promise<void> {
    const item = itemOf(slot);
    slot.emit({ type: 'step', step: item.step, steps: item.schedule.steps });
    if (item.step === item.schedule.steps) {
      this.#active.splice(this.#active.indexOf(slot), 1);
      await this.#finish(slot);
    } else if (isPreviewDue(slot, this.#previewPauseMs())) {
      // A picture that is spoilt already is not drawn on; one whose preview does not fit the memory is.
      await this.#preview(slot, velocity).catch((error: unknown) => {
        if (!isOutOfMemory(error)) this.#leave(slot, error);
      });
    }
  }

  /** Decodes on the device, in turn; encodes to a file format beside the next steps. */
  async #finish(slot: Slot): Promise<void> {
    const start = performance.now();
    try {
      const item = itemOf(slot);
      const pixels = await this.#decode(slot);
      if (pixels === undefined) return;
      if (item.kept !== undefined) pasteKept(pixels.data, item.kept);
      const pixelsMs = performance.now() - start;
      slot.deviceMs += pixelsMs;
      const { format, quality, mark } = slot.request;
      const inspected = this.#options.inspect?.(slot.request.id, pixels);
      const encoding = Promise.all([encodePicture(pixels.data, { ...pixels, format, quality, mark }), inspected])
        .then(([image]) => {
          const now = performance.now();
          const { loadMs, encodeMs, denoiseMs, deviceMs } = slot;
          const meanBatch = slot.batchSum / Math.max(1, slot.stepCount);
          const times = { decodeMs: now - start, pixelsMs, totalMs: now - slot.receivedAt, meanBatch };
          const timings = { loadMs, encodeMs, denoiseMs, deviceMs, ...times };
          end(slot, {
            type: 'finished',
            image,
            width: pixels.width,
            height: pixels.height,
            timings,
            ...lorasOf(item),
            ...rungsOf(slot),
          });
        })
        .catch((error: unknown) => fail(slot, error))
        .finally(() => this.#encoding.delete(encoding));
      this.#encoding.add(encoding);
    } catch (error) {
      fail(slot, error);
    }
  }

  /** @returns undefined when the picture starts over at a smaller size, since it could not be decoded */
  async #decode(slot: Slot): Promise<Pixels | undefined> {
    let tiling = this.#ladder.tilingOf(slot);
    while (true) {
      const { latent, grid } = itemOf(slot);
      try {
        const pixels = await pipelineOf(slot).decode(latent, grid, { tiling });
        this.#ladder.succeeded(pipelineOf(slot).decodeBytes(grid, tiling === 'never' ? 'never' : 'always'));
        return pixels;
      } catch (reason) {
        if (this.#ladder.tileInstead(slot, tiling, reason)) {
          tiling = 'always';
          continue;
        }
        const next = await this.#ladder.climb(slot, reason);
        if (next === undefined) throw withRungs(slot, reason);
        if (next === 'retry') continue;
        this.#active.push(slot);
        return undefined;
      }
    }
  }

  async #preview(slot: Slot, velocity: Float32Array): Promise<void> {
    const item = itemOf(slot);
    slot.previewedAt = performance.now();
    const pixels = await pipelineOf(slot).preview(estimatePicture(item, velocity), item.grid);
    this.#previewMs = performance.now() - slot.previewedAt;
    slot.deviceMs += this.#previewMs;
    const image = await encodePicture(pixels.data, { ...pixels, format: 'jpeg', quality: 80 });
    slot.emit({ type: 'preview', step: item.step, image });
  }

  /** Between two previews of a picture: so long that those of all pictures take a small share of the device. */
  #previewPauseMs(): number {
    return Math.max(PREVIEW_PAUSE_MS, (this.#previewMs * this.#active.length) / PREVIEW_SHARE);
  }

  #leave(slot: Slot, reason: unknown): void {
    this.#active.splice(this.#active.indexOf(slot), 1);
    fail(slot, reason);
  }
}

/** A preview in the middle of the run, and more where steps are slow. */
function isPreviewDue(slot: Slot, pauseMs: number): boolean {
  if (!slot.request.previews) return false;
  const item = itemOf(slot);
  return item.step === Math.ceil(item.schedule.steps / 2) || performance.now() - slot.previewedAt > pauseMs;
}

function rungsOf({ rungs }: Slot): { readonly rungs?: readonly RungTaken[] } {
  return rungs.length === 0 ? {} : { rungs };
}
