/** What looks after an installation, where several processes share its records: each duty is done, and done once. */
import { cp, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createModelStore } from '../../apps/server/src/adapters/hub/model-store.ts';
import { createRecordModel } from '../../apps/server/src/application/verify-model.ts';
import { loadConfig } from '../../apps/server/src/config/load.ts';
import type { SettingsInput } from '../../apps/server/src/config/schema.ts';
import { type ApiParts, composeApi, composeWorker, type WorkerParts } from '../../apps/server/src/main/compose.ts';
import { issueKey } from '../support/access.ts';
import { quietLog } from '../support/quiet-log.ts';
import { untilReady } from '../support/server-parts.ts';
import { startReceiver } from '../support/webhook-receiver.ts';
import { describeWithPostgres, newDatabase } from '../support/with-postgres.ts';

const demo = fileURLToPath(new URL('../../models/demo', import.meta.url));

describeWithPostgres('the operation of a cluster', () => {
  let database: Awaited<ReturnType<typeof newDatabase>>;
  let folder: string;
  const opened: (() => PromiseLike<unknown>)[] = [];
  beforeEach(async () => {
    database = await newDatabase();
    folder = await mkdtemp(join(tmpdir(), 'imagemill-operation-'));
  });
  afterEach(async () => {
    for (const close of opened.splice(0).reverse()) await close();
    await database.drop();
    await rm(folder, { recursive: true, force: true });
  });

  /** Each process has a data folder of its own, and its pictures where all find them. */
  function configOf(name: string, settings: SettingsInput) {
    const shared = { databaseUrl: database.url, assetDir: join(folder, 'assets'), modelsDir: join(folder, 'models') };
    const own = { dataDir: join(folder, name), port: 0, minFreeBytes: 0, alertIntervalSeconds: 0.1, calibrate: false };
    return loadConfig({ overrides: { ...shared, ...own, ...settings }, environment: { PATH: process.env['PATH'] } });
  }

  async function api(name: string, settings: SettingsInput = {}): Promise<ApiParts> {
    const parts = await composeApi(configOf(name, settings), { version: '1.2.3', log: quietLog });
    opened.push(() => parts.close());
    return parts;
  }

  async function worker(name: string, settings: SettingsInput): Promise<WorkerParts> {
    const base = { retryPauseMs: 0, watchdogSeconds: 0.1 };
    const parts = await composeWorker(configOf(name, { ...base, ...settings }), { version: '1.2.3', log: quietLog });
    opened.push(() => parts.close());
    await untilReady(parts);
    return parts;
  }

  async function send<T>(
    { app }: ApiParts,
    method: 'GET' | 'POST' | 'PUT' | 'PATCH',
    url: string,
    body?: object,
    headers = {},
  ) {
    const answer = await app.inject({ method, url, headers, ...(body && { payload: body }) });
    expect(answer.statusCode, answer.body).toBeLessThan(300);
    return answer.json<T>();
  }

  interface Shown {
    readonly id: string;
    readonly state: string;
    readonly jobs: readonly { readonly state: string; readonly error?: { readonly code: string } }[];
  }

  async function draw(parts: ApiParts, body: object = {}, headers = {}): Promise<Shown> {
    const request = { prompt: 'a secret fox', width: 64, height: 64, steps: 4, seed: 1, ...body };
    const { id } = await send<Shown>(parts, 'POST', '/v1/generations', request, headers);
    await parts.app.inject({ url: `/v1/generations/${id}/events`, headers });
    return send<Shown>(parts, 'GET', `/v1/generations/${id}`, undefined, headers);
  }

  async function query<T>(statement: string): Promise<readonly T[]> {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    try {
      return (await client.query(statement)).rows as readonly T[];
    } finally {
      await client.end();
    }
  }

  const holders = async (): Promise<Record<string, string>> => {
    const rows = await query<{ name: string; holder: string }>(
      "select name, holder from leases where name in ('alerts', 'budgets', 'retention')",
    );
    return Object.fromEntries(rows.map(({ name, holder }) => [name, holder]));
  };

  it('has one process at a time for alerts, budgets and retention, and the next when that one ends', async () => {
    const first = await api('first');
    await expect
      .poll(async () => Object.keys(await holders()).sort(), { timeout: 30_000 })
      .toEqual(['alerts', 'budgets', 'retention']);
    const before = await holders();
    await api('second');
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(await holders()).toEqual(before);
    opened.splice(0, 1);
    await first.close();
    await expect
      .poll(
        async () => {
          const after = await holders();
          return ['alerts', 'budgets', 'retention'].filter(
            (name) => after[name] !== undefined && after[name] !== before[name],
          );
        },
        { timeout: 30_000 },
      )
      .toHaveLength(3);
  });

  it('tells of an alert and of a budget once, whichever process sees it', async () => {
    const receiver = await startReceiver();
    opened.push(() => receiver[Symbol.asyncDispose]());
    const settings = { webhookAllowedHosts: ['127.0.0.1'] };
    const [one, other] = await Promise.all([
      api('one', settings),
      api('other', settings),
      worker('drawer', { device: 'fixed:50' }),
    ]);
    const acme = (await issueKey(one, { tenant: 'acme', role: 'admin' })).headers;
    await send(one, 'POST', '/v1/webhooks', { url: `${receiver.url}/hook`, events: ['budget.*'] }, acme);
    const channel = { name: 'chat', kind: 'slack', url: `${receiver.url}/chat` };
    await send(other, 'POST', '/v1/alert-channels', channel);
    await send(one, 'PUT', '/v1/prices', { currency: 'CNY', perPicture: 1, perDeviceSecond: 0 });
    await send(one, 'PUT', '/v1/budget?tenant=acme', { soft: 1 });
    await draw(other, {}, acme);
    await receiver.until(({ path }) => path.includes('/hook'));
    await receiver.until(({ path }) => path.includes('/chat'));
    // Both look again several times.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(receiver.messages.map(({ path }) => path.split('/').at(-1)).sort()).toEqual(['chat', 'hook']);
    expect(receiver.messages.find(({ path }) => path.includes('chat'))?.body).toContain('soft budget');
    expect(await query("select id from alerts where data like '%budget-reached%'")).toHaveLength(1);
  });

  it('ends a stuck engine of a worker, and has its picture drawn', async () => {
    const parts = await api('api');
    const { engine, incidents } = await worker('worker', {
      ...{ model: demo, device: 'cpu', engineStuckFactor: 3, engineStuckLeastMs: 400 },
    });
    await draw(parts);
    const drawing = draw(parts, { steps: 100 });
    await expect
      .poll(async () => query("select id from jobs where state = 'running'"), { interval: 10 })
      .toHaveLength(1);
    process.kill(engine.pid ?? 0, 'SIGSTOP');
    expect((await drawing).state).toBe('succeeded');
    expect(incidents.list().map(({ kind }) => kind)).toContain('engine_stuck');
    const names = await readdir(join(folder, 'worker', 'crash-reports'));
    const texts = await Promise.all(
      names.map((name) => readFile(join(folder, 'worker', 'crash-reports', name), 'utf8')),
    );
    expect(texts.join()).not.toContain('secret');
  });

  it('has pictures that hold nothing drawn in another precision by the worker, and says so on the job', async () => {
    const parts = await api('api', { model: demo });
    const settings = { model: demo, device: 'cpu', weights: 'w8a8', warmUpEveryMs: 0 } as const;
    const before = await worker('worker', settings);
    expect((await draw(parts)).jobs[0]).not.toHaveProperty('warnings');
    await before.close();
    opened.pop();
    const cache = join(folder, 'worker', 'cache');
    const names = (await readdir(cache, { recursive: true })).filter((name) => name.endsWith('-w8a8.safetensors'));
    expect(names).not.toEqual([]);
    for (const name of names) {
      const bytes = await readFile(join(cache, name));
      // Behind its header every four bytes read as NaN.
      await writeFile(join(cache, name), bytes.fill(0xff, 8 + Number(bytes.readBigUInt64LE(0))));
    }
    const { incidents } = await worker('worker', settings);
    for (const seed of [2, 3]) {
      const { state, jobs } = await draw(parts, { seed });
      expect(state).toBe('succeeded');
      expect(jobs[0]).toMatchObject({ warnings: [{ code: 'precision_changed' }] });
    }
    expect(incidents.list()).toMatchObject([{ kind: 'picture_unsound', message: expect.stringContaining('w8a8') }]);
  });

  it('puts the damaged weights of a worker aside and says so on the job', async () => {
    const models = join(folder, 'models');
    await cp(demo, join(models, 'copy'), { recursive: true });
    const store = createModelStore({ modelsFolder: models, readOnlyFolders: [] });
    await createRecordModel({ store })({ reference: join(models, 'copy'), signal: new AbortController().signal });
    const parts = await api('api', { model: join(models, 'copy') });
    const { incidents } = await worker('worker', { model: join(models, 'copy'), device: 'cpu', warmUpEveryMs: 0 });
    const names = await readdir(join(models, 'copy'), { recursive: true });
    const weights = names.find((name) => name.startsWith('transformer') && name.endsWith('.safetensors')) ?? 'none';
    await truncate(join(models, 'copy', weights), 1_000);
    const { jobs } = await draw(parts);
    expect(jobs[0]).toMatchObject({ state: 'failed', error: { code: expect.stringContaining('checkpoint_file') } });
    await expect.poll(() => incidents.list().map(({ kind }) => kind), { timeout: 30_000 }).toContain('weights_damaged');
    expect(await readdir(models)).toContain('copy.quarantine');
  });
});
