import { randomUUID } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import { readMessages, writeMessage } from '../../application/bus-text.ts';
import type { BusMessage, EventBus } from '../../application/event-bus.ts';
import type { Clock, Logger } from '../../application/ports.ts';
import { ChunkCollector, intoChunks } from './chunks.ts';
import type { PostgresListener } from './postgres-listener.ts';
import type { Tables } from './schema.ts';

export interface PostgresBusPorts {
  readonly queries: Kysely<Tables>;
  readonly listener: PostgresListener;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Messages by NOTIFY: what is published within a moment is sent together. */
export class PostgresBus implements EventBus {
  readonly #ports: PostgresBusPorts;
  readonly #listeners = new Set<(message: BusMessage) => void>();
  readonly #collector = new ChunkCollector();
  readonly #sender = randomUUID().slice(0, 8);
  #sent = 0;
  #waiting: BusMessage[] = [];
  #sending: Promise<void> = Promise.resolve();
  #callOff: (() => void) | undefined;

  constructor(ports: PostgresBusPorts) {
    this.#ports = ports;
    ports.listener.on(BUS_CHANNEL, (payload) => this.#hear(payload));
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

  async #send(): Promise<void> {
    const messages = this.#waiting.splice(0);
    if (messages.length === 0) return;
    const chunks = texts(messages).flatMap((text) => intoChunks(`${this.#sender}-${++this.#sent}`, text));
    for (let start = 0; start < chunks.length; start += CHUNKS_AT_ONCE) {
      const some = chunks.slice(start, start + CHUNKS_AT_ONCE);
      const calls = sql.join(some.map((chunk) => sql`pg_notify(${sql.lit(BUS_CHANNEL)}, ${chunk})`));
      try {
        await sql`select ${calls}`.execute(this.#ports.queries);
      } catch (err) {
        this.#ports.log.debug({ err }, 'messages to other processes were lost');
        return;
      }
    }
  }

  #hear(payload: string): void {
    const text = this.#collector.add(payload);
    if (text === undefined) return;
    for (const message of readMessages(text)) for (const listener of this.#listeners) listener(message);
  }
}

/** Messages that fit into one notification together; a large one alone. */
function texts(messages: readonly BusMessage[]): readonly string[] {
  const groups: string[][] = [];
  let length = Number.POSITIVE_INFINITY;
  for (const message of messages) {
    const text = writeMessage(message);
    if (length + text.length > GROUP_LENGTH) {
      groups.push([]);
      length = 0;
    }
    groups.at(-1)?.push(text);
    length += text.length;
  }
  return groups.map((group) => `[${group.join(',')}]`);
}

const BUS_CHANNEL = 'imagemill_bus';
/** Steps of this time are sent together. */
const GATHER_MS = 25;
const GROUP_LENGTH = 7_000;
const CHUNKS_AT_ONCE = 50;
/** While the database cannot be reached, the oldest are lost. */
const MOST_WAITING = 2_000;
