import { type DenoiseItem, denoiseStep, estimatePicture, rowsOf } from './denoise.ts';
import { DiffusionError } from './errors.ts';
import type { PictureSettings, ZImagePipeline } from './families/z-image/pipeline.ts';
import { encodePicture, type PictureFormat } from './image.ts';
import type { ModelPool, PooledModel } from './model-pool.ts';

/** One picture to draw. */
export interface EngineRequest extends PictureSettings {
  readonly id: string;
  /** Key of the model in the pool. */
  readonly model: string;
  readonly format: PictureFormat;
  /** 1 to 100, for jpeg and webp. */
  readonly quality: number;
  readonly previews: boolean;
  /** Pictures of a lower rank go first, from the next step on. @default 1 */
  readonly rank?: number;
}

export interface PictureTimings {
  readonly loadMs: number;
  readonly encodeMs: number;
  readonly denoiseMs: number;
  readonly decodeMs: number;
  /** What the picture cost the device: its share of every batch, previews and decoding. */
  readonly deviceMs: number;
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
    }
  | { readonly type: 'failed'; readonly error: DiffusionError }
  | { readonly type: 'cancelled' };

export interface EngineOptions {
  readonly models: ModelPool;
  /** Pictures that may be under way at once. */
  readonly slots: number;
  /** Tokens × rows of one transformer call; more rows would not be faster. */
  readonly maxBatchTokens: number;
}

const PREVIEW_PAUSE_MS = 500;
/** Of the device's time, for the previews that are not the one in the middle. */
const PREVIEW_SHARE = 0.05;

interface Slot {
  readonly request: EngineRequest;
  readonly emit: (notice: EngineNotice) => void;
  readonly receivedAt: number;
  model?: PooledModel;
  item?: DenoiseItem;
  loadMs: number;
  encodeMs: number;
  denoiseMs: number;
  deviceMs: number;
  previewedAt: number;
  cancelled: boolean;
}

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
  /** What the latest preview took, in ms. */
  #previewMs = 0;

  constructor(options: EngineOptions) {
    this.#options = options;
  }

  /** Takes a picture; `emit` hears what happens to it. */
  submit(request: EngineRequest, emit: (notice: EngineNotice) => void): void {
    const receivedAt = performance.now();
    this.#waiting.push({
      request,
      emit,
      receivedAt,
      loadMs: 0,
      encodeMs: 0,
      denoiseMs: 0,
      deviceMs: 0,
      previewedAt: receivedAt,
      cancelled: false,
    });
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
    slot.model = await this.#options.models.borrow(slot.request.model);
    throwIfDropped(slot);
    const loadedAt = performance.now();
    slot.item = await slot.model.pipeline.prepare(slot.request);
    throwIfDropped(slot);
    slot.loadMs = slot.model.loadMs;
    slot.encodeMs = performance.now() - loadedAt;
  }

  async #turn(): Promise<void> {
    const group = chooseGroup(this.#active, this.#options.maxBatchTokens);
    const fault = await this.#step(group);
    if (fault === undefined) return;
    // One row that does not fit must not take the others with it: they are tried again one by one.
    for (const slot of group) {
      const own = group.length === 1 ? fault : await this.#step([slot]);
      if (own !== undefined) this.#leave(slot, own.reason);
    }
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
    for (const [at, slot] of group.entries()) {
      slot.denoiseMs += took;
      slot.deviceMs += took / group.length;
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
      // A picture that is spoilt already is not drawn on.
      await this.#preview(slot, velocity).catch((error: unknown) => this.#leave(slot, error));
    }
  }

  /** Decodes on the device, in turn; encodes to a file format beside the next steps. */
  async #finish(slot: Slot): Promise<void> {
    const start = performance.now();
    try {
      const item = itemOf(slot);
      const pixels = await pipelineOf(slot).decode(item.latent, item.grid);
      slot.deviceMs += performance.now() - start;
      const { format, quality } = slot.request;
      const encoding = encodePicture(pixels.data, { ...pixels, format, quality })
        .then((image) => {
          const now = performance.now();
          const { loadMs, encodeMs, denoiseMs, deviceMs } = slot;
          const times = { decodeMs: now - start, totalMs: now - slot.receivedAt };
          const timings = { loadMs, encodeMs, denoiseMs, deviceMs, ...times };
          end(slot, { type: 'finished', image, width: pixels.width, height: pixels.height, timings, ...lorasOf(item) });
        })
        .catch((error: unknown) => fail(slot, error))
        .finally(() => this.#encoding.delete(encoding));
      this.#encoding.add(encoding);
    } catch (error) {
      fail(slot, error);
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

function dropCancelled(slots: Slot[]): void {
  for (const slot of slots.filter((candidate) => candidate.cancelled)) {
    slots.splice(slots.indexOf(slot), 1);
    end(slot, { type: 'cancelled' });
  }
}

function throwIfDropped(slot: Slot): void {
  if (slot.cancelled) throw new DiffusionError('cancelled', `The picture ${slot.request.id} was cancelled.`);
}

/** A preview in the middle of the run, and more where steps are slow. */
function isPreviewDue(slot: Slot, pauseMs: number): boolean {
  if (!slot.request.previews) return false;
  const item = itemOf(slot);
  return item.step === Math.ceil(item.schedule.steps / 2) || performance.now() - slot.previewedAt > pauseMs;
}

/** The picture of the lowest rank that has waited longest, and others like it that fit into the same call. */
function chooseGroup(active: Slot[], maxTokens: number): Slot[] {
  const first = lowestRank(active);
  if (first === undefined) return [];
  const tokens = sequenceLength(itemOf(first));
  let rows = 0;
  const group: Slot[] = [];
  for (const slot of active) {
    const item = itemOf(slot);
    const alike = pipelineOf(slot) === pipelineOf(first) && sameGrid(item, itemOf(first));
    const fits = alike && rankOf(slot) === rankOf(first);
    if (!fits || (group.length > 0 && (rows + rowsOf(item)) * tokens > maxTokens)) continue;
    rows += rowsOf(item);
    group.push(slot);
  }
  // Whoever moved goes to the end, so that groups take turns.
  for (const slot of group) active.push(...active.splice(active.indexOf(slot), 1));
  return group;
}

function rankOf({ request }: Slot): number {
  return request.rank ?? 1;
}

/** The first of the lowest rank. */
function lowestRank(slots: readonly Slot[]): Slot | undefined {
  return slots.reduce<Slot | undefined>(
    (best, slot) => (best === undefined || rankOf(slot) < rankOf(best) ? slot : best),
    undefined,
  );
}

/** The last of the highest rank. */
function highestRank(slots: readonly Slot[]): Slot | undefined {
  return slots.reduce<Slot | undefined>(
    (worst, slot) => (worst === undefined || rankOf(slot) >= rankOf(worst) ? slot : worst),
    undefined,
  );
}

function sequenceLength(item: DenoiseItem): number {
  return item.grid.rows * item.grid.columns + item.caption.tokens;
}

function sameGrid(a: DenoiseItem, b: DenoiseItem): boolean {
  return a.grid.rows === b.grid.rows && a.grid.columns === b.grid.columns;
}

function lorasOf({ loras = [] }: DenoiseItem): Pick<Extract<EngineNotice, { type: 'finished' }>, 'loras'> {
  if (loras.length === 0) return {};
  return { loras: loras.map(({ adapter, strength }) => ({ sha256: adapter.sha256, strength })) };
}

function itemOf(slot: Slot): DenoiseItem {
  if (slot.item === undefined) throw new TypeError('The slot has not been prepared');
  return slot.item;
}

function pipelineOf(slot: Slot): ZImagePipeline {
  if (slot.model === undefined) throw new TypeError('The slot has not been prepared');
  return slot.model.pipeline;
}

function fail(slot: Slot, error: unknown): void {
  end(slot, slot.cancelled ? { type: 'cancelled' } : { type: 'failed', error: toDiffusionError(error) });
}

/** The last notice of a picture; its model may be dropped from here on. */
function end(slot: Slot, notice: EngineNotice): void {
  slot.model?.giveBack();
  slot.emit(notice);
}

function toDiffusionError(error: unknown): DiffusionError {
  if (error instanceof DiffusionError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new DiffusionError('device_failed', `Drawing failed: ${reason}`, { details: { reason }, cause: error });
}
