/**
 * A device without arithmetic, for load tests: `fixed:250` takes 250 ms of its time for a picture, spread over the
 * steps, and gives a grey picture that says so. Items take turns step by step, as on a real device that draws one
 * batch at a time, so its throughput does not grow with its slots.
 */

import type { EngineItem, EngineTimings } from '../../application/engine-port.ts';
import type { Notice } from '../../domain/notice.ts';
import type { Engine, EngineFactory } from './engine.ts';
import type { ItemEvent } from './engine-protocol.ts';
import { drawGreyPicture } from './grey-picture.ts';
import { sha256Of } from './read-event.ts';

interface ActiveItem {
  readonly item: EngineItem;
  readonly emit: (event: ItemEvent) => void;
  readonly receivedAt: number;
  startedAt: number | undefined;
  step: number;
  isCancelled: boolean;
}

export const createFixedTimeEngine: EngineFactory = async ({ device }) => {
  const msPerPicture = Number(/^fixed:(\d+)$/.exec(device)?.[1]);
  if (!Number.isSafeInteger(msPerPicture) || msPerPicture > MAX_MS) {
    const message = `The device ${JSON.stringify(device)} is not known: fixed:<ms> with 0 to ${MAX_MS} ms is expected.`;
    throw Object.assign(new Error(message), { code: 'device_unavailable' });
  }
  return new FixedTimeEngine(msPerPicture);
};

class FixedTimeEngine implements Engine {
  readonly executionProvider = 'fixed-time';
  readonly notes: readonly Notice[];
  readonly #msPerPicture: number;
  readonly #active = new Map<string, ActiveItem>();
  #isRunning = false;
  /** When the device is free again. Kept as a sum, so that late timers do not make the device slower. */
  #freeAt = 0;

  constructor(msPerPicture: number) {
    this.#msPerPicture = msPerPicture;
    const message = `Pictures are grey: this device waits ${msPerPicture} ms for each and computes nothing.`;
    this.notes = [{ code: 'pictures_grey', message, details: { ms: msPerPicture } }];
  }

  submit(item: EngineItem, emit: (event: ItemEvent) => void): void {
    const receivedAt = performance.now();
    this.#active.set(item.id, { item, emit, receivedAt, startedAt: undefined, step: 0, isCancelled: false });
    if (!this.#isRunning) void this.#run();
  }

  cancel(id: string): void {
    const active = this.#active.get(id);
    if (active !== undefined) active.isCancelled = true;
  }

  async load(): Promise<void> {}

  async unload(): Promise<void> {}

  /** A device without arithmetic draws one picture at a time. */
  async calibrate(): Promise<readonly never[]> {
    return [];
  }

  async close(): Promise<void> {
    for (const id of this.#active.keys()) this.cancel(id);
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    this.#freeAt = performance.now();
    while (this.#active.size > 0) {
      const lowest = Math.min(...[...this.#active.values()].map(({ item }) => item.rank));
      const first = [...this.#active.values()].filter(({ item }) => item.rank === lowest);
      for (const active of first) await this.#takeStep(active);
    }
    this.#isRunning = false;
  }

  async #takeStep(active: ActiveItem): Promise<void> {
    const { item, emit } = active;
    if (active.startedAt === undefined) {
      active.startedAt = performance.now();
      emit({ type: 'started', id: item.id });
    }
    await this.#spend(this.#msPerPicture / item.steps);
    if (active.isCancelled) {
      this.#active.delete(item.id);
      emit({ type: 'cancelled', id: item.id });
      return;
    }
    active.step += 1;
    emit({ type: 'step', id: item.id, step: active.step, steps: item.steps });
    if (item.previews && active.step === Math.ceil(item.steps / 2)) await preview(active);
    if (active.step === item.steps) {
      this.#active.delete(item.id);
      await finish(active, this.#msPerPicture);
    }
  }

  async #spend(ms: number): Promise<void> {
    this.#freeAt += ms;
    const wait = this.#freeAt - performance.now();
    // Shorter waits than a timer can do add up until one is due.
    await new Promise<void>((resolve) => (wait >= 1 ? setTimeout(resolve, wait) : setImmediate(resolve)));
  }
}

async function preview({ item, emit, step }: ActiveItem): Promise<void> {
  const picture = await drawGreyPicture({
    ...item,
    width: PREVIEW_SIDE,
    height: PREVIEW_SIDE,
    format: 'png',
    mark: undefined,
  });
  emit({ type: 'preview', id: item.id, step, ...picture });
}

async function finish({ item, emit, receivedAt, startedAt = receivedAt }: ActiveItem, deviceMs: number): Promise<void> {
  const drawnAt = performance.now();
  const picture = await drawGreyPicture(item);
  const now = performance.now();
  const timings: EngineTimings = {
    loadMs: 0,
    encodeMs: 0,
    denoiseMs: drawnAt - startedAt,
    deviceMs,
    decodeMs: now - drawnAt,
    totalMs: now - receivedAt,
  };
  const { id, width, height, seed, steps } = item;
  const sha256 = sha256Of(picture.image);
  emit({
    type: 'finished',
    id,
    ...picture,
    sha256,
    width,
    height,
    seed,
    steps,
    executionProvider: 'fixed-time',
    timings,
  });
}

const MAX_MS = 3_600_000;
const PREVIEW_SIDE = 32;
