import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { expectEachJobEndedOnce, submitUntil, untilEnded } from '../support/cluster-load.ts';
import { hasNginx, startNginx } from '../support/nginx-server.ts';
import { createDatabase, startPostgres } from '../support/postgres-server.ts';
import { describeWithRedis, startRedis } from '../support/redis-server.ts';
import { runCli } from '../support/run-cli.ts';
import { hasS3Server, startS3Server } from '../support/s3-server.ts';
import { ServerFolder, type ServerProcess } from '../support/server-process.ts';
import { describeWithPostgres } from '../support/with-postgres.ts';

describeWithPostgres('the whole cluster', () => {
  describeWithRedis('on PostgreSQL, Redis and an S3 service, behind nginx', () => {
    it.skipIf(!(hasNginx() && hasS3Server()))(
      'ends every accepted job exactly once although each part is killed, Redis forgets everything and both databases restart',
      async () => {
        await using stack = new AsyncDisposableStack();
        const [postgres, redis, s3] = await Promise.all([startPostgres(), startRedis(), startS3Server()]);
        stack.defer(() => postgres.remove());
        stack.defer(() => redis.remove());
        stack.use(s3);
        const { url } = await createDatabase(postgres.url);
        const folder = await ServerFolder.create();
        stack.defer(() => folder.remove());
        const settings = {
          ...{ databaseUrl: url, redisUrl: redis.url, device: 'fixed:250', slots: 2, logLevel: 'error' as const },
          ...{ s3Endpoint: s3.endpoint, s3Bucket: s3.bucket, s3AccessKeyId: s3.key.accessKeyId },
          s3SecretAccessKey: s3.key.secretAccessKey,
          trustedProxies: ['127.0.0.1'],
        };
        const ports = [await freePort(), await freePort()] as const;
        const startApi = (index: 0 | 1): Promise<ServerProcess> =>
          folder.start({ ...settings, port: ports[index] }, [], 'api');
        const startWorker = (): Promise<ServerProcess> => folder.start(settings, [], 'worker');
        const apis = await Promise.all([startApi(0), startApi(1)]);
        const workers = await Promise.all([startWorker(), startWorker(), startWorker()]);
        const made = await runCli(['keys', 'create', '--name', 'test', '--role', 'admin', '--json'], {
          cwd: folder.path,
          env: { IMAGEMILL_DATABASE_URL: url },
        });
        const headers = { authorization: `Bearer ${made.json()[0]?.['secret']}` };
        const nginx = stack.use(await startNginx(apis.map((api) => api.url)));
        const front = { url: nginx.url, headers };

        const killApi = async (index: 0 | 1): Promise<void> => {
          await apis[index].stop('SIGKILL');
          apis[index] = await startApi(index);
        };
        const killWorker = async (index: 0 | 1 | 2): Promise<void> => {
          await workers[index].stop('SIGKILL');
          workers[index] = await startWorker();
        };
        const disturb = async (): Promise<void> => {
          await killWorker(0);
          await redis.flushAll();
          await killApi(0);
          await redis.kill();
          await redis.start(false);
          await killWorker(1);
          await postgres.restart('immediate');
          await killApi(1);
          await redis.flushAll();
          await killWorker(2);
        };
        const disturbing = disturb();
        const generations = await submitUntil([front], disturbing);
        await disturbing;

        const ended = await Promise.all(generations.map((one) => untilEnded([front], one.id)));
        expect(ended.map(({ state }) => state)).toEqual(ended.map(() => 'succeeded'));
        await expectEachJobEndedOnce(url, generations.length);
        const picture = await fetch(new URL(ended[0]?.jobs[0]?.asset?.url ?? '', nginx.url));
        expect({ status: picture.status, type: picture.headers.get('content-type') }).toEqual({
          status: 200,
          type: 'image/png',
        });
      },
      300_000,
    );
  });
});

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
