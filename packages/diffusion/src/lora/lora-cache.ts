import { resolve } from 'node:path';
import { DiffusionError } from '../errors.ts';
import { type FileState, fileState } from './file-state.ts';
import type { AdapterModule, LoraAdapter } from './lora-batch.ts';
import { transposed } from './lora-factors.ts';
import type { LoraModule } from './lora-plan.ts';
import { hashFile, type ReadLoraOptions, readLora } from './read-lora.ts';

export interface LoraCacheOptions extends ReadLoraOptions {
  /** Bound of all adapters that are kept, as f32. @default 2 GiB */
  readonly maxBytes?: number;
  /** Told what was left out of a file, in a sentence, when it is loaded. */
  readonly onWarning?: (warning: string) => void;
}

interface Entry extends FileState {
  readonly adapter: Promise<LoraAdapter>;
  /** 0 until it is loaded. */
  sizeBytes: number;
}

/**
 * Adapters in memory, by file; one that has changed on the disk is read again. The least recently used go first when
 * they pass the bound; pictures under way keep theirs.
 */
export class LoraCache {
  readonly #options: LoraCacheOptions;
  readonly #maxBytes: number;
  /** In order of use, the latest last. */
  readonly #entries: Map<string, Entry> = new Map();

  constructor(options: LoraCacheOptions = {}) {
    this.#options = options;
    this.#maxBytes = options.maxBytes ?? 2 ** 31;
  }

  /** @throws DiffusionError as `readLora`, and `lora_too_large` when the adapter alone passes the bound */
  async get(path: string): Promise<LoraAdapter> {
    const file = resolve(path);
    // A file that is missing has no state; reading it says so.
    const seen = await fileState(file);
    const known = this.#entries.get(file);
    const entry =
      known?.state === seen.state && (await isUnchanged(known, file))
        ? { ...known, isYoung: known.isYoung && seen.isYoung }
        : { ...seen, adapter: this.#load(file), sizeBytes: 0 };
    this.#entries.delete(file);
    this.#entries.set(file, entry);
    try {
      const adapter = await entry.adapter;
      entry.sizeBytes = adapter.sizeBytes;
      this.#shrink(entry);
      return adapter;
    } catch (error) {
      if (this.#entries.get(file) === entry) this.#entries.delete(file);
      throw error;
    }
  }

  /** Forgets everything; adapters of pictures under way live until these end. */
  clear(): void {
    this.#entries.clear();
  }

  async #load(path: string): Promise<LoraAdapter> {
    const lora = await readLora(path, this.#options);
    const sizeBytes = [...lora.modules.values()].reduce((sum, module) => sum + factorBytes(module), 0);
    if (sizeBytes > this.#maxBytes) throw tooLarge(lora.file, sizeBytes, this.#maxBytes);
    for (const warning of lora.warnings) this.#options.onWarning?.(warning.message);
    const modules = new Map<string, AdapterModule>();
    for await (const { name, factors } of lora.factors()) {
      const a = transposed(factors.down);
      const b = transposed(factors.up, factors.scale);
      modules.set(name, { name, rank: a.columns, in: a.rows, out: b.columns, a: a.values, b: b.values });
    }
    return { file: lora.file, sha256: await lora.sha256(), sizeBytes, modules };
  }

  #shrink(latest: Entry): void {
    let total = [...this.#entries.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    for (const [file, entry] of [...this.#entries]) {
      if (total <= this.#maxBytes) return;
      if (entry === latest || entry.sizeBytes === 0) continue;
      this.#entries.delete(file);
      total -= entry.sizeBytes;
    }
  }
}

/** Whether the file that looks the same is the same. One that is just being read counts as such. */
async function isUnchanged(known: Entry, file: string): Promise<boolean> {
  if (!known.isYoung || known.sizeBytes === 0) return true;
  const { sha256 } = await known.adapter;
  return (await hashFile(file)) === sha256;
}

function factorBytes(module: LoraModule): number {
  return 4 * module.rank * (module.in + module.out);
}

function tooLarge(file: string, sizeBytes: number, maxBytes: number): DiffusionError {
  const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;
  const message = `${file} takes ${megabytes(sizeBytes)} in memory, but adapters may take ${megabytes(maxBytes)}. Use an adapter of a lower rank.`;
  return new DiffusionError('lora_too_large', message, { details: { file, sizeBytes, maxBytes } });
}
