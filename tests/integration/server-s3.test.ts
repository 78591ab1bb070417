import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@imagemill/api/client';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig, type SettingsInput, startServer } from '../../apps/server/src/index.ts';
import { quietLog } from '../support/quiet-log.ts';
import { hasS3Server, type S3Server, startS3Server } from '../support/s3-server.ts';

describe.skipIf(!hasS3Server())('a server that keeps its pictures in an S3 service', () => {
  let s3: S3Server;
  let dataDir: string;
  beforeAll(async () => {
    s3 = await startS3Server();
    dataDir = await mkdtemp(join(tmpdir(), 'imagemill-with-s3-'));
  });
  afterAll(async () => {
    await s3?.[Symbol.asyncDispose]();
    if (dataDir !== undefined) await rm(dataDir, { recursive: true });
  });

  async function start(settings: SettingsInput = {}) {
    const s3Settings = {
      s3Endpoint: s3.endpoint,
      s3Bucket: s3.bucket,
      s3AccessKeyId: s3.key.accessKeyId,
      s3SecretAccessKey: s3.key.secretAccessKey,
    };
    const base = { dataDir, port: 0, device: 'fixed:0', model: 'models/demo', minFreeBytes: 0, drainMs: 0 };
    const overrides = { ...base, ...s3Settings, ...settings };
    return startServer(loadConfig({ overrides, environment: {} }), { log: quietLog });
  }

  async function draw(url: string): Promise<string> {
    const client = createClient({ baseUrl: url });
    const { id, links } = await client.submitGeneration({ prompt: 'a ship', width: 64, height: 64, steps: 1 });
    // The stream ends with the generation.
    await (await fetch(url + links.events)).text();
    const done = await client.getGeneration(id);
    return `${url}${done.jobs[0]?.asset?.url}`;
  }

  it('draws into the bucket, and streams pictures and parts of them', async () => {
    const server = await start();
    const url = await draw(server.url);
    const answer = await fetch(url, { redirect: 'error' });
    const bytes = new Uint8Array(await answer.arrayBuffer());
    expect((await sharp(bytes).metadata()).width).toBe(64);
    const part = await fetch(url, { headers: { range: 'bytes=1-3' } });
    expect([part.status, await part.text()]).toEqual([206, 'PNG']);
    const sha256 = answer.headers.get('etag')?.replaceAll('"', '') ?? '';
    const stored = await s3.send('HEAD', `/${s3.bucket}/${sha256.slice(0, 2)}/${sha256.slice(2, 4)}/${sha256}`);
    expect(stored.headers.get('content-length')).toBe(String(bytes.byteLength));
    await server.close();
  });

  it('sends browsers to the service when it was told to, but not the scripts of a page', async () => {
    const server = await start({ s3LinkSeconds: 120 });
    const url = await draw(server.url);
    const sent = await fetch(url, { redirect: 'manual' });
    expect([sent.status, sent.headers.get('cache-control')]).toEqual([302, 'private, max-age=60']);
    const { origin, searchParams } = new URL(sent.headers.get('location') ?? '');
    expect([origin, searchParams.get('X-Amz-Expires')]).toEqual([s3.endpoint, '120']);
    const picture = await fetch(url);
    expect([picture.url.startsWith(s3.endpoint), picture.headers.get('content-type')]).toEqual([true, 'image/png']);
    const scriptHeaders = { 'sec-fetch-site': 'same-origin', 'sec-fetch-dest': 'empty' };
    const script = await fetch(url, { headers: scriptHeaders, redirect: 'manual' });
    expect(script.status).toBe(200);
    const etag = script.headers.get('etag') ?? '';
    expect((await fetch(url, { headers: { 'if-none-match': etag } })).status).toBe(304);
    const page = await fetch(server.url);
    if (page.ok)
      expect(page.headers.get('content-security-policy')).toContain(`img-src 'self' data: blob: ${s3.endpoint}`);
    await server.close();
  });

  it('does not start without a bucket, a key or the service, and says which', async () => {
    const codeAndMessage = (settings: SettingsInput) => start(settings).catch((error: unknown) => error);
    expect(await codeAndMessage({ s3Bucket: 'nowhere' })).toMatchObject({
      code: 'picture_store_unusable',
      message: expect.stringContaining('Create the bucket, or correct IMAGEMILL_S3_BUCKET.'),
    });
    expect(await codeAndMessage({ s3SecretAccessKey: 'a-wrong-secret' })).toMatchObject({
      code: 'picture_store_unusable',
      message: expect.not.stringContaining('a-wrong-secret'),
    });
    expect(await codeAndMessage({ s3AccessKeyId: undefined })).toMatchObject({
      code: 'settings_invalid',
      message: expect.stringContaining('IMAGEMILL_S3_ACCESS_KEY_ID'),
    });
  });

  it('shows no secret when the secret is refused', () => {
    const load = () => loadConfig({ environment: { IMAGEMILL_S3_SECRET_ACCESS_KEY: 'x'.repeat(501) } });
    expect(load).toThrow(/IMAGEMILL_S3_SECRET_ACCESS_KEY got "a value that is not shown"/);
  });
});
