import type { Redis } from 'ioredis';
import { readMessages, writeMessage } from '../../application/bus-text.ts';
import type { BusMessage, EventBus } from '../../application/event-bus.ts';
import type { Clock, Logger } from '../../application/ports.ts';

export interface RedisBusPorts {
  /** Refuses commands at once while Redis is away; closed by its owner. */
  readonly connection: Redis;
  /** Used for nothing else; closed by its owner. */
  readonly listening: Redis;
  /** Starts the name of the channel. @default "imagemill" */
  readonly prefix?: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Messages by PUBLISH: what is published within a moment is sent together. */
export class RedisBus implements EventBus {
  readonly #ports: RedisBusPorts;
  readonly #channel: string;
  readonly #listeners = new Set<(message: BusMessage) => void>();
  #waiting: string[] = [];
  #sending: Promise<void> = Promise.resolve();
  #callOff: (() => void) | undefined;

  constructor(ports: RedisBusPorts) {
    this.#ports = ports;
    this.#channel = `${ports.prefix ?? 'imagemill'}:bus`;
    ports.listening.on('message', (channel: string, text: string) => {
      if (channel === this.#channel) this.#hear(text);
    });
    // Repeated by the connection itself whenever it is made anew.
    ports.listening
      .subscribe(this.#channel)
      .catch((err: unknown) => ports.log.warn({ err }, 'Redis refuses to subscribe'));
  }

  publish(message: BusMessage): void {
    if (this.#waiting.length >= MOST_WAITING) this.#waiting.shift();
    this.#waiting.push(writeMessage(message));
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

  async #send(): Promise<void> {
    const messages = this.#waiting.splice(0);
    if (messages.length === 0) return;
    try {
      await this.#ports.connection.publish(this.#channel, `[${messages.join(',')}]`);
    } catch (err) {
      this.#ports.log.debug({ err }, 'messages to other processes were lost');
    }
  }

  #hear(text: string): void {
    for (const message of readMessages(text)) for (const listener of this.#listeners) listener(message);
  }
}

/** Steps of this time are sent together. */
const GATHER_MS = 25;
/** While Redis cannot be reached, the oldest are lost. */
const MOST_WAITING = 2_000;
