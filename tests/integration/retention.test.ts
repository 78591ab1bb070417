import { readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FilesystemStore } from '../../apps/server/src/adapters/assets/filesystem-store.ts';
import { systemClock } from '../../apps/server/src/adapters/clock.ts';
import { createIdSource } from '../../apps/server/src/adapters/id-source.ts';
import { createApplyRetention, type Removed } from '../../apps/server/src/application/apply-retention.ts';
import { contentHash } from '../../apps/server/src/domain/ids.ts';
import { type Retention, retentionOf } from '../../apps/server/src/domain/retention/retention.ts';
import type { Generation } from '../../packages/api/src/index.ts';
import { quietLog } from '../support/quiet-log.ts';
import { queryRecords } from '../support/records.ts';
import { runCli } from '../support/run-cli.ts';
import { openParts, untilReady } from '../support/server-parts.ts';

type Opened = Awaited<ReturnType<typeof openParts>>;

let parts: Opened;
beforeEach(async () => {
  parts = await openParts({ device: 'fixed:0' });
  await untilReady(parts);
});
afterEach(() => parts.close());

const assets = () => join(parts.config.dataDir, 'assets');

async function draw(count = 1): Promise<Generation> {
  const request = { prompt: 'a chair', width: 64, height: 64, steps: 1, count };
  const { id } = (await parts.app.inject({ method: 'POST', url: '/v1/generations', payload: request })).json();
  await parts.app.inject({ url: `/v1/generations/${id}/events` });
  return (await parts.app.inject({ url: `/v1/generations/${id}` })).json();
}

/** Makes everything so many days older, in records and on disk. */
async function age(days: number): Promise<void> {
  const ms = days * 86_400_000;
  await queryRecords(
    parts.config,
    `update assets set created_at = created_at - ${ms}`,
    `update generations set finished_at = finished_at - ${ms}`,
  );
  const then = new Date(Date.now() - ms);
  for (const file of await files()) await utimes(file, then, then);
}

async function files(): Promise<readonly string[]> {
  const entries = await readdir(assets(), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

async function apply(rules: Partial<Retention>): Promise<Removed> {
  const installation = { picturesDays: undefined, recordsDays: undefined, keepStarred: true, ...rules };
  const remover = await FilesystemStore.open(assets());
  const ports = { store: parts.store, remover, clock: systemClock, ids: createIdSource(systemClock), log: quietLog };
  return createApplyRetention({ ...ports, installation })();
}

const get = async (url: string) => (await parts.app.inject({ url })).json();
const statusOf = async (url = '') => (await parts.app.inject({ url })).statusCode;
const star = (ids: readonly string[]) =>
  parts.app.inject({ method: 'POST', url: '/v1/pictures/mark', payload: { ids, starred: true } });

describe('retention', () => {
  it('keeps everything by default', async () => {
    await draw();
    await age(10_000);
    expect(await apply({})).toEqual({ pictures: 0, generations: 0 });
  });

  it('removes old pictures and keeps their records, what is younger, and what has a star', async () => {
    const old = await draw(3);
    await star([old.jobs[0]?.id ?? '']);
    await age(31);
    const young = await draw();
    expect(await apply({ picturesDays: 30 })).toEqual({ pictures: 2, generations: 0 });
    expect(await files()).toHaveLength(2);
    expect(await statusOf(old.jobs[0]?.asset?.url)).toBe(200);
    expect(await statusOf(old.jobs[1]?.asset?.url)).toBe(404);
    expect(await statusOf(young.jobs[0]?.asset?.url)).toBe(200);
    const shown = await get(`/v1/generations/${old.id}`);
    expect(shown).toMatchObject({ state: 'succeeded', prompt: 'a chair' });
    expect(shown.jobs[1].asset).toBeUndefined();
    expect((await get('/v1/pictures')).items).toHaveLength(2);
    expect(await apply({ picturesDays: 30, keepStarred: false })).toMatchObject({ pictures: 1 });
    const audit = (await get('/v1/audit?action=retention.applied')).items;
    expect(audit.map(({ after }: { after: object }) => after)).toMatchObject([{ pictures: 1 }, { pictures: 2 }]);
  });

  it('removes old records with everything that belongs to them', async () => {
    const old = await draw(2);
    await age(8);
    const young = await draw();
    expect(await apply({ recordsDays: 7 })).toEqual({ pictures: 0, generations: 1 });
    expect(await statusOf(`/v1/generations/${old.id}`)).toBe(404);
    expect(await statusOf(`/v1/jobs/${old.jobs[0]?.id}`)).toBe(404);
    expect(await statusOf(old.jobs[0]?.asset?.url)).toBe(404);
    expect(await files()).toHaveLength(1);
    expect(await get(`/v1/generations/${young.id}`)).toMatchObject({ state: 'succeeded' });
    // What was used stays.
    expect((await get('/v1/usage')).items).toMatchObject([{ pictures: 3 }]);
    for (const table of ['jobs', 'attempts', 'assets']) {
      expect(await queryRecords(parts.config, `select * from ${table}`)).toHaveLength(1);
    }
  });

  it('keeps the records of a generation with a star', async () => {
    const old = await draw(2);
    await star([old.jobs[1]?.id ?? '']);
    await age(8);
    expect(await apply({ recordsDays: 7 })).toMatchObject({ generations: 0 });
    expect(await apply({ recordsDays: 7, keepStarred: false })).toMatchObject({ generations: 1 });
  });

  it('removes in portions, while others go on', async () => {
    await draw(100);
    await draw(100);
    await draw(50);
    await age(2);
    const [removed] = await Promise.all([apply({ picturesDays: 1 }), draw(), draw()]);
    expect(removed.pictures).toBe(250);
    expect(await files()).toHaveLength(2);
  });

  it('leaves bytes alone that another record names, or that were stored again just now', async () => {
    await draw();
    await queryRecords(
      parts.config,
      `insert into assets select 'other', 'acme', sha256, media_type, size_bytes, width, height, created_at + 864000000000 from assets`,
    );
    await age(40);
    expect(await apply({ picturesDays: 30 })).toMatchObject({ pictures: 1 });
    expect(await files()).toHaveLength(1);

    const store = await FilesystemStore.open(assets());
    const stored = await store.put(Buffer.from('new bytes'));
    expect(await store.remove(stored.sha256)).toBe(false);
    await age(1);
    await store.put(Buffer.from('new bytes'));
    expect(await store.remove(stored.sha256)).toBe(false);
    await age(1);
    expect(await store.remove(stored.sha256)).toBe(true);
    expect(await store.remove(contentHash('0'.repeat(64)))).toBe(false);
  });

  it('can be set by tenant, over HTTP and on the command line', async () => {
    const set = { method: 'PUT', url: '/v1/retention', payload: { picturesDays: 30, keepStarred: false } } as const;
    expect((await parts.app.inject(set)).json()).toMatchObject({ retention: { picturesDays: 30, keepStarred: false } });
    expect(await get('/v1/audit?action=retention.set')).toMatchObject({ items: [{ after: { picturesDays: 30 } }] });
    const bad = await parts.app.inject({ ...set, payload: { picturesDays: 0 } });
    expect(bad.statusCode).toBe(422);
    const { dataDir, databaseUrl } = parts.config;
    // A folder that is named goes before a database.
    const records: Record<string, string> =
      databaseUrl === undefined ? { IMAGEMILL_DATA_DIR: dataDir } : { IMAGEMILL_DATABASE_URL: databaseUrl };
    const cli = (...args: readonly string[]) => runCli(['retention', ...args], { cwd: dataDir, env: records });
    const shown = await cli('--records-days', '90', '--pictures-days', 'none', '--keep-starred');
    expect([shown.status, shown.stdout]).toEqual([0, 'pictures kept, records removed after 90 days, starred kept\n']);
    expect((await get('/v1/retention')).own).toEqual({ picturesDays: null, recordsDays: 90, keepStarred: true });
    const unknown = await cli('nobody');
    expect(unknown.stderr).toContain('[tenant_not_found]');
  });

  it('of a tenant goes before that of the installation', () => {
    const installation = { picturesDays: 30, recordsDays: undefined, keepStarred: true };
    expect(retentionOf(installation, {})).toEqual(installation);
    expect(retentionOf(installation, { picturesDays: null, recordsDays: 5 })).toEqual({
      ...{ picturesDays: undefined, recordsDays: 5, keepStarred: true },
    });
  });
});
