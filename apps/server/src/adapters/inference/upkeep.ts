/**
 * What an engine does by itself: while nobody wants a picture it warms models up (after they were loaded, and on a
 * timer) and measures batch limits once; models that nobody used for a while are dropped.
 */
import { drawTinyPicture } from '@imagemill/diffusion';
import type { ModelChoice } from '../../application/engine-port.ts';
import { type Calibrator, quick } from './calibrator.ts';
import type { EngineEvent, EngineOptions } from './engine-protocol.ts';
import { IdleWork } from './idle-work.ts';
import type { ModelMemory } from './model-memory.ts';

export class Upkeep {
  readonly #memory: ModelMemory;
  readonly #calibrator: Calibrator;
  readonly #options: EngineOptions;
  readonly #emit: (event: EngineEvent) => void;
  readonly #idle: IdleWork;
  /** By key; what is missing was never used. */
  readonly #usedAt = new Map<string, number>();
  readonly #toWarmUp = new Set<string>();
  readonly #calibrating = new Set<string>();
  readonly #freeBytes: () => number | undefined;
  #expectsLoras = false;
  readonly #timers: NodeJS.Timeout[] = [];

  constructor(parts: {
    readonly memory: ModelMemory;
    readonly calibrator: Calibrator;
    readonly options: EngineOptions;
    /** Of the device's memory; undefined when it is not known. */
    readonly freeBytes?: (() => number | undefined) | undefined;
    readonly emit: (event: EngineEvent) => void;
  }) {
    this.#memory = parts.memory;
    this.#calibrator = parts.calibrator;
    this.#options = parts.options;
    this.#emit = parts.emit;
    this.#freeBytes = parts.freeBytes ?? (() => undefined);
    this.#idle = new IdleWork({ pauseMs: IDLE_PAUSE_MS, onError: (error) => this.#complain(error) });
    const { warmUpEveryMs, keepAliveMs } = parts.options.models;
    this.#every(warmUpEveryMs, () => {
      for (const key of this.#memory.pool.unused()) this.#warmUp(key);
    });
    this.#every(Math.min(keepAliveMs, Math.max(LEAST_CHECK_MS, keepAliveMs / 4)), () => this.#dropUnused());
  }

  /** An item came for a model; the result is to be called when it has ended. */
  begin(choice: ModelChoice): () => void {
    const key = this.#memory.keyOf(choice);
    this.#usedAt.set(key, performance.now());
    this.#idle.begin();
    return () => {
      this.#usedAt.set(key, performance.now());
      this.#calibrateOnce(choice);
      this.#idle.end();
    };
  }

  /** Does something while no work of its own is under way. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    return this.#idle.during(work);
  }

  /** A model was loaded ahead of its first picture. */
  loaded(choice: ModelChoice): void {
    const key = this.#memory.keyOf(choice);
    this.#usedAt.set(key, performance.now());
    this.#warmUp(key);
    this.#calibrateOnce(choice);
  }

  /** Pictures with adapters may come: models are made ready for the first one ahead, where the memory has room. */
  expectLoras(): void {
    if (this.#expectsLoras) return;
    this.#expectsLoras = true;
    for (const key of this.#memory.pool.unused()) this.#warmUp(key);
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#idle.close();
  }

  #warmUp(key: string): void {
    if (this.#toWarmUp.has(key)) return;
    this.#toWarmUp.add(key);
    this.#idle.add(async (isIdle) => {
      const { pool } = this.#memory;
      if (pool.bytesOf(key) !== undefined) {
        const { pipeline, giveBack } = await pool.borrow(key);
        try {
          await drawTinyPicture(pipeline, isIdle);
          if (isIdle() && this.#expectsLoras && this.#hasRoomToOpenTwice(key)) {
            await pipeline.warmUpLoras();
            this.#emit({
              type: 'log',
              level: 'debug',
              message: 'a model is ready for adapters',
              fields: { model: key },
            });
          }
        } finally {
          giveBack();
        }
      }
      // One that was interrupted is still in the line.
      if (isIdle()) this.#toWarmUp.delete(key);
    });
  }

  /** Sessions that take adapters may hold the weights once more, packed for the kernels. */
  #hasRoomToOpenTwice(key: string): boolean {
    const bytes = this.#memory.pool.bytesOf(key) ?? 0;
    const free = this.#freeBytes();
    return free === undefined ? bytes <= SMALL_MODEL_BYTES : bytes * 4 <= free;
  }

  #calibrateOnce(choice: ModelChoice): void {
    const key = this.#memory.keyOf(choice);
    if (!this.#options.models.calibrate || this.#calibrating.has(key) || this.#calibrator.isKnown(choice)) return;
    this.#calibrating.add(key);
    this.#idle.add(async (isIdle) => {
      // Unloaded meanwhile: the next picture brings it back, and this too.
      if (this.#memory.pool.bytesOf(key) === undefined) {
        this.#calibrating.delete(key);
        return;
      }
      const limits = await this.#calibrator.measure(choice, quick, isIdle);
      if (limits === undefined) return;
      const fields = { model: key, limits: limits.map(({ width, height, maxRows }) => ({ width, height, maxRows })) };
      const message = 'measured how many pictures this device moves at once with profit';
      this.#emit({ type: 'log', level: 'info', message, fields });
    });
  }

  #dropUnused(): void {
    const { pool } = this.#memory;
    const since = performance.now() - this.#options.models.keepAliveMs;
    for (const key of pool.unused()) {
      if ((this.#usedAt.get(key) ?? 0) > since) continue;
      // Somebody may have borrowed it in the meantime; then it stays.
      pool.unload(key).catch(() => undefined);
    }
  }

  #every(ms: number, run: () => void): void {
    if (ms > 0) this.#timers.push(setInterval(run, ms).unref());
  }

  #complain(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#emit({ type: 'log', level: 'warn', message: `work in an idle moment failed: ${reason}`, fields: {} });
  }
}

/** So long nothing must have come. */
const IDLE_PAUSE_MS = 1_000;
const LEAST_CHECK_MS = 20;
const SMALL_MODEL_BYTES = 1e9;
