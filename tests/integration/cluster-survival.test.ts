import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Generation } from '@imagemill/api';
import { createClient } from '@imagemill/api/client';
import pg from 'pg';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createDatabase, type PostgresServer, startPostgres } from '../support/postgres-server.ts';
import { ServerFolder, type ServerProcess } from '../support/server-process.ts';
import { describeWithPostgres } from '../support/with-postgres.ts';

/** On a crowded machine the disturbances take minutes. */
const MOST_GENERATIONS = 120;

describeWithPostgres('a cluster whose parts die', () => {
  let postgres: PostgresServer;
  let url: string;
  let assetDir: string;
  let folder: ServerFolder;
  const apis: ServerProcess[] = [];
  const workers: ServerProcess[] = [];

  beforeEach(async () => {
    postgres = await startPostgres();
    ({ url } = await createDatabase(postgres.url));
    assetDir = await mkdtemp(join(tmpdir(), 'imagemill-survival-'));
    folder = await ServerFolder.create();
  });
  afterEach(async () => {
    await folder.remove();
    await postgres.remove();
    await rm(assetDir, { recursive: true, force: true });
  });

  const start = (role: 'api' | 'worker'): Promise<ServerProcess> =>
    folder.start({ databaseUrl: url, assetDir, device: 'fixed:250', slots: 2, logLevel: 'error' }, [], role);

  it('ends every accepted job exactly once, with its events in order', async () => {
    apis.push(...(await Promise.all([start('api'), start('api')])));
    workers.push(...(await Promise.all([start('worker'), start('worker'), start('worker')])));
    const kill = async (processes: ServerProcess[], index: number, role: 'api' | 'worker'): Promise<void> => {
      await processes[index]!.stop('SIGKILL');
      processes[index] = await start(role);
    };
    const disturb = async (): Promise<void> => {
      await kill(workers, 0, 'worker');
      await kill(apis, 0, 'api');
      await postgres.restart('immediate');
      await kill(workers, 1, 'worker');
      await postgres.restart('fast');
      await kill(apis, 1, 'api');
      await kill(workers, 2, 'worker');
    };
    const disturbing = disturb();
    const generations = await submitUntil(apis, disturbing);
    await disturbing;

    const ended = await Promise.all(generations.map((one) => untilEnded(apis, one.id)));
    expect(ended.map(({ state }) => state)).toEqual(ended.map(() => 'succeeded'));
    expect(new Set(generations.map(({ id }) => id)).size).toBe(generations.length);
    await expectEachJobEndedOnce(url, generations.length);
  }, 300_000);
});

/** Hands generations in until the time is over, as clients do: again under the same key when no answer came. */
async function submitUntil(apis: readonly ServerProcess[], end: Promise<unknown>): Promise<readonly Generation[]> {
  let isOver = false;
  const over = end.then(() => {
    isOver = true;
  });
  const generations: Generation[] = [];
  for (let i = 0; !isOver && i < MOST_GENERATIONS; i++) {
    const idempotencyKey = randomUUID();
    const body = { prompt: `boat ${i}`, width: 64, height: 64, steps: 2, count: 2 } as const;
    generations.push(
      await insist(apis, i, (server) =>
        createClient({ baseUrl: server.url }).submitGeneration(body, { idempotencyKey }),
      ),
    );
    await Promise.race([over, new Promise((resolve) => setTimeout(resolve, 400))]);
  }
  return generations;
}

async function untilEnded(apis: readonly ServerProcess[], id: string): Promise<Generation> {
  for (;;) {
    const generation = await insist(apis, 0, (server) => createClient({ baseUrl: server.url }).getGeneration(id));
    if (!['queued', 'running'].includes(generation.state)) return generation;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Asks one api after the other until one answers. Whatever an api says while the database is away must be a 503. */
async function insist<T>(
  apis: readonly ServerProcess[],
  first: number,
  ask: (server: ServerProcess) => Promise<T>,
): Promise<T> {
  for (let i = first; ; i++) {
    try {
      return await ask(apis[i % apis.length]!);
    } catch (error) {
      const { status, code } = error as { status?: number; code?: string };
      // Status 0: there was no answer at all.
      if (status) expect({ status, code }).toEqual({ status: 503, code: 'database_unavailable' });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function expectEachJobEndedOnce(url: string, generations: number): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows: jobs } = await client.query(`
      select j.state, j.asset_id,
        (select count(*)::int from events e where e.generation_id = j.generation_id
          and e.type = 'job.succeeded' and e.data::json->>'jobId' = j.id) as ends,
        (select count(*)::int from attempts a where a.job_id = j.id and a.outcome = 'succeeded') as successes
      from jobs j`);
    expect(jobs).toHaveLength(generations * 2);
    for (const job of jobs) expect(job).toMatchObject({ state: 'succeeded', ends: 1, successes: 1 });
    expect(new Set(jobs.map((job: { asset_id: string }) => job.asset_id)).size).toBe(jobs.length);
    const { rows: finished } = await client.query(`
      select generation_id, count(*)::int as times from events where type = 'generation.finished' group by generation_id`);
    expect(finished).toHaveLength(generations);
    for (const { times } of finished) expect(times).toBe(1);
    const { rows: open } = await client.query('select count(*)::int as rows from reservations');
    expect(open).toEqual([{ rows: 0 }]);
  } finally {
    await client.end();
  }
}
