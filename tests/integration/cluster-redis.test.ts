import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClient } from '@imagemill/api/client';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeWithRedis, type RedisServer, startRedis } from '../support/redis-server.ts';
import { ServerFolder, type ServerProcess } from '../support/server-process.ts';
import { describeWithPostgres, newDatabase } from '../support/with-postgres.ts';

describeWithPostgres('a cluster on PostgreSQL', () => {
  describeWithRedis('whose jobs Redis carries', () => {
    let database: Awaited<ReturnType<typeof newDatabase>>;
    let redis: RedisServer;
    let assetDir: string;
    let folder: ServerFolder;

    beforeEach(async () => {
      [database, redis] = await Promise.all([newDatabase(), startRedis()]);
      assetDir = await mkdtemp(join(tmpdir(), 'imagemill-cluster-'));
      folder = await ServerFolder.create();
    });
    afterEach(async () => {
      await folder.remove();
      await database.drop();
      await redis.remove();
      await rm(assetDir, { recursive: true, force: true });
    });

    const start = (role: 'api' | 'worker' | 'dispatcher', settings: object = {}): Promise<ServerProcess> =>
      folder.start(
        { databaseUrl: database.url, redisUrl: redis.url, assetDir, device: 'fixed:60', slots: 2, ...settings },
        [],
        role,
      );
    const clientOf = ({ url }: ServerProcess) => createClient({ baseUrl: url });
    const body = { prompt: 'a boat', width: 64, height: 64, steps: 2 };
    const finished = (client: ReturnType<typeof createClient>, id: string) =>
      expect.poll(async () => (await client.getGeneration(id)).state, { timeout: 60_000, interval: 100 });

    it('draws what an api accepted, and tells every step and preview there', async () => {
      const server = await start('api');
      await start('worker', { device: 'fixed:400' });
      const { id } = await clientOf(server).submitGeneration({ ...body, steps: 4 });
      const text = await (await fetch(`${server.url}/v1/generations/${id}/events`)).text();
      const types = [...text.matchAll(/^event: (.+)$/gm)].map((match) => match[1]);
      expect(types.filter((type) => type === 'job.step')).toHaveLength(4);
      expect(types).toContain('job.preview');
      expect(types.at(-1)).toBe('generation.finished');
    });

    it('loses nothing and draws nothing twice when Redis forgets everything, is replaced by an empty one, and the dispatcher dies', async () => {
      const server = await start('api', { dispatchInApi: false });
      const [first] = await Promise.all([start('dispatcher'), start('worker'), start('worker')]);
      const client = clientOf(server);
      const { id } = await client.submitGeneration({ ...body, count: 64, priority: 'bulk' });
      const done = async (): Promise<number> =>
        (await client.getGeneration(id)).jobs.filter(({ state }) => state === 'succeeded').length;
      await expect.poll(done, { timeout: 30_000 }).toBeGreaterThan(5);
      await redis.flushAll();
      await expect.poll(done, { timeout: 30_000 }).toBeGreaterThan(20);
      await redis.kill();
      await start('dispatcher');
      await first.stop('SIGKILL');
      await redis.start(false);
      await finished(client, id).toBe('succeeded');
      await expectEachDrawnOnce(database.url, 64);
    });

    it('accepts jobs while Redis is away, and draws them when it is there', async () => {
      await redis.kill();
      const server = await start('api');
      await start('worker');
      const client = clientOf(server);
      const { id } = await client.submitGeneration({ ...body, count: 3 });
      expect((await client.getGeneration(id)).state).toBe('queued');
      await redis.start();
      await finished(client, id).toBe('succeeded');
    });

    it('takes what was laid out back into the line when it is run without Redis again', async () => {
      const server = await start('api');
      const client = clientOf(server);
      const slow = await start('worker', { device: 'fixed:30000', slots: 1, drainMs: 0 });
      const { id } = await client.submitGeneration({ ...body, count: 8 });
      await expect.poll(() => offered(database.url), { timeout: 20_000 }).toBeGreaterThan(0);
      await slow.stop('SIGTERM');
      await server.stop('SIGTERM');
      const alone = await start('api', { redisUrl: undefined });
      await start('worker', { redisUrl: undefined });
      await finished(clientOf(alone), id).toBe('succeeded');
    });

    it.each(['Redis', 'the database'])(
      'leaves jobs of a model that a worker lacks to those who have it, and tells of them while nobody has it: with %s',
      async (carrier) => {
        const redisUrl = carrier === 'Redis' ? redis.url : undefined;
        const modelsDir = join(folder.path, 'more');
        await cp(fileURLToPath(new URL('../../models/demo', import.meta.url)), join(modelsDir, 'large'), {
          recursive: true,
        });
        const server = await start('api', { redisUrl, modelsDir });
        const lacking = await start('worker', { redisUrl });
        const client = clientOf(server);
        const large = await client.submitGeneration({ ...body, model: 'large', count: 12 });
        const small = await client.submitGeneration({ ...body, model: 'demo', count: 4, priority: 'bulk' });
        await finished(client, small.id).toBe('succeeded');
        const [job] = (await client.getGeneration(large.id)).jobs;
        expect(job).toMatchObject({ state: 'queued', attempt: 0 });
        expect(await client.getJob(job?.id ?? '')).toMatchObject({ warnings: [{ code: 'model_not_served' }] });
        expect(await (await fetch(`${server.url}/metrics`)).text()).toMatch(/^imagemill_jobs_unserved 12$/m);
        await start('worker', { redisUrl, modelsDir });
        await finished(client, large.id).toBe('succeeded');
        await expectEachDrawnOnce(database.url, 16);
        await lacking.stop('SIGTERM');
      },
    );

    describe('a process that lacks what Redis needs', () => {
      it('says that a dispatcher needs a Redis', async () => {
        await expect(start('dispatcher', { redisUrl: undefined })).rejects.toThrow(/IMAGEMILL_REDIS_URL/);
      });

      it('says that Redis alone keeps no records', async () => {
        await expect(start('api', { databaseUrl: undefined })).rejects.toThrow(/IMAGEMILL_DATABASE_URL/);
      });
    });
  });
});

async function query<T extends pg.QueryResultRow>(url: string, text: string): Promise<readonly T[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<T>(text)).rows;
  } finally {
    await client.end();
  }
}

async function offered(url: string): Promise<number> {
  const [row] = await query<{ jobs: number }>(url, 'select count(*)::int as jobs from jobs where ready = 2');
  return row?.jobs ?? 0;
}

async function expectEachDrawnOnce(url: string, jobs: number): Promise<void> {
  const rows = await query<{ state: string; successes: number }>(
    url,
    `select j.state, (select count(*)::int from attempts a where a.job_id = j.id and a.outcome = 'succeeded') as successes
     from jobs j`,
  );
  expect(rows).toHaveLength(jobs);
  for (const row of rows) expect(row).toEqual({ state: 'succeeded', successes: 1 });
}
