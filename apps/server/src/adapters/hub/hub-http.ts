/**
 * HTTP towards a model hub, on Node's own fetch. Redirects are followed here rather than by fetch, because a hub
 * answers with the address of a CDN and three promises hold for every hop: only http and https are followed, never
 * from https down to http, and credentials go to the endpoint's own origin alone.
 */
import { ModelError } from '../../application/model-errors.ts';

export interface HubHttpOptions {
  /** Base address, may carry a path: `https://huggingface.co`, `http://10.0.0.5:8080/hub`. */
  readonly endpoint: string;
  /** Sent to the endpoint's origin only. */
  readonly credentials: Readonly<Record<string, string>>;
  /** A connection that brings nothing for this long is given up, ms. @default 60000 */
  readonly idleTimeoutMs?: number | undefined;
}

export interface HubResponse {
  readonly status: number;
  readonly headers: Headers;
  /** Address that answered, after redirects. */
  readonly url: URL;
  /** Body as it arrives; a broken or silent connection throws `hub_unreachable`. */
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Ends the connection; also after the last byte, and when none was read. */
  close(): void;
}

export interface HubHttp {
  /** Address below the endpoint; segments are already encoded. */
  url(path: string): URL;
  /** GETs and returns an answer of 200 or 206. @throws ModelError `hub_*`, `cancelled` */
  get(url: URL, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<HubResponse>;
  /** GETs a JSON answer. @throws ModelError `hub_*`, `cancelled` */
  getJson(url: URL, signal: AbortSignal): Promise<{ readonly body: unknown; readonly headers: Headers }>;
}

/** @throws ModelError `hub_answer_invalid` when the endpoint is no http or https address */
export function createHubHttp(options: HubHttpOptions): HubHttp {
  const base = parseEndpoint(options.endpoint);
  const idleTimeoutMs = options.idleTimeoutMs ?? 60_000;

  async function get(url: URL, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<HubResponse> {
    const idle = new IdleWatch(idleTimeoutMs, signal);
    let target = url;
    try {
      for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
        const response = await fetch(target, {
          redirect: 'manual',
          signal: idle.signal,
          headers: { ...BASE_HEADERS, ...headers, ...(target.origin === base.origin ? options.credentials : {}) },
        });
        idle.touch();
        if (REDIRECTS.has(response.status)) {
          await response.body?.cancel();
          target = redirectTarget(target, response.headers.get('location'));
          continue;
        }
        if (response.status === 200 || response.status === 206) {
          return {
            status: response.status,
            headers: response.headers,
            url: target,
            bytes: readBody(response, target, idle, signal),
            close: () => idle.end(),
          };
        }
        throw await refusal(response, target, target.origin !== base.origin);
      }
    } catch (error) {
      idle.stop();
      throw toModelError(error, target, signal, idleTimeoutMs);
    }
    idle.stop();
    throw new ModelError(
      'hub_redirect_refused',
      `${url.origin} redirected more than ${MAX_REDIRECTS} times for ${url.pathname}.`,
    );
  }

  return {
    url: (path) => new URL(`${base.href.replace(/\/$/, '')}/${path}`),
    get,
    async getJson(url, signal) {
      const response = await get(url, { accept: 'application/json' }, signal);
      try {
        return { body: JSON.parse(await textOf(response)), headers: response.headers };
      } catch (cause) {
        if (!(cause instanceof SyntaxError)) throw cause;
        const message = `${url.href} answered something that is no JSON; is the endpoint right?`;
        throw new ModelError('hub_answer_invalid', message, { cause });
      } finally {
        response.close();
      }
    },
  };
}

async function textOf({ bytes, url }: HubResponse): Promise<string> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of bytes) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_JSON_BYTES) {
      throw new ModelError('hub_answer_invalid', `${withoutQuery(url)} answered more than ${MAX_JSON_BYTES} bytes.`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

const MAX_REDIRECTS = 5;
const MAX_JSON_BYTES = 64 * 1024 * 1024;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** No content coding: byte ranges and sizes must be those of the stored file. */
const BASE_HEADERS = { 'user-agent': 'imagemill', 'accept-encoding': 'identity' };

function parseEndpoint(endpoint: string): URL {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (url === undefined || !isHttp(url)) {
    throw new ModelError(
      'hub_answer_invalid',
      `The endpoint is "${endpoint}"; expected an http or https address such as https://huggingface.co.`,
    );
  }
  return url;
}

function isHttp(url: URL): boolean {
  return url.protocol === 'https:' || url.protocol === 'http:';
}

function redirectTarget(from: URL, location: string | null): URL {
  if (location === null || !URL.canParse(location, from.href)) {
    throw new ModelError('hub_answer_invalid', `${from.origin} redirected without a usable address.`, {
      details: { location },
    });
  }
  const target = new URL(location, from);
  if (!isHttp(target)) {
    throw new ModelError(
      'hub_redirect_refused',
      `${from.origin} redirected to a ${target.protocol} address; only http and https are followed.`,
    );
  }
  if (from.protocol === 'https:' && target.protocol === 'http:') {
    throw new ModelError(
      'hub_redirect_refused',
      `${from.origin} redirected from https to http://${target.host}; that is not followed.`,
    );
  }
  return target;
}

/** Aborts when nothing has happened for a while, or when the caller does. */
class IdleWatch {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly signal: AbortSignal;

  constructor(timeoutMs: number, outer: AbortSignal) {
    this.#timer = setTimeout(() => this.#controller.abort(), timeoutMs);
    this.signal = AbortSignal.any([outer, this.#controller.signal]);
  }

  touch(): void {
    this.#timer.refresh();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  end(): void {
    this.stop();
    this.#controller.abort();
  }
}

async function* readBody(
  response: Response,
  url: URL,
  idle: IdleWatch,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  try {
    if (response.body === null) return;
    for await (const chunk of response.body) {
      idle.touch();
      yield chunk;
    }
  } catch (error) {
    throw toModelError(error, url, signal, undefined);
  } finally {
    idle.stop();
  }
}

/** The error behind an answer other than 200 and 206. Hugging Face names the reason in `x-error-code`. */
async function refusal(response: Response, url: URL, isCdn: boolean): Promise<ModelError> {
  const said = await shortText(response);
  const reason = response.headers.get('x-error-code') ?? '';
  const details = { url: withoutQuery(url), status: response.status, ...(said === '' ? {} : { said }) };
  const retryAfterMs = retryAfter(response.headers.get('retry-after'));
  const { status } = response;
  if (status === 429)
    return new ModelError('hub_rate_limited', `${url.host} asked for a pause (429).`, { details, retryAfterMs });
  // A signed CDN address ages; a new one comes from asking the hub again.
  if (status >= 500 || status === 408 || (isCdn && (status === 401 || status === 403))) {
    return new ModelError('hub_unavailable', `${url.host} answered ${status}.`, { details, retryAfterMs });
  }
  if (status === 404 || reason.endsWith('NotFound')) {
    return new ModelError(
      'hub_model_not_found',
      `${url.host} has no ${url.pathname} (${status}): check the name and --revision; a private model also needs a token.`,
      { details },
    );
  }
  if (status === 401 || status === 403) {
    return new ModelError(
      'hub_access_denied',
      `${url.host} refused access (${status}${reason === '' ? '' : `, ${reason}`}): accept the model's terms on its page and set HF_TOKEN (ModelScope: MODELSCOPE_API_TOKEN).`,
      { details },
    );
  }
  return new ModelError('hub_answer_invalid', `${url.host} answered ${status} for ${url.pathname}.`, { details });
}

async function shortText(response: Response): Promise<string> {
  const header = response.headers.get('x-error-message');
  if (header !== null) {
    await response.body?.cancel();
    return header.slice(0, 200);
  }
  const type = response.headers.get('content-type') ?? '';
  const length = Number(response.headers.get('content-length') ?? Number.POSITIVE_INFINITY);
  if (type.includes('html') || length > 4096) {
    await response.body?.cancel();
    return '';
  }
  return (await response.text()).trim().slice(0, 200);
}

/** Seconds or an HTTP date. */
function retryAfter(value: string | null): number | undefined {
  if (value === null) return undefined;
  const seconds = Number(value);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now());
}

function toModelError(error: unknown, url: URL, signal: AbortSignal, idleTimeoutMs: number | undefined): ModelError {
  if (error instanceof ModelError) return error;
  if (signal.aborted) return new ModelError('cancelled', 'The download was stopped.', { cause: error });
  const details = { url: withoutQuery(url), reason: reasonOf(error) };
  if (error instanceof Error && error.name === 'AbortError') {
    const silent = idleTimeoutMs === undefined ? 'sent nothing more' : `sent nothing for ${idleTimeoutMs / 1000} s`;
    return new ModelError('hub_unreachable', `${url.host} ${silent}.`, { details, cause: error });
  }
  return new ModelError('hub_unreachable', `No connection with ${url.host} (${details.reason}).`, {
    details,
    cause: error,
  });
}

/** `ECONNREFUSED`, `ENOTFOUND`, …: fetch hides the system's error in `cause`. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (cause instanceof Error) return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.message;
  return error.message;
}

/** Signed CDN addresses carry secrets in the query, so they stay out of messages. */
function withoutQuery(url: URL): string {
  return `${url.origin}${url.pathname}`;
}
