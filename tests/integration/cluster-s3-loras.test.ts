import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Generation, GenerationRequestInput, JobDetail, Lora } from '@imagemill/api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SettingsInput } from '../../apps/server/src/config/schema.ts';
import { loadConfig } from '../../apps/server/src/index.ts';
import { moveToCluster } from '../../apps/server/src/main/move.ts';
import { writeLora } from '../support/demo-lora.ts';
import { hasS3Server, type S3Server, startS3Server } from '../support/s3-server.ts';
import { ServerFolder, type ServerProcess } from '../support/server-process.ts';
import { describeWithPostgres, newDatabase } from '../support/with-postgres.ts';

const patiently = { timeout: 30_000, interval: 100 };
const model = fileURLToPath(new URL('../../models/demo', import.meta.url));

describeWithPostgres('a cluster on PostgreSQL', () => {
  describe.skipIf(!hasS3Server())('with uploaded LoRAs in an S3 service and no folder that its processes share', () => {
    let database: Awaited<ReturnType<typeof newDatabase>>;
    let s3: S3Server;
    let folder: ServerFolder;
    let settings: SettingsInput;
    let bytes: Buffer;
    let other: Buffer;

    beforeAll(async () => {
      database = await newDatabase();
      s3 = await startS3Server();
      folder = await ServerFolder.create();
      settings = {
        ...{ databaseUrl: database.url, s3Endpoint: s3.endpoint, s3Bucket: s3.bucket },
        ...{ s3AccessKeyId: s3.key.accessKeyId, s3SecretAccessKey: s3.key.secretAccessKey },
        ...{ device: 'fixed:20', model, logLevel: 'error' },
      };
      bytes = await readFile(await writeLora(folder.path, 'one', { model, seed: 1 }));
      other = await readFile(await writeLora(folder.path, 'other', { model, seed: 100 }));
    }, 120_000);
    afterAll(async () => {
      await folder?.remove();
      await s3?.[Symbol.asyncDispose]();
      await database?.drop();
    });

    const upload = async (url: string, name: string, content: Uint8Array): Promise<Response> => {
      const form = new FormData();
      form.set('file', new Blob([new Uint8Array(content)]), `${name}.safetensors`);
      return fetch(`${url}/v1/loras`, { method: 'POST', body: form });
    };
    const list = async (url: string): Promise<readonly Lora[]> =>
      ((await (await fetch(`${url}/v1/loras`)).json()) as { items: readonly Lora[] }).items;
    const submit = async (url: string, input: Partial<GenerationRequestInput>): Promise<Response> => {
      const body = JSON.stringify({ prompt: 'a boat', width: 64, height: 64, steps: 1, seed: 3, ...input });
      return fetch(`${url}/v1/generations`, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
    };
    const read = async (url: string, { id }: { readonly id: string }): Promise<Generation> =>
      (await fetch(`${url}/v1/generations/${id}`)).json() as Promise<Generation>;
    const cached = async (dataDir: string): Promise<readonly string[]> =>
      (await readdir(join(folder.path, dataDir, 'lora-cache'), { recursive: true }).catch(() => [])).filter((name) =>
        name.endsWith('.safetensors'),
      );
    const objects = async (): Promise<readonly string[]> => {
      const answer = await s3.send('GET', `/${s3.bucket}?list-type=2&prefix=loras/`);
      return [...(await answer.text()).matchAll(/<Key>([^<]+)<\/Key>/g)].map(([, key = '']) => key);
    };

    describe('with two apis and a worker', () => {
      let first: ServerProcess;
      let second: ServerProcess;
      beforeAll(async () => {
        [first, second] = await Promise.all([
          folder.start({ ...settings, dataDir: 'first' }, [], 'api'),
          folder.start({ ...settings, dataDir: 'second' }, [], 'api'),
          folder.start({ ...settings, device: 'cpu', dataDir: 'worker' }, [], 'worker'),
        ]);
      }, 120_000);

      it('draws with an upload at once, through another api, on a worker that never saw the file', async () => {
        const answer = await upload(first.url, 'one', bytes);
        expect(answer.status).toBe(201);
        const accepted = await submit(second.url, { loras: [{ name: 'one' }] });
        expect(accepted.status, await accepted.clone().text()).toBe(202);
        const made = (await accepted.json()) as Generation;
        await expect.poll(async () => (await read(first.url, made)).state, patiently).toBe('succeeded');
        const plain = (await (await submit(first.url, {})).json()) as Generation;
        await expect.poll(async () => (await read(first.url, plain)).state, patiently).toBe('succeeded');
        const pictures = await Promise.all([read(first.url, made), read(first.url, plain)]);
        expect(new Set(pictures.map(({ jobs }) => jobs[0]?.asset?.url)).size).toBe(2);
        expect(await cached('worker')).toEqual(['default/one.safetensors']);
      });

      it('shows every api the same uploads, refuses other content under a name, and deletes everywhere', async () => {
        await expect.poll(async () => (await list(second.url)).map(({ name }) => name), patiently).toContain('one');
        expect(await (await upload(second.url, 'one', other)).json()).toMatchObject({ code: 'lora_exists' });
        expect((await upload(second.url, 'one', bytes)).status).toBe(201);
        expect(await objects()).toHaveLength(1);
        expect((await fetch(`${second.url}/v1/loras/one`, { method: 'DELETE' })).status).toBe(204);
        expect(await objects()).toEqual([]);
        await expect.poll(async () => (await list(first.url)).map(({ name }) => name), patiently).not.toContain('one');
        await expect.poll(() => cached('worker'), patiently).toEqual([]);
        expect((await upload(first.url, 'one', other)).status).toBe(201);
      });

      it('keeps one of two contents that are uploaded under a name at two apis at once', async () => {
        const answers = await Promise.all([upload(first.url, 'two', bytes), upload(second.url, 'two', other)]);
        expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
        const shas = async () => {
          const both = await Promise.all([list(first.url), list(second.url)]);
          return new Set(both.map((all) => all.find(({ name }) => name === 'two')?.sha256));
        };
        await expect.poll(async () => (await shas()).size, patiently).toBe(1);
      });
    });

    it('hands a job back while the bytes are not there or are others, and draws it when they are', async () => {
      const [api, worker] = await Promise.all([
        folder.start({ ...settings, dataDir: 'first' }, [], 'api'),
        folder.start({ ...settings, dataDir: 'late' }, [], 'worker'),
      ]);
      const before = await objects();
      const late = await readFile(await writeLora(folder.path, 'late', { model, seed: 500 }));
      expect((await upload(api.url, 'late', late)).status).toBe(201);
      const key = (await objects()).find((one) => !before.includes(one));
      await s3.send('PUT', `/${s3.bucket}/${key}`, other);
      const made = (await (await submit(api.url, { loras: [{ name: 'late' }] })).json()) as Generation;
      const job = async () => (await read(api.url, made)).jobs[0];
      const fault = async () => {
        const answer = await fetch(`${api.url}/v1/jobs/${(await job())?.id}`);
        return ((await answer.json()) as JobDetail).attempts.at(-1)?.error?.code;
      };
      await expect.poll(fault, patiently).toBe('lora_unavailable');
      await s3.send('DELETE', `/${s3.bucket}/${key}`);
      const logged = await (await fetch(`${api.url}/v1/jobs/${(await job())?.id}`)).json();
      expect(logged).toMatchObject({ state: expect.stringMatching(/queued|running/) });
      await s3.send('PUT', `/${s3.bucket}/${key}`, late);
      await expect.poll(async () => (await job())?.state, patiently).toBe('succeeded');
      await worker.stop('SIGKILL');
      await api.stop('SIGKILL');
    });

    it('says with a code that can be retried that the service is away, and keeps nothing of the upload', async () => {
      await using gone = await startS3Server();
      const api = await folder.start({ ...settings, s3Endpoint: gone.endpoint, dataDir: 'alone' }, [], 'api');
      await gone[Symbol.asyncDispose]();
      const answer = await upload(api.url, 'never', bytes);
      expect(answer.status).toBe(503);
      expect(await answer.json()).toMatchObject({ code: 'storage_unreachable' });
      expect((await list(api.url)).map(({ name }) => name)).not.toContain('never');
      await api.stop('SIGKILL');
    });

    it('takes over uploads of a data folder, when they are moved and when an api finds them in its own', async () => {
      const one = await folder.start({ device: 'fixed:1', model, dataDir: 'embedded' });
      expect((await upload(one.url, 'moved', bytes)).status).toBe(201);
      const form = new FormData();
      form.set('purpose', 'batch');
      form.set('file', new Blob(['{"custom_id":"a"}\n']), 'lines.jsonl');
      const file = (await (await fetch(`${one.url}/v1/files`, { method: 'POST', body: form })).json()) as {
        id: string;
      };
      await one.stop('SIGTERM');
      const target = await newDatabase();
      try {
        const overrides = { ...settings, databaseUrl: target.url, dataDir: 'embedded', modelsDir: 'models' };
        await moveToCluster(loadConfig({ overrides, environment: {}, folder: folder.path }), () => undefined);
        await rm(join(folder.path, 'embedded'), { recursive: true });
        const elsewhere = join(folder.path, 'fresh/loras/default');
        await mkdir(elsewhere, { recursive: true });
        await writeFile(join(elsewhere, 'found.safetensors'), other);
        const api = await folder.start({ ...settings, databaseUrl: target.url, dataDir: 'fresh' }, [], 'api');
        const uploads = (await list(api.url)).filter(({ origin }) => origin === 'upload');
        expect(uploads.map(({ name }) => name)).toEqual(['found', 'moved']);
        expect((await fetch(`${api.url}/v1/files/${file.id}/content`)).status).toBe(200);
        await api.stop('SIGTERM');
      } finally {
        await target.drop();
      }
    });
  });
});
