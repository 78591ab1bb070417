import { mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Generation } from '@imagemill/api';
import { createClient } from '@imagemill/api/client';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadConfig } from '../../apps/server/src/config/load.ts';
import { moveToCluster } from '../../apps/server/src/main/move.ts';
import { ServerFolder } from '../support/server-process.ts';
import { describeWithPostgres, newDatabase } from '../support/with-postgres.ts';

describeWithPostgres('moving a data folder into a cluster', () => {
  let database: Awaited<ReturnType<typeof newDatabase>>;
  let assetDir: string;
  let folder: ServerFolder;

  beforeEach(async () => {
    database = await newDatabase();
    assetDir = await mkdtemp(join(tmpdir(), 'imagemill-move-'));
    folder = await ServerFolder.create();
  });
  afterEach(async () => {
    await folder.remove();
    await database.drop();
    await rm(assetDir, { recursive: true, force: true });
  });

  const move = () => {
    const overrides = { dataDir: 'data', modelsDir: 'models', databaseUrl: database.url, assetDir };
    return moveToCluster(loadConfig({ overrides, environment: {}, folder: folder.path }), () => undefined);
  };

  /** A server that drew some, and stopped with some waiting. */
  async function embedded(): Promise<{ readonly drawn: Generation; readonly waiting: Generation }> {
    const server = await folder.start({ device: 'fixed:10', drainMs: 0 });
    const client = createClient({ baseUrl: server.url });
    const body = { prompt: 'ein Apfel 🍎 مرحبا', width: 64, height: 64, steps: 2, seed: 7 } as const;
    const { id } = await client.submitGeneration({ ...body, count: 3 });
    await expect.poll(async () => (await client.getGeneration(id)).state, { timeout: 20_000 }).toBe('succeeded');
    const bulk = new Blob(['prompt\na red boat\na blue boat\n']);
    await client.createBulk('boats.csv', bulk, { width: 64, height: 64, steps: 2 });
    await client.pauseQueue();
    const waiting = await client.submitGeneration({ ...body, count: 2 });
    const drawn = await client.getGeneration(id);
    await server.stop('SIGTERM');
    return { drawn, waiting };
  }

  it('takes records, pictures and files along, draws what waited, and leaves nothing to draw twice', async () => {
    const { drawn, waiting } = await embedded();
    const report = await move();
    expect(report.pictures).toBeGreaterThanOrEqual(3);
    expect(report.files).toBe(1);

    const settings = { databaseUrl: database.url, assetDir, dataDir: 'cluster' };
    const api = await folder.start(settings, [], 'api');
    await folder.start(settings, [], 'worker');
    const client = createClient({ baseUrl: api.url });
    expect((await client.getQueue()).pausedSince).toBeDefined();
    await client.resumeQueue();
    expect(await client.getGeneration(drawn.id)).toMatchObject({
      ...drawn,
      jobs: drawn.jobs.map(({ id }) => ({ id })),
    });
    const state = async () => (await client.getGeneration(waiting.id)).state;
    await expect.poll(state, { timeout: 20_000 }).toBe('succeeded');
    for (const { asset } of (await client.getGeneration(drawn.id)).jobs) {
      const answer = await fetch(new URL(asset!.url, api.url));
      expect(answer.status).toBe(200);
      expect((await answer.arrayBuffer()).byteLength).toBe(asset!.sizeBytes);
    }
    const events = await (await fetch(`${api.url}/v1/generations/${waiting.id}/events`)).text();
    const ids = [...events.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]));
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));

    await expect(folder.start()).rejects.toThrow('data_folder_moved');
    await expect(move()).rejects.toMatchObject({ code: 'move_refused' });
  });

  it('goes on where it was broken off, and names a picture that is missing', async () => {
    await embedded();
    const assets = join(folder.path, 'data/assets');
    const names = await readdir(assets, { recursive: true });
    const picture = names.find((name) => /[0-9a-f]{64}$/.test(name))!;
    await rename(join(assets, picture), join(folder.path, 'aside'));
    await expect(move()).rejects.toMatchObject({
      code: 'move_refused',
      message: expect.stringContaining(picture.slice(-64)),
    });
    await rename(join(folder.path, 'aside'), join(assets, picture));
    expect((await move()).tables.find(({ name }) => name === 'generations')?.rows).toBeGreaterThanOrEqual(2);
  });
});
