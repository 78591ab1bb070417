import { Redis } from 'ioredis';
import type { Logger } from '../../application/ports.ts';

export interface RedisConnections {
  /** Refuses commands at once while Redis is away. */
  readonly prompt: Redis;
  /** Keeps commands until Redis is back, each for a while; BullMQ's workers demand such a one. */
  readonly patient: Redis;
  /** Only listens to channels. */
  readonly listening: Redis;
  close(): void;
}

/**
 * Connects to Redis and keeps connecting. @param url `redis://[user:password@]host:port[/database]`, or `rediss://` for
 * TLS
 */
export function connectRedis(url: string, log: Logger): RedisConnections {
  const shared = { connectTimeout: CONNECT_MS, retryStrategy: () => RETRY_MS, keepAlive: KEEP_ALIVE_MS };
  const prompt = new Redis(url, {
    ...shared,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    commandTimeout: COMMAND_MS,
  });
  const patient = new Redis(url, { ...shared, maxRetriesPerRequest: null, commandTimeout: COMMAND_MS });
  const listening = new Redis(url, { ...shared, maxRetriesPerRequest: null });
  let isAway = false;
  for (const redis of [prompt, patient, listening]) {
    redis.on('error', (err: Error) => {
      if (isAway) return;
      isAway = true;
      log.warn({ reason: err.message }, 'Redis cannot be reached; jobs wait in the database');
    });
  }
  prompt.on('ready', () => {
    if (isAway) log.info({}, 'Redis is reached again');
    isAway = false;
  });
  return {
    prompt,
    patient,
    listening,
    close() {
      for (const redis of [prompt, patient, listening]) redis.disconnect();
    },
  };
}

const CONNECT_MS = 5_000;
const RETRY_MS = 500;
const KEEP_ALIVE_MS = 10_000;
const COMMAND_MS = 5_000;
