import type { EngineItem } from '../../application/engine-port.ts';
import { keyOf } from './held-models.ts';

/**
 * How long an engine is normally silent while it draws pictures of a kind (model, size): the longest pause between two
 * words about them, which slowly forgets. A kind that was never drawn to its end has no normal.
 */
export class StepClock {
  readonly #now: () => number;
  readonly #normal = new Map<string, { ms: number; isKnown: boolean }>();
  #lastWordAt: number;

  /** @param now milliseconds that only rise */
  constructor(now: () => number) {
    this.#now = now;
    this.#lastWordAt = now();
  }

  /** An item was handed in while the engine had none. */
  begin(): void {
    this.#lastWordAt = this.#now();
  }

  /** The engine said something about an item. */
  word(item: EngineItem, isEnd: boolean): void {
    const now = this.#now();
    const pause = now - this.#lastWordAt;
    this.#lastWordAt = now;
    const kind = kindOf(item);
    const { ms, isKnown } = this.#normal.get(kind) ?? { ms: 0, isKnown: false };
    if (!this.#normal.has(kind) && this.#normal.size >= MOST_KINDS) this.#normal.clear();
    this.#normal.set(kind, { ms: Math.max(pause, ms * FORGET), isKnown: isKnown || isEnd });
  }

  /** The longest normal pause of what is under way; undefined when that is not known of all of it. */
  normalOf(items: Iterable<EngineItem>): number | undefined {
    let longest = 0;
    for (const item of items) {
      const normal = this.#normal.get(kindOf(item));
      if (normal?.isKnown !== true) return undefined;
      longest = Math.max(longest, normal.ms);
    }
    return longest;
  }

  /** Milliseconds since the last word. */
  get silentMs(): number {
    return this.#now() - this.#lastWordAt;
  }
}

function kindOf(item: EngineItem): string {
  return `${keyOf(item)} ${item.width}x${item.height}`;
}

const FORGET = 0.98;
const MOST_KINDS = 1_000;
