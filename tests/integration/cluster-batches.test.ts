import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI from 'openai';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { answersIn, batchWhen, requestLine, startBatch, uploadLines } from '../support/openai-batch.ts';
import { createDatabase, type PostgresServer, startPostgres } from '../support/postgres-server.ts';
import { ServerFolder, type ServerProcess } from '../support/server-process.ts';
import { startReceiver } from '../support/webhook-receiver.ts';
import { describeWithPostgres } from '../support/with-postgres.ts';

const model = new URL('../../models/demo', import.meta.url).pathname;

describeWithPostgres('batches of OpenAI on several api processes', () => {
  let postgres: PostgresServer;
  let url: string;
  let assetDir: string;
  let folder: ServerFolder;
  beforeEach(async () => {
    postgres = await startPostgres();
    ({ url } = await createDatabase(postgres.url));
    assetDir = await mkdtemp(join(tmpdir(), 'imagemill-batches-'));
    folder = await ServerFolder.create();
  });
  afterEach(async () => {
    await folder.remove();
    await postgres.remove();
    await rm(assetDir, { recursive: true, force: true });
  });

  const start = (role: 'api' | 'worker', device = 'fixed:20'): Promise<ServerProcess> => {
    const settings = { databaseUrl: url, assetDir, model, device, logLevel: 'error' as const };
    return folder.start({ ...settings, webhookAllowedHosts: ['127.0.0.1'] }, [], role);
  };
  // Who is on the same machine needs no key. Repeats are those of the package itself.
  const clientOf = (server: ServerProcess) =>
    new OpenAI({ apiKey: 'none', baseURL: `${server.url}/v1`, maxRetries: 5 });
  const drawn =
    (count: number) =>
    ({ request_counts: counts }: OpenAI.Batch): boolean =>
      (counts?.completed ?? 0) >= count;

  it('go on when the one that runs them dies, and the database too, with each line drawn once', async () => {
    await using receiver = await startReceiver();
    const [one, two] = await Promise.all([start('api'), start('api'), start('worker')]);
    const hook = JSON.stringify({ url: `${receiver.url}/batches`, events: ['batch.*'] });
    const json = { 'content-type': 'application/json' };
    expect((await fetch(`${one.url}/v1/webhooks`, { method: 'POST', headers: json, body: hook })).status).toBe(201);
    const lines = Array.from({ length: 300 }, (_, at) => requestLine(`k${at}`));
    // Handed in at one, started and asked after at the other.
    const { id: input_file_id } = await uploadLines(clientOf(one), lines);
    const wanted = { input_file_id, endpoint: '/v1/images/generations', completion_window: '24h' } as const;
    const batch = await clientOf(two).batches.create(wanted);
    await batchWhen(clientOf(one), batch, drawn(20));
    await one.stop('SIGKILL');
    await batchWhen(clientOf(two), batch, drawn(80));
    const three = await start('api');
    // One of the two that were killed by now ran it.
    await two.stop('SIGKILL');
    await batchWhen(clientOf(three), batch, drawn(150));
    await postgres.restart('immediate');

    const own = clientOf(three);
    const ended = await batchWhen(own, batch);
    expect(ended).toMatchObject({ status: 'completed', request_counts: { total: 300, completed: 300, failed: 0 } });
    const answers = await answersIn(own, ended.output_file_id);
    expect(new Set(answers.map(({ custom_id }) => custom_id)).size).toBe(300);
    expect(answers).toHaveLength(300);
    let generations = 0;
    for (let cursor: string | undefined = ''; cursor !== undefined; ) {
      const page = await fetch(`${three.url}/v1/generations?limit=100${cursor === '' ? '' : `&cursor=${cursor}`}`);
      const { items, nextCursor } = (await page.json()) as { items: unknown[]; nextCursor?: string };
      generations += items.length;
      cursor = nextCursor;
    }
    expect(generations).toBe(300);
    const told = await receiver.until(({ body }) => body.includes(batch.id));
    expect(JSON.parse(told.body)).toMatchObject({ type: 'batch.completed', data: { id: batch.id } });
    expect(new Set(receiver.messages.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  }, 300_000);

  it('are cancelled at any of them', async () => {
    const apis = await Promise.all([start('api'), start('api')]);
    await start('worker', 'fixed:2000');
    const lines = Array.from({ length: 60 }, (_, at) => requestLine(`c${at}`));
    for (const api of apis) {
      const own = clientOf(api);
      const batch = await startBatch(own, lines);
      await batchWhen(own, batch, ({ status }) => status === 'in_progress');
      expect((await own.batches.cancel(batch.id)).status).toBe('cancelling');
      const ended = await batchWhen(own, batch);
      expect(ended.status).toBe('cancelled');
      const { completed = 0, failed = 0 } = ended.request_counts ?? {};
      expect(completed + failed).toBe(60);
      expect(failed).toBeGreaterThan(50);
    }
  }, 300_000);
});
