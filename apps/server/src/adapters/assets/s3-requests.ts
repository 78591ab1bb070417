/**
 * Signed requests to an S3 service (AWS Signature Version 4, path style), with time limits and bounded repeats. Never
 * follows a redirect: a signed request goes to the configured address or nowhere.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { AwsV4Signer } from 'aws4fetch';
import type { AppError } from '../../domain/errors.ts';
import { isPassing, refusalError, type S3Place, type S3Refusal, unreachableError } from './s3-errors.ts';

export interface S3Options extends S3Place {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Address in links that browsers get. @default the endpoint */
  readonly publicEndpoint?: string | undefined;
  /** Milliseconds since 1970. @default Date.now */
  readonly now?: (() => number) | undefined;
  /** Time until the first byte of an answer, in which a body is sent too. @default 60000 */
  readonly answerMs?: number | undefined;
  /** Time between two pieces of an answer. @default 30000 */
  readonly idleMs?: number | undefined;
  /** Tries of a request. @default 4 */
  readonly tries?: number | undefined;
  /** Pause before the second try, doubled with each. @default 200 */
  readonly pauseMs?: number | undefined;
}

export interface S3Request {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  readonly key: string;
  readonly query?: Readonly<Record<string, string>> | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: Uint8Array<ArrayBuffer> | undefined;
  /** Hex SHA-256 of the body: the service refuses other bytes under this signature. */
  readonly sha256?: string | undefined;
  /** Statuses beside 2xx that are answers and no faults. */
  readonly accept?: readonly number[] | undefined;
}

export interface S3Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The service's own code of an accepted refusal. */
  readonly code: string | undefined;
  /** The body, once. */
  chunks(): AsyncGenerator<Uint8Array, void>;
  /** A small body as text. */
  text(): Promise<string>;
  /** Reads a small body away, so that its connection can serve the next request. */
  discard(): Promise<void>;
}

export interface S3Requests {
  /**
   * @throws AppError `storage_unreachable`, `storage_bucket_missing`, `storage_access_denied`, `storage_clock_wrong`,
   *   `disk_full`, `storage_failed`
   */
  send(request: S3Request): Promise<S3Answer>;
  /** An address that anybody may GET for some seconds. */
  presign(key: string, options: { seconds: number; query: Readonly<Record<string, string>> }): Promise<string>;
}

export function createS3Requests(options: S3Options): S3Requests {
  const { tries = 4, pauseMs = 200, now = Date.now } = options;

  async function sendOnce(
    request: S3Request,
  ): Promise<S3Answer | { readonly error: AppError; readonly again: boolean }> {
    let answer: S3Answer;
    try {
      answer = await transfer(await signed(options, request), request, options);
    } catch (error) {
      return { error: unreachableError(error, options), again: true };
    }
    if (answer.status >= 200 && answer.status < 300) return answer;
    const refusal = await readRefusal(answer, request);
    const isAccepted = request.accept?.includes(answer.status) && refusal.code !== 'NoSuchBucket';
    if (isAccepted) return { ...answer, code: refusal.code };
    return { error: refusalError(refusal, options, now()), again: isPassing(refusal) };
  }

  return {
    async send(request) {
      for (let trial = 1; ; trial += 1) {
        const answer = await sendOnce(request);
        if (!('error' in answer)) return answer;
        if (!answer.again || trial >= tries) throw answer.error;
        // Spread, so that many workers do not come back at the same moment.
        await sleep(pauseMs * 2 ** (trial - 1) * (0.5 + Math.random() / 2));
      }
    },
    async presign(key, { seconds, query }) {
      const url = urlOf(options.publicEndpoint ?? options.endpoint, options.bucket, key);
      for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
      url.searchParams.set('X-Amz-Expires', String(seconds));
      const signer = new AwsV4Signer({ ...credentials(options), method: 'GET', url: url.href, signQuery: true });
      return (await signer.sign()).url.href;
    },
  };
}

async function signed(options: S3Options, request: S3Request): Promise<{ url: URL; headers: Headers }> {
  const url = urlOf(options.endpoint, options.bucket, request.key);
  for (const [name, value] of Object.entries(request.query ?? {})) url.searchParams.set(name, value);
  const headers = { ...request.headers, 'x-amz-content-sha256': request.sha256 ?? EMPTY_SHA256 };
  return new AwsV4Signer({ ...credentials(options), method: request.method, url: url.href, headers }).sign();
}

function credentials({ accessKeyId, secretAccessKey, region, now = Date.now }: S3Options) {
  const datetime = new Date(now()).toISOString().replace(/[:-]|\.\d{3}/g, '');
  return { accessKeyId, secretAccessKey, region, service: 's3', datetime };
}

function urlOf(endpoint: string, bucket: string, key: string): URL {
  return new URL(`${endpoint.replace(/\/+$/, '')}/${bucket}/${key}`);
}

/** @throws whatever fetch does; a time limit is an error too */
async function transfer(
  { url, headers }: { url: URL; headers: Headers },
  { method, body }: S3Request,
  { answerMs = 60_000, idleMs = 30_000 }: S3Options,
): Promise<S3Answer> {
  const controller = new AbortController();
  const limited = async <T>(ms: number, wait: () => Promise<T>): Promise<T> => {
    const timer = setTimeout(() => controller.abort(new Error(`no answer within ${ms} ms`)), ms);
    try {
      return await wait();
    } finally {
      clearTimeout(timer);
    }
  };
  const { signal } = controller;
  const response = await limited(answerMs, () =>
    fetch(url, { method, headers, body: body ?? null, redirect: 'manual', signal }),
  );
  const reader = response.body?.getReader();
  async function* chunks(): AsyncGenerator<Uint8Array, void> {
    let isDone = false;
    try {
      while (reader !== undefined) {
        const piece = await limited(idleMs, () => reader.read());
        isDone = piece.done;
        if (piece.done) return;
        yield piece.value;
      }
    } finally {
      if (!isDone) controller.abort();
    }
  }
  async function text(): Promise<string> {
    const pieces: Uint8Array[] = [];
    let length = 0;
    for await (const piece of chunks()) {
      pieces.push(piece);
      length += piece.byteLength;
      if (length > MOST_TEXT_BYTES) break;
    }
    return Buffer.concat(pieces).toString('utf8');
  }
  const discard = (): Promise<void> =>
    text().then(
      () => undefined,
      () => undefined,
    );
  return { status: response.status, headers: response.headers, code: undefined, chunks, text, discard };
}

async function readRefusal(answer: S3Answer, { method }: S3Request): Promise<S3Refusal> {
  // An answer to HEAD has no body, whatever its status.
  const xml = method === 'HEAD' ? '' : await answer.text().catch(() => '');
  return {
    status: answer.status,
    code: xmlField(xml, 'Code'),
    message: xmlField(xml, 'Message')?.replace(/\.$/, ''),
    date: answer.headers.get('date'),
  };
}

/** The text of the first element of a name, in the flat XML that S3 answers with. */
export function xmlField(xml: string, name: string): string | undefined {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
  return text
    ?.replace(/&quot;/g, '"')
    .replace(/&apos;|&#39;/g, "'")
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&amp;/g, '&');
}

const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const MOST_TEXT_BYTES = 65_536;
