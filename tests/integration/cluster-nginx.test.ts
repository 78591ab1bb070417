import { randomFillSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Asset, Generation } from '@imagemill/api';
import { type Client, createClient } from '@imagemill/api/client';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SettingsInput } from '../../apps/server/src/config/schema.ts';
import { hasNginx, type NginxServer, startNginx } from '../support/nginx-server.ts';
import { runCli } from '../support/run-cli.ts';
import { ServerFolder, type ServerProcess } from '../support/server-process.ts';
import { describeWithPostgres, newDatabase } from '../support/with-postgres.ts';

describe.skipIf(!hasNginx())('nginx', () => {
  describeWithPostgres('in front of two api processes, with the shipped configuration', () => {
    let database: Awaited<ReturnType<typeof newDatabase>>;
    let assetDir: string;
    let folder: ServerFolder;
    let apis: ServerProcess[];
    let nginx: NginxServer;
    let key: string;
    let shared: SettingsInput;
    let client: Client;
    beforeAll(async () => {
      database = await newDatabase();
      assetDir = await mkdtemp(join(tmpdir(), 'imagemill-nginx-assets-'));
      folder = await ServerFolder.create();
      const logLevel = 'error' as const;
      shared = { databaseUrl: database.url, assetDir, logLevel, trustedProxies: ['127.0.0.1'] };
      apis = await Promise.all([1, 2].map(() => folder.start({ ...shared, device: 'fixed:1200' }, [], 'api')));
      await folder.start({ ...shared, device: 'fixed:1200' }, [], 'worker');
      const made = await runCli(['keys', 'create', '--name', 'test', '--role', 'admin', '--json'], {
        cwd: folder.path,
        env: { IMAGEMILL_DATABASE_URL: database.url },
      });
      key = String(made.json()[0]?.['secret']);
      nginx = await startNginx(apis.map(({ url }) => url));
      client = createClient({ baseUrl: nginx.url, headers: headers() });
    });
    afterAll(async () => {
      await nginx?.[Symbol.asyncDispose]();
      await folder?.remove();
      await database?.drop();
      await rm(assetDir, { recursive: true, force: true });
    });

    const headers = (): Record<string, string> => ({ authorization: `Bearer ${key}` });
    const submit = (more: object = {}): Promise<Generation> =>
      client.submitGeneration({ prompt: 'a ship', width: 64, height: 64, steps: 4, ...more });

    it('lets nobody in without a key, although nginx speaks from this machine', async () => {
      expect((await fetch(`${nginx.url}/v1/generations`)).status).toBe(401);
      expect((await fetch(`${nginx.url}/metrics`)).status).toBe(404);
    });

    it('passes steps on as they happen', async () => {
      const { id, links } = await submit();
      const stream = await fetch(nginx.url + links.events, { headers: headers() });
      let text = '';
      let stateAtFirstStep: string | undefined;
      for await (const piece of stream.body ?? []) {
        text += Buffer.from(piece).toString();
        if (stateAtFirstStep === undefined && text.includes('event: job.step')) {
          stateAtFirstStep = (await client.getGeneration(id)).state;
        }
      }
      expect(stateAtFirstStep).toBe('running');
      expect(text.match(/event: job\.step/g)).toHaveLength(4);
      expect(text).toContain('event: generation.finished');
    });

    it('takes an upload of 30 MB, and any process gives it back', async () => {
      const [width, height] = [3_200, 3_200];
      const noise = randomFillSync(new Uint8Array(3 * width * height));
      const file = await sharp(noise, { raw: { width, height, channels: 3 } })
        .png({ compressionLevel: 0 })
        .toBuffer();
      expect(file.byteLength).toBeGreaterThan(30_000_000);
      const body = new FormData();
      body.set('file', new Blob([new Uint8Array(file)], { type: 'image/png' }), 'noise.png');
      const answer = await fetch(`${nginx.url}/v1/assets`, { method: 'POST', headers: headers(), body });
      const asset = (await answer.json()) as Asset;
      expect([answer.status, asset.sizeBytes]).toEqual([201, file.byteLength]);
      for (const { url } of apis) {
        const back = await fetch(`${url}/v1/assets/${asset.id}`, { headers: headers() });
        expect(Buffer.from(await back.arrayBuffer()).equals(file)).toBe(true);
      }
    });

    it('goes on with every stream at another process when one is killed, and no state is missed or told twice', async () => {
      const { id, links } = await submit({ count: 6 });
      const readers = Array.from({ length: 4 }, () => followEvents(nginx.url + links.events, headers()));
      await untilAll(readers, ({ events }) => events.length > 0);
      const { port } = new URL(apis[0]?.url ?? '');
      await apis[0]?.stop('SIGKILL');
      await Promise.all(readers.map(({ end }) => end));
      expect(readers.some(({ breaks }) => breaks > 0)).toBe(true);

      const whole = followEvents((apis[1]?.url ?? '') + links.events, headers());
      await whole.end;
      const lasting = statesOf(whole.events);
      expect(lasting.filter(({ type }) => type === 'job.succeeded')).toHaveLength(6);
      for (const { events } of readers) {
        expect(statesOf(events)).toEqual(lasting);
        const ids = events.map((event) => event.id);
        expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
      }
      expect((await client.getGeneration(id)).state).toBe('succeeded');
      apis[0] = await folder.start({ ...shared, device: 'fixed:1200', port: Number(port) }, [], 'api');
    });

    it('has another process answer when one is killed, and nobody loses a request that only asks', async () => {
      const { id } = await submit({ count: 2 });
      const ask = async (): Promise<number> =>
        (await fetch(`${nginx.url}/v1/generations/${id}`, { headers: headers() })).status;
      const statuses: number[] = [];
      let isOver = false;
      const asking = Array.from({ length: 4 }, async () => {
        while (!isOver) statuses.push(await ask());
      });
      await untilMore(statuses, 40);
      await apis[0]?.stop('SIGKILL');
      await untilMore(statuses, 200);
      isOver = true;
      await Promise.all(asking);
      expect(new Set(statuses)).toEqual(new Set([200]));

      const again = await client.submitGeneration(
        { prompt: 'a ship', width: 64, height: 64, steps: 1 },
        { idempotencyKey: 'after-the-kill' },
      );
      await (await fetch(nginx.url + again.links.events, { headers: headers() })).text();
      expect((await client.getGeneration(again.id)).state).toBe('succeeded');
    });
  });
});

async function untilMore(list: readonly unknown[], count: number): Promise<void> {
  const wanted = list.length + count;
  while (list.length < wanted) await new Promise((resolve) => setTimeout(resolve, 10));
}

interface Told {
  readonly id: number;
  readonly type: string;
}

/** Reads a stream as a browser does: where it breaks off, it asks again for what comes after the last id. */
function followEvents(url: string, headers: Readonly<Record<string, string>>) {
  const events: Told[] = [];
  const reader = { events, breaks: 0, end: Promise.resolve() };
  const readOnce = async (): Promise<void> => {
    const after = events.at(-1)?.id;
    const answer = await fetch(url, { headers: { ...headers, ...(after && { 'last-event-id': String(after) }) } });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    let text = '';
    for await (const piece of answer.body ?? []) {
      text += Buffer.from(piece).toString();
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        const [, id] = /^id: (\d+)$/m.exec(block) ?? [];
        const [, type] = /^event: (\S+)$/m.exec(block) ?? [];
        if (id !== undefined && type !== undefined) events.push({ id: Number(id), type });
      }
    }
  };
  const isOver = (): boolean => events.some(({ type }) => type === 'generation.finished');
  const follow = async (): Promise<void> => {
    while (!isOver()) {
      await readOnce().catch(() => undefined);
      if (!isOver()) reader.breaks += 1;
    }
  };
  reader.end = follow();
  return reader;
}

/** Those that are on record; steps pass by. */
function statesOf(events: readonly Told[]): readonly Told[] {
  return events.filter(({ type }) => type !== 'job.step' && type !== 'job.preview');
}

async function untilAll<T>(list: readonly T[], isSo: (one: T) => boolean): Promise<void> {
  while (!list.every(isSo)) await new Promise((resolve) => setTimeout(resolve, 10));
}
