import { DiffusionError } from './errors.ts';
import type { ZImagePipeline } from './families/z-image/pipeline.ts';

/** A model that stays loaded until it is given back. */
export interface PooledModel {
  readonly pipeline: ZImagePipeline;
  /** What loading took for this borrower; 0 when the model was there. */
  readonly loadMs: number;
  giveBack(): void;
}

export interface ModelPoolOptions {
  readonly open: (key: string) => Promise<ZImagePipeline>;
  /** Models kept when nobody uses them. @default 3 */
  readonly maxModels?: number;
  /** Memory that a model will take, in bytes. @default 0 for each */
  readonly bytesOf?: (key: string) => Promise<number>;
  /** Memory that all models together may take, in bytes; those in use are kept even beyond. @default no bound */
  readonly maxBytes?: number;
  /** Told when a model was loaded or dropped on the way. */
  readonly onChange?: (change: {
    readonly type: 'loaded' | 'unloaded';
    readonly key: string;
    readonly ms: number;
    readonly bytes: number;
  }) => void;
}

interface Entry {
  readonly pipeline: Promise<ZImagePipeline>;
  users: number;
  /** 0 until it is known. */
  bytes: number;
}

/**
 * Loaded models, by a key that the opener understands: opened when first asked for, pinned while in use. Room is made
 * before a model is opened: the least recently used ones go until number and memory fit.
 */
export class ModelPool {
  readonly #options: ModelPoolOptions;
  /** In order of use, the latest last. */
  readonly #entries: Map<string, Entry> = new Map();
  /** Models on their way out; they are no longer among the entries. */
  readonly #dropping: Set<Promise<void>> = new Set();

  constructor(options: ModelPoolOptions) {
    this.#options = options;
  }

  /**
   * @throws DiffusionError as `openCheckpoint`, and `model_too_large` for one that alone passes the bound; a model that
   * failed to load is tried again by the next borrower
   */
  async borrow(key: string): Promise<PooledModel> {
    const started = performance.now();
    const known = this.#entries.get(key);
    const entry = known ?? this.#open(key);
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    entry.users += 1;
    try {
      const pipeline = await entry.pipeline;
      const loadMs = known === undefined ? performance.now() - started : 0;
      if (known === undefined) this.#options.onChange?.({ type: 'loaded', key, ms: loadMs, bytes: entry.bytes });
      return { pipeline, loadMs, giveBack: once(() => this.#giveBack(entry)) };
    } catch (error) {
      entry.users -= 1;
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
      throw error;
    }
  }

  /** Drops a model that nobody uses. @throws DiffusionError `model_in_use` */
  async unload(key: string): Promise<void> {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    if (entry.users > 0) {
      const message = `The model ${key} is drawing ${entry.users} pictures; unload it when they are done.`;
      throw new DiffusionError('model_in_use', message, { details: { path: key, users: entry.users } });
    }
    await this.#drop(key, entry);
  }

  /** Drops every model that nobody uses. @returns the bytes that they took */
  async freeUnused(): Promise<number> {
    const unused = [...this.#entries].filter(([, { users }]) => users === 0);
    const bytes = unused.reduce((sum, [, entry]) => sum + entry.bytes, 0);
    for (const [key, entry] of unused) this.#dropAside(key, entry);
    await this.settled();
    return bytes;
  }

  /** Models that are there and that nobody uses, the one used longest ago first. */
  unused(): readonly string[] {
    return [...this.#entries].filter(([, { users }]) => users === 0).map(([key]) => key);
  }

  /** What a model takes that is there; undefined for one that is not. */
  bytesOf(key: string): number | undefined {
    return this.#entries.get(key)?.bytes;
  }

  /** Drops every model, used or not. */
  async close(): Promise<void> {
    for (const [key, entry] of [...this.#entries]) await this.#drop(key, entry);
    await this.settled();
  }

  /** Resolves when the models that were found superfluous are gone. */
  async settled(): Promise<void> {
    // Whoever asked for another model is not to blame when a release fails; the model is out of the pool all the same.
    await Promise.allSettled(this.#dropping);
  }

  #open(key: string): Entry {
    const open = async (): Promise<ZImagePipeline> => {
      const bytes = (await this.#options.bytesOf?.(key)) ?? 0;
      const { maxBytes = Number.POSITIVE_INFINITY } = this.#options;
      if (bytes > maxBytes) throw tooLarge(key, bytes, maxBytes);
      entry.bytes = bytes;
      this.#shrink();
      await this.settled();
      return this.#options.open(key);
    };
    const entry: Entry = { pipeline: Promise.resolve().then(open), users: 0, bytes: 0 };
    return entry;
  }

  #giveBack(entry: Entry): void {
    entry.users -= 1;
    this.#shrink();
  }

  /** Drops unused models, the least recently used first, until those that are left fit. */
  #shrink(): void {
    const { maxModels = 3, maxBytes = Number.POSITIVE_INFINITY } = this.#options;
    for (const [key, entry] of [...this.#entries]) {
      const bytes = [...this.#entries.values()].reduce((sum, other) => sum + other.bytes, 0);
      if (this.#entries.size <= maxModels && bytes <= maxBytes) return;
      if (entry.users === 0) this.#dropAside(key, entry);
    }
  }

  #dropAside(key: string, entry: Entry): void {
    const dropping = this.#drop(key, entry).finally(() => this.#dropping.delete(dropping));
    dropping.catch(() => {});
    this.#dropping.add(dropping);
  }

  async #drop(key: string, entry: Entry): Promise<void> {
    this.#entries.delete(key);
    const pipeline = await entry.pipeline;
    await pipeline.release();
    this.#options.onChange?.({ type: 'unloaded', key, ms: 0, bytes: entry.bytes });
  }
}

function tooLarge(key: string, bytes: number, maxBytes: number): DiffusionError {
  const gigabytes = (value: number): string => `${(value / 1e9).toFixed(1)} GB`;
  const message = `The model ${key} takes ${gigabytes(bytes)}, but models may take ${gigabytes(maxBytes)} together. Use a smaller variant, such as fp16 or w8a8, or allow models more memory.`;
  return new DiffusionError('model_too_large', message, { details: { path: key, bytes, maxBytes } });
}

function once(action: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) action();
    isDone = true;
  };
}
