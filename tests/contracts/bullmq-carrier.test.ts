import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../apps/server/src/adapters/clock.ts';
import { BullmqCarrier } from '../../apps/server/src/adapters/redis/bullmq-carrier.ts';
import { connectRedis } from '../../apps/server/src/adapters/redis/redis-connection.ts';
import { SqliteStore } from '../../apps/server/src/adapters/sql/sqlite-store.ts';
import { JobFeeder } from '../../apps/server/src/application/feed-jobs.ts';
import { createTakeJobs } from '../../apps/server/src/application/take-jobs.ts';
import { jobId, tenantId } from '../../apps/server/src/domain/ids.ts';
import { quietLog } from '../support/quiet-log.ts';
import { describeWithRedis, type RedisServer, startRedis } from '../support/redis-server.ts';
import { describeFairQueue } from './fair-queue.contract.ts';
import { describeJobCarrier } from './job-carrier.contract.ts';
import type { OpenedStore } from './job-store.contract.ts';

describeWithRedis('BullMQ on Redis', () => {
  let redis: RedisServer;
  let opened = 0;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.remove());

  const lockMs = 1_000;
  const models = new Set(['demo']);
  async function openCarrier(prefix: string): Promise<{ carrier: BullmqCarrier; close(): Promise<void> }> {
    const { prompt, patient, close } = connectRedis(redis.url, quietLog);
    if (prompt.status !== 'ready') await new Promise((resolve) => prompt.once('ready', resolve));
    const shared = { takes: true, lockMs, clock: systemClock, log: quietLog };
    const carrier = new BullmqCarrier({ connection: prompt, workerConnection: patient, prefix, ...shared });
    return {
      carrier,
      async close() {
        await carrier.close();
        close();
      },
    };
  }

  describeJobCarrier('BullMQ', async () => {
    opened += 1;
    const prefix = `test${opened}`;
    const { carrier, close } = await openCarrier(prefix);
    return {
      carrier,
      close,
      loseAll: () => redis.flushAll(),
      async takeAndDie(limit) {
        const other = await openCarrier(prefix);
        await other.carrier.take({ limit, models });
        await other.close();
      },
      // The check that finds it runs every half of the lock; a first one marks, a second one lays back.
      async afterLock() {
        const lies = async (): Promise<boolean> => (await carrier.waiting()).some(({ others }) => others > 0);
        while (!(await lies())) await new Promise((resolve) => setImmediate(resolve));
      },
    };
  });

  describeFairQueue('BullMQ', async () => {
    opened += 1;
    const prefix = `test${opened}`;
    const { carrier, close } = await openCarrier(prefix);
    const folder = await mkdtemp(join(tmpdir(), 'imagemill-carrier-'));
    const openIn = async (): Promise<OpenedStore> => {
      const store = await SqliteStore.open({ folder });
      return {
        store,
        feed: store.feed,
        async reopen() {
          await store.close();
          return openIn();
        },
        async close() {
          await close();
          await store.close();
          await rm(folder, { recursive: true });
        },
        claimer: (ports, limit, loadedModels) => async (input) => {
          const window = { size: limit, least: limit, most: limit };
          const wakeWorkers = () => undefined;
          await new JobFeeder({
            ...{ ...ports, carrier, log: quietLog, wakeWorkers, window },
            loadedModels: () => loadedModels,
            groups: () => input.models && new Map([...input.models].map((model) => [model, 'all'])),
          }).look();
          const take = createTakeJobs({ ...ports, carrier, onTaken: () => undefined });
          return take({ ...input, models: input.models ?? new Set(['demo', 'other']) });
        },
      };
    };
    return openIn();
  });

  describe('while Redis is away', () => {
    it('every call is refused at once with carrier_unavailable, and answered again when it is back', async () => {
      const { carrier, close } = await openCarrier('away');
      try {
        await redis.kill();
        const job = {
          jobId: jobId('a'),
          tenantId: tenantId('a'),
          priority: 'bulk',
          model: 'demo',
          lastToken: 0,
        } as const;
        const calls = [
          carrier.waiting(),
          carrier.offer([job]),
          carrier.missing([job]),
          carrier.take({ limit: 1, models }),
        ];
        for (const answer of await Promise.allSettled(calls)) {
          expect(answer).toMatchObject({ status: 'rejected', reason: { code: 'carrier_unavailable' } });
        }
        await redis.start();
        const isBack = () =>
          carrier.waiting().then(
            () => true,
            () => false,
          );
        while (!(await isBack())) await new Promise((resolve) => setImmediate(resolve));
        await carrier.offer([job]);
        expect(await carrier.take({ limit: 1, models })).toHaveLength(1);
      } finally {
        await close();
      }
    });
  });
});
