/** The servers of a cluster's benchmark, and what runs on them: stores in this process, or whole processes. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { systemClock } from '../../apps/server/src/adapters/clock.ts';
import { BullmqCarrier } from '../../apps/server/src/adapters/redis/bullmq-carrier.ts';
import { openRedisBus } from '../../apps/server/src/adapters/redis/redis-bus.ts';
import { connectRedis } from '../../apps/server/src/adapters/redis/redis-connection.ts';
import { PostgresStore } from '../../apps/server/src/adapters/sql/postgres-store.ts';
import type { JobCarrier } from '../../apps/server/src/application/job-carrier.ts';
import type { SettingsInput } from '../../apps/server/src/config/schema.ts';
import type { Role } from '../../apps/server/src/main/serve.ts';
import { createDatabase, type PostgresServer, startPostgres } from '../../tests/support/postgres-server.ts';
import { quietLog } from '../../tests/support/quiet-log.ts';
import { type RedisServer, startRedis } from '../../tests/support/redis-server.ts';
import { ServerFolder, type ServerProcess } from '../../tests/support/server-process.ts';

export interface BenchOptions {
  readonly rounds: number;
  /** Of each measurement of a rate. */
  readonly jobs: number;
  /** Length of each measurement of whole processes that draw. */
  readonly seconds: number;
  /** Time that a picture takes there. */
  readonly pictureMs: number;
}

/** What a process of a cluster holds open, here in this process. */
export interface Seat {
  readonly store: PostgresStore;
  /** Undefined where workers claim from the records. */
  readonly carrier: JobCarrier | undefined;
}

/** Whole processes on a database of their own. */
export interface Processes {
  readonly databaseUrl: string;
  start(role: Role, settings?: SettingsInput): Promise<ServerProcess>;
}

export class ClusterBench {
  readonly queue: 'sql' | 'redis';
  readonly options: BenchOptions;
  readonly #postgres: PostgresServer;
  readonly #redis: RedisServer | undefined;

  private constructor(parts: {
    readonly queue: 'sql' | 'redis';
    readonly options: BenchOptions;
    readonly postgres: PostgresServer;
    readonly redis: RedisServer | undefined;
  }) {
    this.queue = parts.queue;
    this.options = parts.options;
    this.#postgres = parts.postgres;
    this.#redis = parts.redis;
  }

  static async start(queue: 'sql' | 'redis', options: BenchOptions): Promise<ClusterBench> {
    const postgres = await startPostgres({ fsync: true });
    const redis = queue === 'redis' ? await startRedis() : undefined;
    return new ClusterBench({ queue, options, postgres, redis });
  }

  async close(): Promise<void> {
    await this.#redis?.remove();
    await this.#postgres.remove();
  }

  /** As that many processes would open them, on one new database. */
  async withSeats(count: number, work: (seats: readonly Seat[]) => Promise<void>): Promise<void> {
    await using stack = new AsyncDisposableStack();
    await this.#redis?.flushAll();
    const database = await createDatabase(this.#postgres.url);
    stack.defer(() => database.drop());
    const options = { url: database.url, name: 'imagemill bench', durability: 'full', clock: systemClock } as const;
    const seats: Seat[] = [];
    for (let i = 0; i < count; i++) {
      const carriage = await this.#openCarriage(stack);
      const store = await PostgresStore.open({ ...options, log: quietLog, bus: carriage?.bus });
      stack.defer(() => store.close());
      seats.push({ store, carrier: carriage?.carrier });
    }
    await work(seats);
  }

  /** With settings for the queue; everything is stopped and removed afterwards. */
  async withProcesses(work: (processes: Processes) => Promise<void>): Promise<void> {
    await using stack = new AsyncDisposableStack();
    await this.#redis?.flushAll();
    const database = await createDatabase(this.#postgres.url);
    stack.defer(() => database.drop());
    const assetDir = await mkdtemp(join(tmpdir(), 'imagemill-bench-'));
    stack.defer(() => rm(assetDir, { recursive: true, force: true }));
    const folder = await ServerFolder.create();
    stack.defer(() => folder.remove());
    const shared = { databaseUrl: database.url, redisUrl: this.#redis?.url, assetDir, logLevel: 'error' } as const;
    await work({
      databaseUrl: database.url,
      start: (role, settings) => folder.start({ ...shared, ...settings } as SettingsInput, [], role),
    });
  }

  async #openCarriage(stack: AsyncDisposableStack) {
    if (this.#redis === undefined) return undefined;
    const { prompt, patient, listening, close } = connectRedis(this.#redis.url, quietLog);
    stack.defer(close);
    if (prompt.status !== 'ready') await new Promise((resolve) => prompt.once('ready', resolve));
    const shared = { connection: prompt, clock: systemClock, log: quietLog };
    const carrier = new BullmqCarrier({ ...shared, workerConnection: patient, takes: true });
    stack.defer(() => carrier.close());
    return { carrier, bus: openRedisBus({ ...shared, listening }) };
  }
}

/** Rows of one question to a database. */
export async function ask<T extends pg.QueryResultRow>(url: string, text: string): Promise<readonly T[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<T>(text)).rows;
  } finally {
    await client.end();
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
