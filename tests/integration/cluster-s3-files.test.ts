import { createClient } from '@imagemill/api/client';
import { describe, expect, it } from 'vitest';
import { hasS3Server, startS3Server } from '../support/s3-server.ts';
import { ServerFolder } from '../support/server-process.ts';
import { describeWithPostgres, newDatabase } from '../support/with-postgres.ts';

describeWithPostgres('a cluster on PostgreSQL', () => {
  describe.skipIf(!hasS3Server())('with an S3 service and no folder that its processes share', () => {
    it('goes on with a bulk at another api when the one that took it is killed, and has every file at every api', async () => {
      await using stack = new AsyncDisposableStack();
      const database = await newDatabase();
      stack.defer(() => database.drop());
      const s3 = stack.use(await startS3Server());
      const folder = await ServerFolder.create();
      stack.defer(() => folder.remove());
      const settings = {
        ...{ databaseUrl: database.url, s3Endpoint: s3.endpoint, s3Bucket: s3.bucket },
        ...{ s3AccessKeyId: s3.key.accessKeyId, s3SecretAccessKey: s3.key.secretAccessKey },
        ...{ device: 'fixed:20', slots: 2, logLevel: 'error' as const },
      };
      const [first, second] = await Promise.all([
        folder.start({ ...settings, dataDir: 'first' }, [], 'api'),
        folder.start({ ...settings, dataDir: 'second' }, [], 'api'),
        folder.start({ ...settings, dataDir: 'third' }, [], 'worker'),
      ]);
      const text = `{"custom_id":"a"}\n`.repeat(1_000);
      const form = new FormData();
      form.set('purpose', 'batch');
      form.set('file', new Blob([text]), 'lines.jsonl');
      const made = (await (await fetch(`${first.url}/v1/files`, { method: 'POST', body: form })).json()) as {
        id: string;
      };
      const content = `${second.url}/v1/files/${made.id}/content`;
      expect(await (await fetch(content)).text()).toBe(text);

      const rows = ['prompt', ...Array.from({ length: 200 }, (_, i) => `boat number ${i}`)].join('\n');
      const at = (url: string) => createClient({ baseUrl: url });
      const settingsOfAll = { width: 64, height: 64, steps: 1 };
      const { id } = await at(first.url).createBulk('boats.csv', new Blob([rows]), settingsOfAll);
      await first.stop('SIGKILL');
      const bulk = () => at(second.url).getBulk(id);
      await expect.poll(async () => (await bulk()).state, { timeout: 90_000, interval: 200 }).toBe('finished');
      expect(await bulk()).toMatchObject({ pictures: { succeeded: 200, failed: 0 } });

      await fetch(`${second.url}/v1/files/${made.id}`, { method: 'DELETE' });
      expect((await fetch(content)).status).toBe(404);
      expect((await s3.send('HEAD', `/${s3.bucket}/files/${made.id}`)).status).toBe(404);
    });
  });
});
