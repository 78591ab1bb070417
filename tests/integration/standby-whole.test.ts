import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClient } from '@imagemill/api/client';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { writeLora } from '../support/demo-lora.ts';
import { describeWithDns, startDnsServer } from '../support/dns-server.ts';
import { startReplica } from '../support/postgres-replica.ts';
import { freePort, startPostgres } from '../support/postgres-server.ts';
import { describeWithRedis, startRedis } from '../support/redis-server.ts';
import { runCli } from '../support/run-cli.ts';
import { hasS3Server, replicateBucket, startS3Server } from '../support/s3-server.ts';
import { ServerFolder } from '../support/server-process.ts';
import { describeWithPostgres } from '../support/with-postgres.ts';

const model = fileURLToPath(new URL('../../models/demo', import.meta.url));
const patiently = { timeout: 120_000, interval: 200 };

describeWithPostgres('two sites', () => {
  describeWithRedis('each with Redis', () => {
    describeWithDns('under a name', () => {
      describe.skipIf(!hasS3Server())('and a bucket that follows the other', () => {
        it('lose no job when the first is gone with its database, Redis and bucket, and the second’s Redis is empty', async () => {
          await using stack = new AsyncDisposableStack();
          const [primary, dns, folder, port, northRedis, southRedis, northS3, southS3] = await Promise.all([
            ...([startPostgres(), startDnsServer(), ServerFolder.create(), freePort()] as const),
            ...([startRedis(), startRedis(), startS3Server(), startS3Server()] as const),
          ]);
          stack.defer(() => primary.remove());
          stack.defer(() => dns.remove());
          stack.defer(() => northRedis.remove());
          stack.defer(() => southRedis.remove());
          stack.use(northS3);
          stack.use(southS3);
          const replica = await startReplica(primary.url);
          stack.defer(() => replica.remove());
          stack.use(await replicateBucket(northS3, southS3));
          stack.defer(() => folder.remove());

          const south = {
            ...{ databaseUrl: replica.url, redisUrl: southRedis.url, site: 'south' },
            ...{ s3Endpoint: southS3.endpoint, s3Bucket: southS3.bucket },
            ...{ s3AccessKeyId: southS3.key.accessKeyId, s3SecretAccessKey: southS3.key.secretAccessKey },
            ...{ model, logLevel: 'error' as const },
          };
          const north = {
            ...{ ...south, site: 'north', databaseUrl: primary.url },
            ...{ redisUrl: northRedis.url, s3Endpoint: northS3.endpoint },
          };
          const start = (settings: typeof south, host: string) => {
            const at = (role: string) => ({ ...settings, dataDir: `${settings.site}-${role}` });
            return Promise.all([
              folder.start({ ...at('api'), host, port }, [], 'api'),
              folder.start({ ...at('worker'), device: 'fixed:300', slots: 2 }, [], 'worker'),
              folder.start(at('dispatcher'), [], 'dispatcher'),
            ]);
          };
          const client = async () => {
            const [address] = await dns.resolver.resolve4('mill.example.test');
            return createClient({ baseUrl: `http://${address}:${port}` });
          };

          const active = await start(north, '127.0.0.1');
          const lora = await readFile(await writeLora(folder.path, 'own', { model, seed: 1 }));
          await (await client()).uploadLora('own.safetensors', new Blob([new Uint8Array(lora)]));
          const size = { width: 64, height: 64, steps: 2 };
          const { id } = await (await client()).submitGeneration({
            prompt: 'a boat',
            ...size,
            count: 16,
            loras: [{ name: 'own' }],
          });
          const rows = new Blob([['prompt', ...Array.from({ length: 30 }, (_, at) => `boat ${at}`)].join('\n')]);
          const bulk = await (await client()).createBulk('boats.csv', rows, size);
          const drawnAtSouth = () => rowsOf(replica.url, `select sha256 from assets`);
          await expect.poll(async () => (await drawnAtSouth()).length, patiently).toBeGreaterThan(3);
          const bytesAtSouth = async (key: string): Promise<boolean> =>
            (await southS3.send('HEAD', `/${southS3.bucket}/${key}`)).ok;
          const uploads = await rowsOf(replica.url, 'select id from lora_uploads');
          await expect.poll(() => bytesAtSouth(`loras/${uploads[0]?.['id']}.safetensors`), patiently).toBe(true);

          const watching = runCli(['standby', '--report', 'report.json'], {
            cwd: folder.path,
            env: {
              IMAGEMILL_DATABASE_URL: replica.url,
              IMAGEMILL_SITE: 'south',
              IMAGEMILL_S3_ENDPOINT: southS3.endpoint,
              IMAGEMILL_S3_BUCKET: southS3.bucket,
              IMAGEMILL_S3_ACCESS_KEY_ID: southS3.key.accessKeyId,
              IMAGEMILL_S3_SECRET_ACCESS_KEY: southS3.key.secretAccessKey,
              IMAGEMILL_STANDBY_ACTIVE_URL: `http://127.0.0.1:${port}`,
              IMAGEMILL_STANDBY_URL: `http://127.0.0.2:${port}`,
              IMAGEMILL_STANDBY_ACTIVE_DATABASE_URL: primary.url,
              IMAGEMILL_STANDBY_LEASE_SECONDS: '5',
              IMAGEMILL_STANDBY_INTERVAL_SECONDS: '0.5',
              IMAGEMILL_STANDBY_FAILURES: '3',
              IMAGEMILL_STANDBY_START_COMMAND: 'touch started',
              IMAGEMILL_STANDBY_DNS_SERVER: `127.0.0.1:${dns.port}`,
              IMAGEMILL_STANDBY_DNS_ZONE: 'example.test',
              IMAGEMILL_STANDBY_DNS_NAME: 'mill.example.test',
              IMAGEMILL_STANDBY_DNS_ADDRESSES: '127.0.0.2',
              IMAGEMILL_STANDBY_DNS_KEY_NAME: dns.key.name,
              IMAGEMILL_STANDBY_DNS_KEY_SECRET: dns.key.secret,
            },
          });
          const watched = `select 1 as n from site where standby = 'south' and lease_until > 0`;
          await expect.poll(async () => (await rowsOf(replica.url, watched)).length, patiently).toBe(1);

          const lostAt = performance.now();
          await Promise.all([...active.map((one) => one.stop('SIGKILL')), northRedis.kill(), primary.stop()]);
          await northS3[Symbol.asyncDispose]();
          await expect.poll(() => existsSync(join(folder.path, 'started')), patiently).toBe(true);
          await start(south, '127.0.0.2');
          const state = async (): Promise<string> => {
            try {
              return (await (await client()).getGeneration(id)).state;
            } catch {
              return 'away';
            }
          };
          await expect.poll(state, patiently).not.toBe('away');
          const awaySeconds = (performance.now() - lostAt) / 1_000;
          await expect.poll(state, patiently).toBe('succeeded');
          await expect.poll(async () => (await (await client()).getBulk(bulk.id)).state, patiently).toBe('finished');
          expect((await watching).status).toBe(0);

          expect((await (await client()).getBulk(bulk.id)).pictures).toMatchObject({ succeeded: 30, failed: 0 });
          const ends = `select job_id from (select data::json ->> 'jobId' as job_id from events where type = 'job.succeeded') e`;
          const jobs = (await rowsOf(replica.url, ends)).map((row) => row['job_id']);
          expect([jobs.length, new Set(jobs).size]).toEqual([46, 46]);

          const report = JSON.parse(await readFile(join(folder.path, 'report.json'), 'utf8'));
          const missing = new Set<string>(report.pictures.missing);
          for (const { sha256 } of await drawnAtSouth()) {
            const hash = String(sha256);
            const isThere = await bytesAtSouth(`${hash.slice(0, 2)}/${hash.slice(2, 4)}/${hash}`);
            expect([hash, isThere || missing.has(hash)]).toEqual([hash, true]);
          }
          process.stderr.write(
            `whole standby: away for ${awaySeconds.toFixed(1)} s, found after ${report.detectSeconds} s, ${JSON.stringify(report.seconds)}, ${missing.size} pictures missing\n`,
          );
        }, 400_000);
      });
    });
  });
});

async function rowsOf(url: string, query: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(query)).rows;
  } catch {
    // The tables are not there yet.
    return [];
  } finally {
    await client.end();
  }
}
