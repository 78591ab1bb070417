import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@imagemill/api/client';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ServerFolder, type ServerProcess } from '../support/server-process.ts';
import { describeWithPostgres, newDatabase } from '../support/with-postgres.ts';

describeWithPostgres('a cluster on PostgreSQL', () => {
  let database: Awaited<ReturnType<typeof newDatabase>>;
  let assetDir: string;
  let folder: ServerFolder;

  beforeEach(async () => {
    database = await newDatabase();
    assetDir = await mkdtemp(join(tmpdir(), 'imagemill-cluster-'));
    folder = await ServerFolder.create();
  });
  afterEach(async () => {
    await folder.remove();
    await database.drop();
    await rm(assetDir, { recursive: true, force: true });
  });

  const start = (role: 'api' | 'worker', settings: object = {}): Promise<ServerProcess> =>
    folder.start({ databaseUrl: database.url, assetDir, ...settings }, [], role);
  const api = () => start('api');
  const clientOf = ({ url }: ServerProcess) => createClient({ baseUrl: url });
  const body = { prompt: 'a boat', width: 64, height: 64, steps: 4 };

  it('draws on a worker what one api accepted, and tells every step at another', async () => {
    const [one, other] = await Promise.all([api(), api()]);
    await start('worker', { device: 'fixed:400' });
    const { id } = await clientOf(one).submitGeneration({ ...body, count: 2 });
    const response = await fetch(`${other.url}/v1/generations/${id}/events`);
    const text = await response.text();
    const types = [...text.matchAll(/^event: (.+)$/gm)].map((match) => match[1]);
    const ids = [...text.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]));
    expect(types.filter((type) => type === 'job.step')).toHaveLength(8);
    expect(types.filter((type) => type === 'job.preview')).toHaveLength(2);
    expect(types.filter((type) => type === 'job.succeeded')).toHaveLength(2);
    expect(types.at(-1)).toBe('generation.finished');
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
    expect((await readdir(join(assetDir, 'assets'))).length).toBeGreaterThan(1);
  });

  it('stops a running job at once that another process was asked to cancel', async () => {
    const server = await api();
    await start('worker', { device: 'fixed:20000' });
    const client = clientOf(server);
    const { id } = await client.submitGeneration({ ...body, steps: 100 });
    await expect.poll(async () => (await client.getGeneration(id)).state, { timeout: 20_000 }).toBe('running');
    const before = performance.now();
    await client.cancelGeneration(id);
    await expect.poll(async () => (await client.getGeneration(id)).state, { interval: 50 }).toBe('cancelled');
    expect(performance.now() - before).toBeLessThan(1_500);
  });
});
