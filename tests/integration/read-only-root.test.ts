import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClient } from '@imagemill/api/client';
import { describe, expect, it } from 'vitest';
import { writeLora } from '../support/demo-lora.ts';
import { type ContainedProcess, canContain, DATA, startContained } from '../support/read-only-root.ts';
import { describeWithRedis, startRedis } from '../support/redis-server.ts';
import { hasS3Server, startS3Server } from '../support/s3-server.ts';
import { describeWithPostgres, newDatabase } from '../support/with-postgres.ts';

const model = fileURLToPath(new URL('../../models/demo', import.meta.url));
const patiently = { timeout: 120_000, interval: 100 };

describe.skipIf(!canContain())('on a root that cannot be written, as a user without a name', () => {
  /** Draws with an uploaded LoRA, and the rows of a file, through one process. */
  const useIt = async (url: string): Promise<void> => {
    const client = createClient({ baseUrl: url });
    const folder = await mkdtemp(join(tmpdir(), 'imagemill-contained-'));
    try {
      const lora = await readFile(await writeLora(folder, 'own', { model, seed: 1 }));
      await client.uploadLora('own.safetensors', new Blob([new Uint8Array(lora)]));
    } finally {
      await rm(folder, { recursive: true });
    }
    const body = { prompt: 'a boat', width: 64, height: 64, steps: 2, loras: [{ name: 'own' }] };
    const { id } = await client.submitGeneration(body);
    const bulk = await client.createBulk('boats.csv', new Blob(['prompt\na red boat\na blue boat\n']), {
      ...{ width: 64, height: 64, steps: 2 },
    });
    await expect.poll(async () => (await client.getGeneration(id)).state, patiently).toBe('succeeded');
    await expect.poll(async () => (await client.getBulk(bulk.id)).state, patiently).toBe('finished');
    const { jobs } = await client.getGeneration(id);
    expect((await fetch(new URL(jobs[0]?.asset?.url ?? '', url))).status).toBe(200);
  };

  /** Nothing was refused, and nothing is where no document says that it is. */
  const expectContained = async (one: ContainedProcess, data: readonly string[]): Promise<void> => {
    // An empty file that the library of ONNX Runtime opens.
    expect(one.filesIn('/tmp').filter((name) => !/^mat-debug-\d+\.log$/.test(name))).toEqual([]);
    expect(one.filesIn(DATA).filter((name) => !data.includes(name))).toEqual([]);
    expect(await one.stop()).toBe(0);
    expect(one.output()).not.toMatch(/EROFS|EACCES|read-only|Read-only/);
  };

  it('a whole server draws, keeps uploads and files, and writes to its data folder alone', async () => {
    const server = await startContained(['serve', '--device', 'cpu', '--model', model], {
      portVariable: 'IMAGEMILL_PORT',
    });
    try {
      await useIt(server.url).catch((error: unknown) => {
        throw new Error(server.output(), { cause: error });
      });
      await expectContained(server, [
        ...['assets', 'bulks', 'cache', 'files', 'imagemill.db', 'imagemill.db-shm', 'imagemill.db-wal'],
        ...['server.json', 'server.lock', 'loras', 'crash-reports'],
      ]);
    } finally {
      await server.stop();
    }
  });

  describeWithPostgres('in a cluster', () => {
    describeWithRedis('with Redis', () => {
      it.skipIf(!hasS3Server())('api, worker and dispatcher work together, and write caches alone', async () => {
        await using stack = new AsyncDisposableStack();
        const database = await newDatabase();
        stack.defer(() => database.drop());
        const redis = await startRedis();
        stack.defer(() => redis.remove());
        const s3 = stack.use(await startS3Server());
        const environment = {
          ...{ IMAGEMILL_DATABASE_URL: database.url, IMAGEMILL_REDIS_URL: redis.url, IMAGEMILL_MODEL: model },
          ...{ IMAGEMILL_S3_ENDPOINT: s3.endpoint, IMAGEMILL_S3_BUCKET: s3.bucket },
          ...{ IMAGEMILL_S3_ACCESS_KEY_ID: s3.key.accessKeyId, IMAGEMILL_S3_SECRET_ACCESS_KEY: s3.key.secretAccessKey },
        };
        const start = async (role: string, portVariable: string): Promise<ContainedProcess> => {
          const started = await startContained([role], { ...environment, portVariable, IMAGEMILL_DEVICE: 'cpu' });
          stack.defer(async () => void (await started.stop()));
          return started;
        };
        const [api, worker, dispatcher] = await Promise.all([
          start('api', 'IMAGEMILL_PORT'),
          start('worker', 'IMAGEMILL_WORKER_PORT'),
          start('dispatcher', 'IMAGEMILL_WORKER_PORT'),
        ]);
        await useIt(api.url);
        await expectContained(api, ['bulks', 'files', 'lora-cache', 'crash-reports']);
        await expectContained(worker, ['cache', 'lora-cache', 'crash-reports']);
        await expectContained(dispatcher, []);
      });
    });
  });
});
