import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migrateUpTo, schemaNames } from '../../apps/server/src/adapters/sql/migrations.ts';
import { openConnection } from '../../apps/server/src/adapters/sql/sqlite-connection.ts';
import { SqliteStore } from '../../apps/server/src/adapters/sql/sqlite-store.ts';
import { type Client, createClient } from '../../packages/api/src/client/index.ts';
import type { Generation } from '../../packages/api/src/index.ts';
import { runCli } from '../support/run-cli.ts';
import { ServerFolder, type ServerProcess } from '../support/server-process.ts';

let folder: ServerFolder;
beforeEach(async () => {
  folder = await ServerFolder.create();
});
afterEach(() => folder.remove());

const cli = (...args: readonly string[]) => runCli(args, { cwd: folder.path });
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function drawAll(client: Client, count: number): Promise<Generation> {
  const { id } = await client.submitGeneration({ prompt: 'a lamp', width: 64, height: 64, steps: 1, count });
  for await (const _ of client.events(id));
  return client.getGeneration(id);
}

/** Keeps the server drawing until it is told to stop. */
function load(client: Client): () => Promise<number> {
  let isOn = true;
  let drawn = 0;
  const loops = Array.from({ length: 4 }, async () => {
    while (isOn) drawn += (await drawAll(client, 4)).jobs.length;
  });
  return async () => {
    isOn = false;
    await Promise.all(loops);
    return drawn;
  };
}

/** Fetches every picture that a server has records of; gives how many. */
async function readPictures(server: ServerProcess): Promise<number> {
  const client = createClient({ baseUrl: server.url });
  let count = 0;
  let cursor: string | undefined;
  do {
    const page = await client.listPictures({ limit: 100, cursor });
    for (const { asset } of page.items) {
      const answer = await fetch(`${server.url}${asset.url}`);
      expect(answer.status).toBe(200);
      expect(sha256(new Uint8Array(await answer.arrayBuffer()))).toBe(asset.sha256);
      count += 1;
    }
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return count;
}

describe('a backup', () => {
  it('is taken while the server draws, and a new server serves every picture of it', async () => {
    const server = await folder.start({ device: 'fixed:2' });
    const client = createClient({ baseUrl: server.url });
    await drawAll(client, 8);
    const stop = load(client);
    const first = await cli('backup', 'backup', '--json');
    const second = await cli('backup', 'backup', '--json');
    expect(await stop()).toBeGreaterThan(0);
    await server.stop('SIGTERM');
    expect([first.status, second.status], first.stderr + second.stderr).toEqual([0, 0]);
    const [one] = first.json() as [{ pictures: { count: number; missing: string[] }; copied: number }];
    const [two] = second.json() as [{ pictures: { count: number }; copied: number; snapshot: string }];
    expect(one.pictures.count).toBeGreaterThanOrEqual(8);
    expect(one.pictures.missing).toEqual([]);
    // What the first has is not copied again.
    expect(two.copied).toBe(two.pictures.count - one.pictures.count);

    const restored = await cli('restore', 'backup', '--data-dir', 'copy', '--json');
    expect(restored.status, restored.stderr).toBe(0);
    expect(restored.json()).toMatchObject([{ snapshot: two.snapshot }]);
    const next = await folder.start({ device: 'fixed:2', dataDir: 'copy' });
    expect(await readPictures(next)).toBeGreaterThanOrEqual(two.pictures.count);
    // What was under way at that moment goes on.
    expect((await drawAll(createClient({ baseUrl: next.url }), 1)).state).toBe('succeeded');
    await next.stop('SIGTERM');
  });

  it('keeps as many snapshots as wanted, and no file that none of them needs', async () => {
    const server = await folder.start({ device: 'fixed:0' });
    await drawAll(createClient({ baseUrl: server.url }), 2);
    await cli('backup', 'backup');
    await drawAll(createClient({ baseUrl: server.url }), 1);
    const [last] = (await cli('backup', 'backup', '--keep', '1', '--json')).json() as [{ snapshot: string }];
    await server.stop('SIGTERM');
    expect(await readdir(join(folder.path, 'backup', 'snapshots'))).toEqual([last.snapshot]);
    const files = await readdir(join(folder.path, 'backup', 'files'), { recursive: true, withFileTypes: true });
    expect(files.filter((file) => file.isFile())).toHaveLength(3);
  });

  it('is not restored over anything, nor when a file of it is damaged', async () => {
    const server = await folder.start({ device: 'fixed:0' });
    await drawAll(createClient({ baseUrl: server.url }), 1);
    await cli('backup', 'backup');
    await server.stop('SIGTERM');
    const full = await cli('restore', 'backup');
    expect([full.status, full.stderr]).toEqual([1, expect.stringContaining('[restore_target_not_empty]')]);

    const entries = await readdir(join(folder.path, 'backup', 'files'), { recursive: true, withFileTypes: true });
    const file = entries.find((entry) => entry.isFile());
    await writeFile(join(file?.parentPath ?? '', file?.name ?? ''), 'not what it was');
    const damaged = await cli('restore', 'backup', '--data-dir', 'copy');
    expect([damaged.status, damaged.stderr]).toEqual([1, expect.stringContaining('[backup_invalid]')]);
    expect(await readdir(join(folder.path, 'copy'))).toEqual([]);
    const unknown = await cli('restore', 'backup', '--data-dir', 'copy', '--snapshot', 'other');
    expect(unknown.stderr).toContain('[backup_invalid]');
  });

  it('says which pictures were missing already, and leaves the folder of another program alone', async () => {
    const server = await folder.start({ device: 'fixed:0' });
    const { jobs } = await drawAll(createClient({ baseUrl: server.url }), 2);
    await server.stop('SIGTERM');
    const lost = jobs[0]?.asset?.sha256 ?? '';
    await rm(join(folder.path, 'data', 'assets', lost.slice(0, 2), lost.slice(2, 4), lost));
    const answer = await cli('backup', 'backup', '--json');
    expect(answer.status).toBe(1);
    expect(answer.json()).toMatchObject([{ pictures: { missing: [lost] } }]);
    expect((await cli('restore', 'backup', '--data-dir', 'copy')).status).toBe(0);
    const none = await cli('backup', 'other', '--data-dir', 'nowhere');
    expect([none.status, none.stderr]).toEqual([1, expect.stringContaining('[data_folder_unusable]')]);
  });

  it('of a newer version is refused with a sentence', async () => {
    const server = await folder.start({ device: 'fixed:0' });
    await server.stop('SIGTERM');
    const [{ snapshot }] = (await cli('backup', 'backup', '--json')).json() as [{ snapshot: string }];
    const path = join(folder.path, 'backup', 'snapshots', snapshot, 'manifest.json');
    const manifest = JSON.parse(await readFile(path, 'utf8'));
    await writeFile(path, JSON.stringify({ ...manifest, schema: '9999-later', version: '9.0.0' }));
    const answer = await cli('restore', 'backup', '--data-dir', 'copy');
    expect(answer.stderr).toContain('The backup was made by Imagemill 9.0.0');
  });
});

describe('the records of another version', () => {
  it.each([1, 4, 9, schemaNames.length - 1])(
    'are brought up to date when they have only %d of the steps',
    async (steps) => {
      const data = join(folder.path, 'data');
      await mkdir(data);
      const old = openConnection({ path: join(data, 'imagemill.db'), readOnly: false, durability: 'full' });
      await migrateUpTo(old.queries as unknown as Parameters<typeof migrateUpTo>[0], schemaNames[steps - 1] ?? '');
      insertOldGeneration(old);
      old.close();
      const store = await SqliteStore.open({ folder: data });
      const [record] = await store.listGenerations({ tenantId: 'default' as never, limit: 10 });
      expect(record).toMatchObject({
        generation: { prompt: 'drawn before' },
        jobs: [{ job: { state: 'failed', seed: 7 } }],
      });
      await store.close();
      const server = await folder.start({ device: 'fixed:0' });
      expect((await drawAll(createClient({ baseUrl: server.url }), 1)).state).toBe('succeeded');
      await server.stop('SIGTERM');
    },
  );

  it('are brought up to date when a step in the middle is missing, as when two branches were joined', async () => {
    const data = join(folder.path, 'data');
    await mkdir(data);
    const old = openConnection({ path: join(data, 'imagemill.db'), readOnly: false, durability: 'full' });
    const database = old.queries as unknown as Parameters<typeof migrateUpTo>[0];
    await migrateUpTo(database, '0002-fair-queue');
    await migrateUpTo(database, '0004-tenants', ['0003-generation-extras']);
    insertOldGeneration(old);
    old.close();
    const server = await folder.start({ device: 'fixed:0' });
    const client = createClient({ baseUrl: server.url });
    expect((await drawAll(client, 1)).state).toBe('succeeded');
    expect((await client.listGenerations({ limit: 10 })).items).toHaveLength(2);
    await server.stop('SIGTERM');
  });

  it('are refused with a sentence when they are newer', async () => {
    const data = await mkdtemp(join(tmpdir(), 'imagemill-newer-'));
    const store = await SqliteStore.open({ folder: data });
    await store.close();
    const database = new DatabaseSync(join(data, 'imagemill.db'));
    database.exec("insert into kysely_migration (name, timestamp) values ('9999-later', '2030-01-01')");
    database.close();
    const refused = folder.start({ dataDir: data });
    const sentence = `The data folder ${data} cannot be used: The records were written by a newer version of Imagemill. Run that version, or use another data folder or database. [data_folder_unusable]`;
    await expect(refused).rejects.toThrow(sentence);
    await rm(data, { recursive: true });
  });
});

/** As the first version wrote it; later columns have defaults. */
function insertOldGeneration({ execute }: { readonly execute: (statement: string) => void }): void {
  execute(`insert into generations (id, tenant_id, state, created_at, finished_at, prompt, negative_prompt, count, width,
    height, seed, steps, guidance_scale, model, format, quality, priority, max_attempts, jobs_queued, jobs_running,
    jobs_succeeded, jobs_failed, jobs_cancelled) values ('g1', 'default', 'failed', 1, 2, 'drawn before', '', 1, 64, 64,
    7, 8, 0, 'demo', 'png', 90, 1, 3, 0, 0, 0, 1, 0)`);
  execute(`insert into jobs (id, tenant_id, generation_id, position, seed, state, priority, created_at, not_before,
    max_attempts, attempt, failures, interruptions, lease_token, cancel_requested, finished_at, fault) values ('j1',
    'default', 'g1', 0, 7, 'failed', 1, 1, 0, 3, 1, 1, 0, 1, 0, 2, null)`);
}
