import type { EngineItem } from '../../application/engine-port.ts';
import type { Clock } from '../../application/ports.ts';
import { StepClock } from './step-clock.ts';

/** When an engine that is silent about what it holds is stuck, and is ended. */
export interface SilenceOptions {
  /** Silence of this many ms; 0 leaves it alone. @default 0 */
  readonly stuckAfterMs?: number;
  /**
   * Silence for this many times the normal pause between two words, and for `leastStuckMs`, too; 0 leaves that out.
   * @default 0
   */
  readonly stuckFactor?: number;
  /** @default 30000 */
  readonly leastStuckMs?: number;
}

export interface Silence {
  readonly ms: number;
  /** Undefined when it was not measured. */
  readonly normalMs: number | undefined;
}

/** Notices that an engine has been silent for too long about what it holds. */
export class SilenceWatch {
  readonly #clock: Clock;
  readonly #options: SilenceOptions;
  readonly #onSilence: (silence: Silence) => void;
  readonly #steps = new StepClock(() => performance.now());
  #callOff: () => void = () => undefined;

  constructor(clock: Clock, options: SilenceOptions, onSilence: (silence: Silence) => void) {
    this.#clock = clock;
    this.#options = options;
    this.#onSilence = onSilence;
  }

  /** An item was handed in while the engine had none. */
  begin(): void {
    this.#steps.begin();
  }

  /** The engine said something about an item. */
  word(item: EngineItem, isEnd: boolean): void {
    this.#steps.word(item, isEnd);
  }

  /** Waits anew. @param items what the engine holds @param isLoading whether it loads a model, which takes any time */
  wait(items: readonly EngineItem[], isLoading: boolean): void {
    this.rest();
    const limit = this.#limit(items, isLoading);
    if (limit !== undefined) this.#callOff = this.#clock.after(limit.ms, () => this.#onSilence(limit));
  }

  /** The engine holds nothing. */
  rest(): void {
    this.#callOff();
  }

  /** Milliseconds since the last word. */
  get silentMs(): number {
    return this.#steps.silentMs;
  }

  #limit(items: readonly EngineItem[], isLoading: boolean): Silence | undefined {
    const { stuckAfterMs = 0, stuckFactor = 0, leastStuckMs = 30_000 } = this.#options;
    const fixed = stuckAfterMs === 0 ? undefined : { ms: stuckAfterMs, normalMs: undefined };
    if (stuckFactor === 0) return fixed;
    const normalMs = isLoading ? undefined : this.#steps.normalOf(items);
    if (normalMs === undefined) return fixed;
    const ms = Math.max(leastStuckMs, stuckFactor * normalMs);
    return fixed !== undefined && fixed.ms < ms ? fixed : { ms, normalMs };
  }
}
