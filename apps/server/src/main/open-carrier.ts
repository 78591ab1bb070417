/** Opens Redis, where the settings name one: it carries jobs and messages, and keeps nothing that is not on record. */
import { systemClock } from '../adapters/clock.ts';
import { BullmqCarrier } from '../adapters/redis/bullmq-carrier.ts';
import { openRedisBus } from '../adapters/redis/redis-bus.ts';
import { connectRedis } from '../adapters/redis/redis-connection.ts';
import type { EventBus } from '../application/event-bus.ts';
import type { JobCarrier } from '../application/job-carrier.ts';
import type { Logger } from '../application/ports.ts';
import type { Config } from '../config/load.ts';
import type { Opened } from './open-records.ts';

export interface Carriage {
  readonly bus: EventBus;
  readonly carrier: JobCarrier;
}

/** A Redis that is away is waited for: whoever starts meanwhile accepts jobs, and they wait in the database. */
export function openCarriage(
  { redisUrl }: Config,
  { takes, log }: { readonly takes: boolean; readonly log: Logger },
  opened: Opened,
): Carriage | undefined {
  if (redisUrl === undefined) return undefined;
  const { prompt, patient, listening, close } = connectRedis(redisUrl, log);
  opened.push(close);
  const shared = { connection: prompt, clock: systemClock, log };
  const carrier = new BullmqCarrier({ ...shared, workerConnection: patient, takes });
  opened.push(() => carrier.close());
  return { bus: openRedisBus({ ...shared, listening }), carrier };
}
