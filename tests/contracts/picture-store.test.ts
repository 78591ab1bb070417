import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FilesystemStore } from '../../apps/server/src/adapters/assets/filesystem-store.ts';
import { S3Store, type S3StoreOptions } from '../../apps/server/src/adapters/assets/s3-store.ts';
import { hasS3Server, type S3Server, startS3Server } from '../support/s3-server.ts';
import { bytesOf, describePictureStore } from './picture-store.contract.ts';

describePictureStore('a folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'imagemill-assets-'));
  return {
    store: await FilesystemStore.open(folder),
    replace: (sha256, bytes) => writeFile(join(folder, sha256.slice(0, 2), sha256.slice(2, 4), sha256), bytes),
    close: () => rm(folder, { recursive: true }),
  };
});

describe.skipIf(!hasS3Server())('with an S3 service', () => {
  let server: S3Server;
  beforeAll(async () => {
    server = await startS3Server();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  const options = (changes: Partial<S3StoreOptions> = {}): S3StoreOptions => {
    const { endpoint, bucket, key } = server;
    return { endpoint, bucket, region: 'us-east-1', ...key, tries: 2, pauseMs: 1, ...changes };
  };
  const openWith = (changes: Partial<S3StoreOptions>): Promise<unknown> =>
    S3Store.open(options(changes)).catch((error: unknown) => error);

  describePictureStore('an S3 service', async () => ({
    store: await S3Store.open(options()),
    async replace(sha256, bytes) {
      const path = `/${server.bucket}/${sha256.slice(0, 2)}/${sha256.slice(2, 4)}/${sha256}`;
      expect((await server.send('PUT', path, bytes)).status).toBe(200);
    },
    async close() {},
  }));

  it('says that the bucket is missing', async () => {
    expect(await openWith({ bucket: 'nowhere' })).toMatchObject({
      code: 'storage_bucket_missing',
      message: expect.stringContaining('no bucket nowhere'),
    });
  });

  it('says that a key is unknown, its secret wrong, or that it may not write', async () => {
    const secretAccessKey = 'a-secret-that-is-wrong';
    for (const changes of [{ accessKeyId: 'nobody' }, { secretAccessKey }, server.readerKey]) {
      const error = await openWith(changes);
      expect(error).toMatchObject({ code: 'storage_access_denied' });
      expect(JSON.stringify(error) + String(error)).not.toContain(
        changes === server.readerKey ? 'reader-secret' : 'secret-that',
      );
    }
  });

  it('says that the clocks differ, and by how much', async () => {
    const now = () => Date.now() - 3_600_000;
    const error = await openWith({ now });
    expect(error).toMatchObject({ code: 'storage_clock_wrong', message: expect.stringMatching(/by 3(59|60)\d s/) });
  });

  it('says that nothing listens, after trying again', async () => {
    expect(await openWith({ endpoint: 'http://127.0.0.1:1' })).toMatchObject({
      code: 'storage_unreachable',
      details: { reason: expect.stringMatching(/ECONNREFUSED|bad port/) },
    });
  });

  it('hands out a link that gives the bytes to anybody, under a name and a type, until its time is over', async () => {
    const store = await S3Store.open(options({ linkSeconds: 60 }));
    const bytes = bytesOf('linked', 3_000);
    const { sha256 } = await store.put(bytes);
    const asked = { mediaType: 'image/png', fileName: 'imagemill-1.png', mostSeconds: 1_000 };
    const link = await store.linkTo(sha256, asked);
    const answer = await fetch(link?.url ?? '');
    expect(answer.headers.get('content-type')).toBe('image/png');
    expect(answer.headers.get('content-disposition')).toBe('inline; filename="imagemill-1.png"');
    expect(new Uint8Array(await answer.arrayBuffer())).toEqual(bytes);
    expect((await fetch((link?.url ?? '').replace('60', '61'))).status).toBe(403);
    const past = await S3Store.open(options({ linkSeconds: 60, now: () => Date.now() - 120_000 }));
    const late = await past.linkTo(sha256, asked);
    expect((await fetch(late?.url ?? '')).status).toBe(403);
    const shorter = await store.linkTo(sha256, { ...asked, mostSeconds: 5 });
    expect([shorter?.goodForSeconds, new URL(shorter?.url ?? '').searchParams.get('X-Amz-Expires')]).toEqual([5, '5']);
    const without = await S3Store.open(options());
    expect(await without.linkTo(sha256, asked)).toBeUndefined();
  });

  it('leaves no unfinished upload behind after a large file', async () => {
    const list = async (): Promise<string> => (await server.send('GET', `/${server.bucket}?uploads=`)).text();
    const store = await S3Store.open(options());
    await store.put(bytesOf('in parts', 17_000_000));
    expect(await list()).not.toContain('<UploadId>');
  });
});
