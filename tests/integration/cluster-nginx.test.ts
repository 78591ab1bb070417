import { randomFillSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Asset, Generation } from '@imagemill/api';
import { type Client, createClient } from '@imagemill/api/client';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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
    let client: Client;
    beforeAll(async () => {
      database = await newDatabase();
      assetDir = await mkdtemp(join(tmpdir(), 'imagemill-nginx-assets-'));
      folder = await ServerFolder.create();
      const logLevel = 'error' as const;
      const shared = { databaseUrl: database.url, assetDir, logLevel, trustedProxies: ['127.0.0.1'] };
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
