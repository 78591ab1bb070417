import { createHash, randomFillSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Asset, Bulk, Lora } from '@imagemill/api';
import { errorCodes } from '@imagemill/api';
import { createClient } from '@imagemill/api/client';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeLora } from '../support/demo-lora.ts';
import { createDatabase, type PostgresServer, startPostgres } from '../support/postgres-server.ts';
import { hasS3Server, type S3Server, startS3Server } from '../support/s3-server.ts';
import { ServerFolder, type ServerProcess } from '../support/server-process.ts';
import { describeWithPostgres } from '../support/with-postgres.ts';

const model = fileURLToPath(new URL('../../models/demo', import.meta.url));

describeWithPostgres('uploads to a cluster whose database is started again', () => {
  describe.skipIf(!hasS3Server())('with pictures and files in an S3 service', () => {
    let postgres: PostgresServer;
    let s3: S3Server;
    let folder: ServerFolder;
    let first: ServerProcess;
    let second: ServerProcess;
    beforeAll(async () => {
      [postgres, s3, folder] = await Promise.all([startPostgres(), startS3Server(), ServerFolder.create()]);
      const database = await createDatabase(postgres.url);
      const settings = {
        ...{ databaseUrl: database.url, s3Endpoint: s3.endpoint, s3Bucket: s3.bucket },
        ...{ s3AccessKeyId: s3.key.accessKeyId, s3SecretAccessKey: s3.key.secretAccessKey },
        ...{ device: 'fixed:5', model, slots: 4, logLevel: 'error' as const },
      };
      [first, second] = await Promise.all([
        folder.start({ ...settings, dataDir: 'first' }, [], 'api'),
        folder.start({ ...settings, dataDir: 'second' }, [], 'api'),
        folder.start({ ...settings, dataDir: 'worker' }, [], 'worker'),
      ]);
    }, 120_000);
    afterAll(async () => {
      await folder?.remove();
      await Promise.all([s3?.[Symbol.asyncDispose](), postgres?.remove()]);
    });

    /** Repeats an upload as a client should, while it gets codes that may be repeated; gives the answer and the codes. */
    const upload = async <T>(path: string, send: (url: string) => Promise<Response>) => {
      const refused: string[] = [];
      for (;;) {
        const answer = await send(`${first.url}${path}`);
        if (answer.status === 201) return { made: (await answer.json()) as T, refused };
        const problem = (await answer.json()) as { code: keyof typeof errorCodes; status: number };
        expect([problem, errorCodes[problem.code]]).toMatchObject([{ status: 503 }, { retryable: true }]);
        expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
        refused.push(problem.code);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    };
    const inOne =
      (name: string, bytes: Uint8Array) =>
      (url: string): Promise<Response> => {
        const form = new FormData();
        form.set('file', new Blob([new Uint8Array(bytes)]), name);
        return fetch(url, { method: 'POST', body: form });
      };
    /** Sends the first half, has something happen, and sends the rest. */
    const inHalves =
      (name: string, bytes: Uint8Array, between: () => Promise<void>) =>
      (url: string): Promise<Response> => {
        const head = `--x\r\ncontent-disposition: form-data; name="file"; filename="${name}"\r\n\r\n`;
        const body = async function* (): AsyncGenerator<Uint8Array> {
          yield Buffer.from(head);
          yield bytes.subarray(0, bytes.length / 2);
          await between();
          yield bytes.subarray(bytes.length / 2);
          yield Buffer.from('\r\n--x--\r\n');
        };
        const headers = { 'content-type': 'multipart/form-data; boundary=x' };
        return fetch(url, {
          method: 'POST',
          headers,
          body: ReadableStream.from(body()),
          duplex: 'half',
        } as RequestInit);
      };
    const noise = (seed: number): Promise<Buffer> => {
      const pixels = randomFillSync(new Uint8Array(3 * 256 * 256));
      pixels[0] = seed;
      return sharp(pixels, { raw: { width: 256, height: 256, channels: 3 } })
        .png({ compressionLevel: 0 })
        .toBuffer();
    };
    const lora = async (name: string, seed: number): Promise<Buffer> =>
      readFile(await writeLora(folder.path, name, { model, seed }));
    const rows = (count: number): Buffer =>
      Buffer.from(['prompt', ...Array.from({ length: count }, (_, at) => `boat ${at}`)].join('\n'));
    const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

    const expectPicture = async (made: Asset, bytes: Uint8Array): Promise<void> => {
      const answer = await fetch(`${second.url}/v1/assets/${made.id}`);
      expect([answer.status, sha256(Buffer.from(await answer.arrayBuffer()))]).toEqual([200, sha256(bytes)]);
    };
    const expectLora = async (made: Lora, bytes: Uint8Array): Promise<void> => {
      const there = async () => (await createClient({ baseUrl: second.url }).listLoras()).items;
      const found = async () => (await there()).find(({ name }) => name === made.name)?.sha256;
      await expect.poll(found, { timeout: 10_000 }).toBe(sha256(bytes));
    };
    const expectDrawn = async (made: Bulk, count: number): Promise<void> => {
      const read = async () => createClient({ baseUrl: second.url }).getBulk(made.id);
      await expect.poll(async () => (await read()).state, { timeout: 60_000, interval: 100 }).toBe('finished');
      expect(await read()).toMatchObject({ pictures: { succeeded: count, failed: 0 } });
    };

    it.each(['fast', 'immediate'] as const)('takes what was half here when it went away (%s)', async (mode) => {
      let restart: Promise<void> | undefined;
      const between = async (): Promise<void> => {
        restart ??= postgres.restart(mode);
        await restart;
      };
      const [picture, adapter] = [await noise(1), await lora(`half-${mode}`, 7)];
      const [asset, uploaded, bulk] = await Promise.all([
        upload<Asset>('/v1/assets', inHalves('noise.png', picture, between)),
        upload<Lora>('/v1/loras', inHalves(`half-${mode}.safetensors`, adapter, between)),
        upload<Bulk>('/v1/bulks?width=64&height=64&steps=1', inHalves('rows.csv', rows(100), between)),
      ]);
      await expectPicture(asset.made, picture);
      await expectLora(uploaded.made, adapter);
      await expectDrawn(bulk.made, 100);
    });

    it('loses none of many that come while it is away, and says so with a code that may be repeated', async () => {
      const adapters = await Promise.all([0, 1, 2].map((at) => lora(`many-${at}`, 1_000 * at)));
      const pictures = await Promise.all([0, 1, 2, 3].map(noise));
      await postgres.stop();
      const uploads = Promise.all([
        Promise.all(pictures.map((bytes) => upload<Asset>('/v1/assets', inOne('noise.png', bytes)))),
        Promise.all(adapters.map((bytes, at) => upload<Lora>('/v1/loras', inOne(`many-${at}.safetensors`, bytes)))),
        Promise.all(
          [1, 2].map(() => upload<Bulk>('/v1/bulks?width=64&height=64&steps=1', inOne('rows.csv', rows(40)))),
        ),
      ]);
      await expect.poll(async () => (await fetch(`${first.url}/health/ready`)).status, { timeout: 20_000 }).toBe(503);
      await postgres.start();
      const [assets, loras, bulks] = await uploads;
      expect([...assets, ...loras, ...bulks].some(({ refused }) => refused.length > 0)).toBe(true);
      for (const [at, { made }] of assets.entries()) await expectPicture(made, pictures[at] ?? Buffer.alloc(0));
      for (const [at, { made }] of loras.entries()) await expectLora(made, adapters[at] ?? Buffer.alloc(0));
      for (const { made } of bulks) await expectDrawn(made, 40);
    });
  });
});
