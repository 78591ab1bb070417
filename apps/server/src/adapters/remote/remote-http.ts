import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { busy, fault, unreachable } from './remote-fault.ts';

export interface RemoteAddress {
  /** Without a slash at the end. */
  readonly baseUrl: string;
  /** Sent as a bearer token. */
  readonly apiKey?: string | undefined;
}

export interface RemoteCall {
  readonly method?: 'GET' | 'POST' | undefined;
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly signal: AbortSignal;
}

/**
 * One request to a remote engine, as bytes. Node's own client and not `fetch`, which gives up on an answer that takes
 * longer than five minutes to begin. Follows no redirect.
 *
 * @throws RemoteFault for everything but an answer of 2xx; the signal's reason when it is aborted
 */
export async function callRemote(address: RemoteAddress, call: RemoteCall): Promise<Buffer> {
  const { status, retryAfter, bytes } = await transfer(address, call);
  if (status >= 200 && status < 300) return bytes;
  const said = messageOf(bytes);
  const words = `The engine at ${address.baseUrl} answered ${status}${said === '' ? '' : `: ${said}`}.`;
  if (status === 429 || status === 503) throw busy(words, retryAfterMs(retryAfter));
  if (status === 401 || status === 403) throw fault('engine_refused', `${words} Check the setting remoteApiKey.`);
  // 408, 502 and 504 are a proxy's words for an engine that is away; 5xx else is the engine's own fault.
  if (status === 501) throw fault('engine_refused', words, { details: { status } });
  if (status === 408 || status >= 500) throw fault('engine_fault', words, { retryable: true });
  throw fault('engine_refused', words, { details: { status } });
}

/** @throws RemoteFault `engine_answer_invalid` for what is no JSON */
export async function callRemoteJson(address: RemoteAddress, call: RemoteCall): Promise<unknown> {
  const bytes = await callRemote(address, call);
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw fault('engine_answer_invalid', `The engine at ${address.baseUrl} answered with what is no JSON.`, {
      retryable: true,
      cause,
    });
  }
}

interface Transferred {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly bytes: Buffer;
}

function transfer({ baseUrl, apiKey }: RemoteAddress, call: RemoteCall): Promise<Transferred> {
  const { method = 'GET', path, body, signal } = call;
  const url = new URL(baseUrl + path);
  const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  const headers = {
    accept: 'application/json, image/*',
    ...(payload === undefined ? {} : { 'content-type': 'application/json', 'content-length': payload.byteLength }),
    ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
  };
  const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, { method, headers, signal });
  return new Promise((resolve, reject) => {
    // What was sent may have been taken in by then: whether it is drawn is unknown, so it is drawn again.
    const fail = (error: Error): void => reject(signal.aborted ? signal.reason : unreachable(baseUrl, error));
    request.on('error', fail);
    request.on('response', (response) => {
      const pieces: Buffer[] = [];
      let length = 0;
      response.on('data', (piece: Buffer) => {
        length += piece.byteLength;
        pieces.push(piece);
        if (length <= MOST_BYTES) return;
        const message = `The engine at ${baseUrl} sent more than ${MOST_BYTES} bytes.`;
        reject(fault('engine_answer_invalid', message));
        request.destroy();
      });
      response.on('error', fail);
      response.on('close', () => {
        if (!response.complete) fail(new Error('the connection broke in the middle of an answer'));
      });
      response.on('end', () => {
        const retryAfter = response.headers['retry-after'];
        resolve({ status: response.statusCode ?? 0, retryAfter, bytes: Buffer.concat(pieces) });
      });
    });
    request.end(payload);
  });
}

/** What an error says, in the shapes that these servers have: OpenAI's, FastAPI's, ComfyUI's, sd-server's. */
function messageOf(bytes: Buffer): string {
  const text = bytes.subarray(0, 4_000).toString('utf8').trim();
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return wordsOf(value) ?? text.slice(0, MOST_WORDS);
  } catch {
    return text.startsWith('<') ? '' : text.slice(0, MOST_WORDS);
  }
}

/** The words of an error object; undefined for what is none. */
export function wordsOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { error, detail, message, node_errors: nodes } = value as Record<string, unknown>;
  const said = [fieldOf(error, 'message'), error, detail, message].find((one) => typeof one === 'string' && one !== '');
  const words = typeof said === 'string' ? said : JSON.stringify(detail ?? error ?? value);
  const more = [fieldOf(error, 'details'), ...nodeWords(nodes)].find((one) => typeof one === 'string' && one !== '');
  return `${words.replace(/\.$/, '')}${more === undefined ? '' : ` (${String(more)})`}`.slice(0, MOST_WORDS);
}

/** What ComfyUI says of the inputs of a node, such as a file that it does not have. */
function nodeWords(nodes: unknown): unknown[] {
  if (typeof nodes !== 'object' || nodes === null) return [];
  const errors = Object.values(nodes).flatMap((node) => fieldOf(node, 'errors') ?? []);
  return errors.map((error) => fieldOf(error, 'details'));
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

/** Seconds, or a date. */
function retryAfterMs(header: string | undefined): number | undefined {
  if (header === undefined || header.trim() === '') return undefined;
  const seconds = Number(header);
  const ms = Number.isNaN(seconds) ? Date.parse(header) - Date.now() : seconds * 1_000;
  return Number.isFinite(ms) && ms >= 0 ? Math.min(ms, LONGEST_PAUSE_MS) : undefined;
}

/** A picture of 8192² as base64 in the worst case. */
const MOST_BYTES = 400_000_000;
const MOST_WORDS = 400;
const LONGEST_PAUSE_MS = 60_000;
