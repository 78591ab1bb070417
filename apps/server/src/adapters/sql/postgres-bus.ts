import { randomUUID } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import { writeMessage } from '../../application/bus-text.ts';
import type { BusMessage, EventBus } from '../../application/event-bus.ts';
import { GatheringBus } from '../../application/gathering-bus.ts';
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

/** Messages by NOTIFY. */
export function openPostgresBus({ queries, listener, clock, log }: PostgresBusPorts): EventBus {
  const collector = new ChunkCollector();
  const sender = randomUUID().slice(0, 8);
  let sent = 0;
  const bus = new GatheringBus({
    clock,
    log,
    send: async (messages) => {
      const chunks = texts(messages).flatMap((text) => intoChunks(`${sender}-${++sent}`, text));
      for (let start = 0; start < chunks.length; start += CHUNKS_AT_ONCE) {
        const some = chunks.slice(start, start + CHUNKS_AT_ONCE);
        const calls = sql.join(some.map((chunk) => sql`pg_notify(${sql.lit(BUS_CHANNEL)}, ${chunk})`));
        await sql`select ${calls}`.execute(queries);
      }
    },
  });
  listener.on(BUS_CHANNEL, (payload) => {
    const text = collector.add(payload);
    if (text !== undefined) bus.hear(text);
  });
  return bus;
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
const GROUP_LENGTH = 7_000;
const CHUNKS_AT_ONCE = 50;
