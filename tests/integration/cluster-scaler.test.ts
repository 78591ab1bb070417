import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@imagemill/api/client';
import pg from 'pg';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadConfig } from '../../apps/server/src/config/load.ts';
import { openAdministration } from '../../apps/server/src/main/open-administration.ts';
import { ServerFolder, type ServerProcess } from '../support/server-process.ts';
import { describeWithPostgres, newDatabase } from '../support/with-postgres.ts';

describeWithPostgres('a scaler of workers', () => {
  let database: Awaited<ReturnType<typeof newDatabase>>;
  let assetDir: string;
  let folder: ServerFolder;

  beforeEach(async () => {
    database = await newDatabase();
    assetDir = await mkdtemp(join(tmpdir(), 'imagemill-scaler-'));
    folder = await ServerFolder.create();
  });
  afterEach(async () => {
    await folder.remove();
    await database.drop();
    await rm(assetDir, { recursive: true, force: true });
  });

  const start = (role: 'api' | 'worker' | 'scaler', settings: object = {}): Promise<ServerProcess> =>
    folder.start({ databaseUrl: database.url, assetDir, logLevel: 'error', ...settings }, [], role);
  const startScaler = (settings: object = {}): Promise<ServerProcess> =>
    start('scaler', {
      ...{ device: 'fixed:400', slots: 1, scaleMaxWorkers: 3, drainMs: 2_000 },
      ...{ scaleLookSeconds: 0.1, scaleCoolDownSeconds: 0.2, scaleIdleSeconds: 0.5 },
      ...settings,
    });
  const body = { prompt: 'a boat', width: 64, height: 64, steps: 2 };
  const patiently = { timeout: 60_000, interval: 50 };

  it('adds workers up to the limit while over 50 jobs wait, and leaves the least when all is drawn', async () => {
    const [api, scaler] = await Promise.all([start('api'), startScaler()]);
    const client = createClient({ baseUrl: api.url });
    await expect.poll(() => scaler.enginePids(), patiently).toHaveLength(1);
    const { id } = await client.submitGeneration({ ...body, count: 80 });
    let most = 0;
    const workers = async (): Promise<number> => {
      const { length } = await scaler.enginePids();
      most = Math.max(most, length);
      return length;
    };
    await expect.poll(workers, patiently).toBe(3);
    const state = async (): Promise<string> => {
      await workers();
      return (await client.getGeneration(id)).state;
    };
    await expect.poll(state, patiently).toBe('succeeded');
    await expect.poll(workers, patiently).toBe(1);
    expect(most).toBe(3);
    expect(await endings(database.url)).toEqual({ jobs: 80, successes: 80, tries: 80 });

    const metrics = await (await fetch(`${scaler.url}/metrics`)).text();
    expect(metrics).toContain('imagemill_scaler_workers{state="running"} 1');
    expect(metrics).toContain('imagemill_scaler_acts_total{direction="up"} 2');
    expect(metrics).toContain('imagemill_scaler_acts_total{direction="down"} 2');
    expect(await scalings(database.url)).toEqual(['2 → 1', '3 → 2', '2 → 3', '1 → 2']);
  });

  it('drains a worker that is told to end: what it was drawing goes on at another at once', async () => {
    const api = await start('api');
    const client = createClient({ baseUrl: api.url });
    const slow = { device: 'fixed:60000', slots: 1, drainMs: 0 };
    const one = await start('worker', slow);
    const { id } = await client.submitGeneration({ ...body, steps: 100 });
    const job = async () => (await client.getGeneration(id)).jobs[0]!;
    await expect.poll(async () => (await job()).state, patiently).toBe('running');
    const other = await start('worker', slow);
    expect(await one.stop('SIGTERM')).toEqual([0, null]);
    await expect.poll(async () => (await job()).attempt, { timeout: 10_000, interval: 20 }).toBe(2);
    expect((await job()).state).toBe('running');
    // It was handed back: nobody had to wait for the end of its lease.
    expect(await (await fetch(`${other.url}/metrics`)).text()).toContain('imagemill_leases_expired_total 0');
  });

  it('replaces a worker that dies, and ends its workers when it is told to, or is killed', async () => {
    await start('api');
    const scaler = await startScaler({ scaleMinWorkers: 2 });
    await expect.poll(() => scaler.enginePids(), patiently).toHaveLength(2);
    const [killed] = await scaler.enginePids();
    process.kill(killed!, 'SIGKILL');
    const others = async () => (await scaler.enginePids()).filter((pid) => pid !== killed);
    await expect.poll(others, patiently).toHaveLength(2);
    const before = await others();
    await scaler.stop('SIGTERM');
    expect(before.filter(isAlive)).toEqual([]);

    const second = await startScaler({ scaleMinWorkers: 1 });
    await expect.poll(() => second.enginePids(), patiently).toHaveLength(1);
    const orphans = await second.enginePids();
    await second.stop('SIGKILL');
    await expect.poll(() => orphans.filter(isAlive), patiently).toEqual([]);
  });

  it('says what it needs when it has no database, or bounds that contradict each other', async () => {
    await expect(folder.start({}, [], 'scaler')).rejects.toThrow('database_missing');
    const crossed = startScaler({ scaleMinWorkers: 4, scaleMaxWorkers: 2 });
    await expect(crossed).rejects.toThrow('settings_invalid');
  });
});

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}

async function endings(url: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query(`
      select (select count(*)::int from jobs) as jobs,
        (select count(*)::int from events where type = 'job.succeeded') as successes,
        (select count(*)::int from attempts) as tries`);
    return rows[0];
  } finally {
    await client.end();
  }
}

/** The audited changes, newest first. */
async function scalings(databaseUrl: string): Promise<readonly string[]> {
  const administration = await openAdministration(loadConfig({ overrides: { databaseUrl }, environment: {} }));
  try {
    const answer = await administration.fetch('/v1/audit?action=workers.scaled');
    const { items } = (await answer.json()) as {
      items: { before: { workers: number }; after: { workers: number } }[];
    };
    return items.map(({ before, after }) => `${before.workers} → ${after.workers}`);
  } finally {
    await administration.close();
  }
}
