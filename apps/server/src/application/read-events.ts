import type { NumberedEvent } from '../domain/event.ts';
import { isGenerationFinal } from '../domain/generation.ts';
import type { GenerationId, TenantId } from '../domain/ids.ts';
import { generationNotFound } from './get-generation.ts';
import type { EventFeed, Store } from './ports.ts';

export interface EventStream extends AsyncIterable<NumberedEvent> {
  /** Ends the stream; to be called in any case. */
  close(): void;
}

/** Gives undefined when the generation has ended and there is nothing after `afterId`. */
export type ReadEvents = (input: {
  readonly tenantId: TenantId;
  readonly id: GenerationId;
  /** Id of the last event that the reader has seen; 0 for none. */
  readonly afterId: number;
}) => Promise<EventStream | undefined>;

/**
 * Events of a generation, from the past into the present, each once and in order. Ends after `generation.finished`,
 * and early when the reader is so slow that too many wait for it: it may come back with the last id it has seen.
 *
 * @throws AppError `generation_not_found`
 */
export function createReadEvents(ports: { readonly store: Store; readonly feed: EventFeed }): ReadEvents {
  const { store, feed } = ports;
  return async ({ tenantId, id, afterId }) => {
    const found = await store.findGeneration(tenantId, id);
    if (found === undefined) throw generationNotFound(id);
    const waiting = new WaitingEvents(afterId);
    // Subscribed before the past is read, so that nothing falls between the two.
    const unsubscribe = feed.subscribe(id, (event) => waiting.push(event));
    const close = (): void => {
      unsubscribe();
      waiting.end();
    };
    try {
      const past = await feed.past(tenantId, id, afterId);
      if (past.length === 0 && isGenerationFinal(found.generation.state)) {
        close();
        return undefined;
      }
      waiting.prepend(past);
      return { [Symbol.asyncIterator]: () => waiting.drain(), close };
    } catch (error) {
      close();
      throw error;
    }
  };
}

/** Events between the feed and one reader. Drops what the reader has had already. */
class WaitingEvents {
  #events: NumberedEvent[] = [];
  #hasEnded = false;
  #wake: (() => void) | undefined;
  #lastId: number;

  constructor(afterId: number) {
    this.#lastId = afterId;
  }

  prepend(events: readonly NumberedEvent[]): void {
    this.#events = [...events, ...this.#events];
    this.#wake?.();
  }

  push(event: NumberedEvent): void {
    if (this.#events.length >= MAX_WAITING) this.#hasEnded = true;
    else this.#events.push(event);
    this.#wake?.();
  }

  end(): void {
    this.#events = [];
    this.#hasEnded = true;
    this.#wake?.();
  }

  async *drain(): AsyncGenerator<NumberedEvent, void, undefined> {
    while (true) {
      const event = this.#events.shift();
      if (event === undefined) {
        if (this.#hasEnded) return;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
      } else if (event.id > this.#lastId) {
        this.#lastId = event.id;
        yield event;
        // A generation whose jobs were redriven goes on after its first end.
        if (event.type === 'generation.finished' && this.#events.length === 0) return;
      }
    }
  }
}

const MAX_WAITING = 2_000;
