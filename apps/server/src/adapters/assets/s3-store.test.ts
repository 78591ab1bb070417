import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { contentHash } from '../../domain/ids.ts';
import { S3Store, type S3StoreOptions } from './s3-store.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** Oddities that a service in good health does not show. What a service does otherwise stands in tests/contracts. */
describe('the S3 store with a service that misbehaves', () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
  });

  /** A service that answers the probe of the start, then as told, one answer a request; the last one for all others. */
  async function open(answers: readonly Answer[], options: Partial<S3StoreOptions> = {}) {
    const rest = [written, empty, ...answers];
    const seen: string[] = [];
    server = createServer((request, response) => {
      seen.push(`${request.method} ${request.url?.replace(/[0-9a-f]{64}/, 'hash')}`);
      const answer = rest.length > 1 ? rest.shift() : rest[0];
      request.resume().on('end', () => answer?.(request, response));
    });
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const place = { endpoint: `http://127.0.0.1:${port}`, bucket: 'pictures', region: 'here' };
    const store = await S3Store.open({ ...place, accessKeyId: 'a', secretAccessKey: 'b', pauseMs: 1, ...options });
    return { store, seen: () => seen.slice(2) };
  }

  it('tries again when it is overloaded', async () => {
    const { store, seen } = await open([missing, refuse(503, 'SlowDown'), refuse(500, 'InternalError'), written]);
    await store.put(bytes);
    expect(seen().map((line) => line.split(' ')[0])).toEqual(['HEAD', 'PUT', 'PUT', 'PUT']);
  });

  it('gives up after the tries that were allowed', async () => {
    const { store, seen } = await open([missing, refuse(503, 'SlowDown')], { tries: 3 });
    const message = expect.stringContaining('SlowDown: It said so.');
    await expect(store.put(bytes)).rejects.toMatchObject({ code: 'storage_failed', message });
    expect(seen()).toHaveLength(4);
  });

  it('does not try again when it is full', async () => {
    for (const answer of [
      refuse(507, 'InsufficientStorage'),
      refuse(400, 'XMinioStorageFull'),
      refuse(403, 'QuotaExceeded'),
    ]) {
      const { store, seen } = await open([missing, answer]);
      await expect(store.put(bytes)).rejects.toMatchObject({ code: 'disk_full' });
      expect(seen()).toHaveLength(2);
    }
  });

  it('follows no redirect', async () => {
    const { store, seen } = await open([
      (_request, response) =>
        response.writeHead(301, { location: 'http://127.0.0.1:9/' }).end(xml('PermanentRedirect')),
    ]);
    await expect(store.put(bytes)).rejects.toMatchObject({
      code: 'storage_failed',
      message: expect.stringContaining('in another region'),
    });
    expect(seen()).toHaveLength(1);
  });

  it('writes without a condition where conditions are not known, from then on', async () => {
    const conditions: (string | undefined)[] = [];
    const note: (answer: Answer) => Answer = (answer) => (request, response) => {
      conditions.push(request.headers['if-none-match']);
      answer(request, response);
    };
    const put = note(written);
    const { store } = await open([missing, note(refuse(501, 'NotImplemented')), put, missing, put]);
    await store.put(bytes);
    await store.put(Uint8Array.from([1]));
    expect(conditions).toEqual(['*', undefined, undefined]);
  });

  it('takes up a picture where its connection broke', async () => {
    const ranges: (string | undefined)[] = [];
    const { store } = await open([
      (_request, response) => {
        response.writeHead(200, { 'content-length': '6' }).write('abc', () => response.destroy());
      },
      ({ headers }, response) => {
        ranges.push(headers.range);
        response.writeHead(206, { 'content-length': '3' }).end('def');
      },
    ]);
    const pieces: Uint8Array[] = [];
    for await (const piece of (await store.open(contentHash('ab'.repeat(32)))) ?? []) pieces.push(piece);
    expect(Buffer.concat(pieces).toString()).toBe('abcdef');
    expect(ranges).toEqual(['bytes=3-5']);
  });

  it('says that it stayed silent', async () => {
    const { store } = await open([() => undefined], { answerMs: 50, tries: 2 });
    await expect(store.put(bytes)).rejects.toMatchObject({
      code: 'storage_unreachable',
      message: expect.stringContaining('no answer within 50 ms'),
    });
  });

  it('gives an upload in parts up when its parts cannot be joined, which a success may say', async () => {
    const part: Answer = (_request, response) => response.writeHead(200, { etag: '"part"' }).end();
    const started: Answer = (_request, response) => response.end('<R><UploadId>id&amp;1</UploadId></R>');
    const unjoined: Answer = (_request, response) => response.end(xml('InternalError'));
    const { store, seen } = await open([missing, started, part, part, part, unjoined, written]);
    await expect(store.put(new Uint8Array(17_000_000))).rejects.toMatchObject({ code: 'storage_failed' });
    expect(seen().at(-1)).toMatch(/^DELETE .*uploadId=id%261$/);
  });

  it('believes a large upload whose end it forgot, when the file is there', async () => {
    const part: Answer = (_request, response) => response.writeHead(200, { etag: '"part"' }).end();
    const started: Answer = (_request, response) => response.end('<R><UploadId>one</UploadId></R>');
    const there: Answer = (_request, response) => response.writeHead(200, { 'content-length': '17000000' }).end();
    const { store } = await open([missing, started, part, part, part, refuse(404, 'NoSuchUpload'), there]);
    expect(await store.put(new Uint8Array(17_000_000))).toMatchObject({ sizeBytes: 17_000_000 });
  });
});

const bytes = new TextEncoder().encode('abcdef');
const missing: Answer = (_request, response) => response.writeHead(404).end();
const written: Answer = (_request, response) => response.end();
const empty: Answer = (_request, response) => response.writeHead(200, { 'content-length': '0' }).end();

function refuse(status: number, code: string): Answer {
  return (_request, response) => response.writeHead(status).end(xml(code));
}

function xml(code: string): string {
  return `<?xml version="1.0"?><Error><Code>${code}</Code><Message>It said so.</Message></Error>`;
}
