import { readMessages } from './bus-text.ts';
import type { BusMessage, EventBus } from './event-bus.ts';
import type { Clock, Logger } from './ports.ts';

export interface GatheringBusPorts {
  readonly clock: Clock;
  readonly log: Logger;
  /** Passes messages on to every process, or rejects, and then they are lost. */
  readonly send: (messages: readonly BusMessage[]) => Promise<void>;
}

/** The half of a bus that no carrier changes: what is published within a moment is sent together. */
export class GatheringBus implements EventBus {
  readonly #ports: GatheringBusPorts;
  readonly #listeners = new Set<(message: BusMessage) => void>();
  #waiting: BusMessage[] = [];
  #sending: Promise<void> = Promise.resolve();
  #callOff: (() => void) | undefined;

  constructor(ports: GatheringBusPorts) {
    this.#ports = ports;
  }

  publish(message: BusMessage): void {
    if (this.#waiting.length >= MOST_WAITING) this.#waiting.shift();
    this.#waiting.push(message);
    if (message.kind !== 'progress') void this.flush();
    else this.#callOff ??= this.#ports.clock.after(GATHER_MS, () => void this.flush());
  }

  flush(): Promise<void> {
    this.#callOff?.();
    this.#callOff = undefined;
    if (this.#waiting.length > 0) this.#sending = this.#sending.then(() => this.#send());
    return this.#sending;
  }

  subscribe(listener: (message: BusMessage) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): Promise<void> {
    return this.flush();
  }

  /** Tells the listeners. @param text a JSON array of messages, as it came from a process */
  hear(text: string): void {
    for (const message of readMessages(text)) for (const listener of this.#listeners) listener(message);
  }

  async #send(): Promise<void> {
    const messages = this.#waiting.splice(0);
    if (messages.length === 0) return;
    try {
      await this.#ports.send(messages);
    } catch (err) {
      this.#ports.log.debug({ err }, 'messages to other processes were lost');
    }
  }
}

/** Steps of this time are sent together. */
const GATHER_MS = 25;
/** While the carrier cannot be reached, the oldest are lost. */
const MOST_WAITING = 2_000;
