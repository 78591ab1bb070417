import type { Redis } from 'ioredis';
import { writeMessage } from '../../application/bus-text.ts';
import type { EventBus } from '../../application/event-bus.ts';
import { GatheringBus } from '../../application/gathering-bus.ts';
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

/** Messages by PUBLISH. */
export function openRedisBus({ connection, listening, prefix = 'imagemill', clock, log }: RedisBusPorts): EventBus {
  const name = `${prefix}:bus`;
  const bus = new GatheringBus({
    clock,
    log,
    send: async (messages) => {
      await connection.publish(name, `[${messages.map(writeMessage).join(',')}]`);
    },
  });
  listening.on('message', (channel: string, text: string) => {
    if (channel === name) bus.hear(text);
  });
  // Repeated by the connection itself whenever it is made anew.
  listening.subscribe(name).catch((err: unknown) => log.warn({ err }, 'Redis refuses to subscribe'));
  return bus;
}
