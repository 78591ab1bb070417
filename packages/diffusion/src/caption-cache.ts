import type { Caption } from './denoise.ts';

export interface CaptionCacheOptions {
  /** Prompts kept at most; 0 keeps none. @default 256 */
  readonly maxEntries?: number | undefined;
  /** Bytes that they may take together; at 3840 channels a prompt of 128 tokens takes 2 MB. @default 256 MiB */
  readonly maxBytes?: number | undefined;
}

/** What makes two captions the same. */
export interface CaptionKey {
  /** Captions are shared inside one scope only: how fast a prompt is encoded must not tell who else used it. */
  readonly scope: string;
  /** Of the pipeline: the same files in another precision give other numbers. */
  readonly model: number;
  readonly prompt: string;
  /** Adapters that change captions. */
  readonly loras: string;
}

interface Entry {
  readonly model: number;
  readonly caption: Promise<Caption>;
  /** 0 until it is known. */
  bytes: number;
}

/** Captions of the latest prompts, the least recently used go first. A prompt that is asked for twice at once is encoded once. */
export class CaptionCache {
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  /** In order of use, the latest last. */
  readonly #entries: Map<string, Entry> = new Map();
  #bytes = 0;

  constructor({ maxEntries = 256, maxBytes = 268_435_456 }: CaptionCacheOptions = {}) {
    this.#maxEntries = maxEntries;
    this.#maxBytes = maxBytes;
  }

  /** Bytes that are held now. */
  get bytes(): number {
    return this.#bytes;
  }

  get(key: CaptionKey, encode: () => Promise<Caption>): Promise<Caption> {
    const name = JSON.stringify([key.scope, key.model, key.prompt, key.loras]);
    const known = this.#entries.get(name);
    if (known !== undefined) {
      this.#entries.delete(name);
      this.#entries.set(name, known);
      return known.caption;
    }
    const entry: Entry = { model: key.model, caption: encode(), bytes: 0 };
    this.#entries.set(name, entry);
    entry.caption.then(
      ({ rows }) => this.#keep(name, entry, rows.byteLength + 2 * name.length),
      () => this.#drop(name, entry),
    );
    return entry.caption;
  }

  /** Forgets the captions of a pipeline that is released. */
  forget(model: number): void {
    for (const [name, entry] of [...this.#entries]) if (entry.model === model) this.#drop(name, entry);
  }

  #keep(name: string, entry: Entry, bytes: number): void {
    if (this.#entries.get(name) !== entry) return;
    entry.bytes = bytes;
    this.#bytes += bytes;
    for (const [oldest, other] of [...this.#entries]) {
      if (this.#entries.size <= this.#maxEntries && this.#bytes <= this.#maxBytes) return;
      this.#drop(oldest, other);
    }
  }

  #drop(name: string, entry: Entry): void {
    if (this.#entries.get(name) !== entry) return;
    this.#entries.delete(name);
    this.#bytes -= entry.bytes;
  }
}
