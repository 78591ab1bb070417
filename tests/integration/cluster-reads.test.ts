/** Whichever api process is asked: they read the same records. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadConfig } from '../../apps/server/src/config/load.ts';
import { type ApiParts, composeApi, composeWorker } from '../../apps/server/src/main/compose.ts';
import type { Generation, GenerationPage, QueueStatus } from '../../packages/api/src/index.ts';
import { quietLog } from '../support/quiet-log.ts';
import { untilReady } from '../support/server-parts.ts';
import { describeWithPostgres, newDatabase } from '../support/with-postgres.ts';

describeWithPostgres('two api processes on the same PostgreSQL', () => {
  let database: Awaited<ReturnType<typeof newDatabase>>;
  let folder: string;
  let one: ApiParts;
  let other: ApiParts;
  const opened: (() => PromiseLike<unknown>)[] = [];

  function configOf(name: string, device: string) {
    const shared = { databaseUrl: database.url, assetDir: join(folder, 'assets'), minFreeBytes: 0, calibrate: false };
    const own = { dataDir: join(folder, name), port: 0, device };
    return loadConfig({ overrides: { ...shared, ...own }, environment: { PATH: process.env['PATH'] } });
  }

  const api = async (name: string): Promise<ApiParts> => {
    const parts = await composeApi(configOf(name, 'fixed:20'), { version: '1.2.3', log: quietLog });
    opened.push(() => parts.close());
    return parts;
  };

  beforeAll(async () => {
    database = await newDatabase();
    folder = await mkdtemp(join(tmpdir(), 'imagemill-reads-'));
    [one, other] = [await api('one'), await api('other')];
    const drawer = await composeWorker(configOf('drawer', 'fixed:20'), { version: '1.2.3', log: quietLog });
    opened.push(() => drawer.close());
    await untilReady(drawer);
  });
  afterAll(async () => {
    for (const close of opened.reverse()) await close();
    await database.drop();
    await rm(folder, { recursive: true, force: true });
  });

  const ask = async <T>({ app }: ApiParts, url: string): Promise<T> => {
    const answer = await app.inject({ url });
    expect(answer.statusCode, answer.body).toBe(200);
    return answer.json<T>();
  };
  const post = async <T>({ app }: ApiParts, url: string, payload?: object): Promise<T> => {
    const answer = await app.inject({ method: 'POST', url, ...(payload && { payload }) });
    expect(answer.statusCode, answer.body).toBeLessThan(300);
    return answer.json<T>();
  };
  const order = (prompt: string) => ({ prompt, width: 64, height: 64, steps: 4, seed: 1 });
  /** Addresses of pictures are signed by the second. */
  const unsigned = (page: unknown): unknown =>
    JSON.parse(JSON.stringify(page, (name, value) => (name === 'url' ? undefined : value)));

  it('read the same history of jobs and prompts, whichever of them took a job', async () => {
    const taken = [
      await post<Generation>(one, '/v1/generations', order('a cup')),
      await post<Generation>(other, '/v1/generations', order('一只猫')),
    ];
    // Each is followed at the process that did not take it.
    await other.app.inject({ url: `/v1/generations/${taken[0]?.id}/events` });
    await one.app.inject({ url: `/v1/generations/${taken[1]?.id}/events` });
    const history = await ask<GenerationPage>(one, '/v1/generations');
    expect(history.items.map(({ prompt, state }) => [prompt, state])).toEqual([
      ['一只猫', 'succeeded'],
      ['a cup', 'succeeded'],
    ]);
    for (const path of ['/v1/generations', '/v1/pictures', `/v1/jobs/${history.items[0]?.jobs[0]?.id}`]) {
      expect(unsigned(await ask(other, path))).toEqual(unsigned(await ask(one, path)));
    }
  });

  it('read the same queue, and what is done at one stands at the other at once', async () => {
    await post(one, '/v1/queue/pause');
    const first = await post<Generation>(one, '/v1/generations', order('a jug'));
    const second = await post<Generation>(other, '/v1/generations', order('a plate'));
    await post(other, `/v1/jobs/${first.jobs[0]?.id}/priority`, { priority: 'bulk' });
    const isPaused = await ask<QueueStatus>(other, '/v1/queue');
    expect(isPaused).toMatchObject({ paused: true, classes: { standard: { queued: 1 }, bulk: { queued: 1 } } });
    const waits = '/v1/generations?state=queued';
    expect((await ask<GenerationPage>(one, waits)).items.map(({ id }) => id)).toEqual([second.id, first.id]);
    expect(unsigned(await ask(other, waits))).toEqual(unsigned(await ask(one, waits)));
    await post(one, `/v1/generations/${second.id}/cancel`);
    expect((await ask<GenerationPage>(other, waits)).items.map(({ id }) => id)).toEqual([first.id]);
    await post(other, '/v1/queue/resume');
    await one.app.inject({ url: `/v1/generations/${first.id}/events` });
    const ended = await ask<Generation>(one, `/v1/generations/${first.id}`);
    expect(ended.state).toBe('succeeded');
    expect(unsigned(await ask(other, `/v1/generations/${first.id}`))).toEqual(unsigned(ended));
    expect(await ask(other, '/v1/queue')).toEqual(await ask(one, '/v1/queue'));
    const log = '/v1/audit?action=queue.paused';
    expect(await ask(other, log)).toEqual(await ask(one, log));
  });
});
