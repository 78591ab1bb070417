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
  readonly open: (path: string) => Promise<ZImagePipeline>;
  /** Models kept when nobody uses them. @default 3 */
  readonly maxModels?: number;
  /** Told when a model was loaded or dropped on the way. */
  readonly onChange?: (change: {
    readonly type: 'loaded' | 'unloaded';
    readonly path: string;
    readonly ms: number;
  }) => void;
}

interface Entry {
  readonly pipeline: Promise<ZImagePipeline>;
  users: number;
}

/** Loaded models: opened when first asked for, pinned while in use, the least recently used one dropped first. */
export class ModelPool {
  readonly #options: ModelPoolOptions;
  /** In order of use, the latest last. */
  readonly #entries: Map<string, Entry> = new Map();
  /** Models on their way out; they are no longer among the entries. */
  readonly #dropping: Set<Promise<void>> = new Set();

  constructor(options: ModelPoolOptions) {
    this.#options = options;
  }

  /** @throws DiffusionError as `openCheckpoint`; a model that failed to load is tried again by the next borrower */
  async borrow(path: string): Promise<PooledModel> {
    const started = performance.now();
    const known = this.#entries.get(path);
    const entry = known ?? { pipeline: this.#options.open(path), users: 0 };
    this.#entries.delete(path);
    this.#entries.set(path, entry);
    entry.users += 1;
    try {
      const pipeline = await entry.pipeline;
      const loadMs = known === undefined ? performance.now() - started : 0;
      if (known === undefined) this.#options.onChange?.({ type: 'loaded', path, ms: loadMs });
      this.#shrink();
      await this.settled(); // so that the memory of a dropped model is free before this one is used
      return { pipeline, loadMs, giveBack: once(() => this.#giveBack(entry)) };
    } catch (error) {
      entry.users -= 1;
      if (this.#entries.get(path) === entry) this.#entries.delete(path);
      throw error;
    }
  }

  /** Drops a model that nobody uses. @throws DiffusionError `model_in_use` */
  async unload(path: string): Promise<void> {
    const entry = this.#entries.get(path);
    if (entry === undefined) return;
    if (entry.users > 0) {
      throw new DiffusionError(
        'model_in_use',
        `The model ${path} is drawing ${entry.users} pictures; unload it when they are done.`,
        {
          details: { path, users: entry.users },
        },
      );
    }
    await this.#drop(path, entry);
  }

  /** Drops every model, used or not. */
  async close(): Promise<void> {
    for (const [path, entry] of [...this.#entries]) await this.#drop(path, entry);
    await this.settled();
  }

  /** Resolves when the models that were found superfluous are gone. */
  async settled(): Promise<void> {
    // Whoever asked for another model is not to blame when a release fails; the model is out of the pool all the same.
    await Promise.allSettled(this.#dropping);
  }

  #giveBack(entry: Entry): void {
    entry.users -= 1;
    this.#shrink();
  }

  #shrink(): void {
    for (const [path, entry] of [...this.#entries]) {
      if (this.#entries.size <= (this.#options.maxModels ?? 3)) return;
      if (entry.users > 0) continue;
      const dropping = this.#drop(path, entry).finally(() => this.#dropping.delete(dropping));
      dropping.catch(() => {});
      this.#dropping.add(dropping);
    }
  }

  async #drop(path: string, entry: Entry): Promise<void> {
    this.#entries.delete(path);
    const pipeline = await entry.pipeline;
    await pipeline.release();
    this.#options.onChange?.({ type: 'unloaded', path, ms: 0 });
  }
}

function once(action: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) action();
    isDone = true;
  };
}
