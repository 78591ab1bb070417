import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { isPublicAddress } from './address-guard.ts';

export interface GuardedPostOptions {
  /** Hosts (names or addresses, without port) that may be called wherever they are, also over http. */
  readonly allowedHosts: readonly string[];
  /** For one request, from the look-up to the end of the answer. */
  readonly timeoutMs: number;
  readonly userAgent: string;
  /** Addresses of a name. @default those of the system */
  readonly addressesOf?: ((name: string) => Promise<readonly LookupAddress[]>) | undefined;
}

/** What came of a request; `problem` is undefined when it was answered with a status of success. */
export interface PostOutcome {
  readonly status: number | undefined;
  readonly problem: string | undefined;
  /** Start of the answer. */
  readonly response: string;
}

export interface GuardedPost {
  /** Never throws: what went wrong is part of the outcome. */
  post(
    url: string,
    headers: Readonly<Record<string, string>>,
    payload: string,
    signal: AbortSignal,
  ): Promise<PostOutcome>;
  /** Why an address may not be called; undefined when it may. Names are looked up again at every request. */
  problemOf(url: string): string | undefined;
}

/**
 * Posts to addresses that others named.
 *
 * An address of the network that the server stands in is never called, unless its host is allowed by name: addresses
 * in URLs are looked at in the form that the URL parser gives them, those of names when the connection is made, so a
 * name that was public when the endpoint was made is of no use. Redirects are not followed.
 */
export function createGuardedPost(options: GuardedPostOptions): GuardedPost {
  const { allowedHosts, timeoutMs, userAgent } = options;
  const publicLookup = createPublicLookup(options.addressesOf ?? ((name) => lookup(name, { all: true })));
  const allowed = new Set(allowedHosts.map((host) => host.toLowerCase()));

  function problemOf(text: string): string | undefined {
    if (!URL.canParse(text)) return 'It is not a URL.';
    const url = new URL(text);
    const host = hostOf(url);
    if (url.protocol !== 'https:' && url.protocol !== 'http:') return `${url.protocol} is not https:.`;
    if (url.username !== '' || url.password !== '') return 'The URL holds a user name or a password.';
    if (allowed.has(host)) return undefined;
    if (url.protocol === 'http:') return 'Messages are sent over https only.';
    const isAddress = isIP(host) !== 0;
    const isInside = isAddress ? !isPublicAddress(host) : LOCAL_NAME.test(host);
    return isInside ? `${host} is not an address of the public internet.` : undefined;
  }

  return {
    problemOf,
    async post(text, headers, payload, signal) {
      const problem = problemOf(text);
      if (problem !== undefined) return { status: undefined, problem, response: '' };
      const url = new URL(text);
      const guard = allowed.has(hostOf(url)) ? undefined : publicLookup;
      try {
        const ended = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
        const length = { 'content-length': String(Buffer.byteLength(payload)) };
        return await post(url, { ...headers, ...length, 'user-agent': userAgent }, payload, guard, ended);
      } catch (error) {
        return { status: undefined, problem: wordsOf(error, timeoutMs), response: '' };
      }
    },
  };
}

function post(
  url: URL,
  headers: Record<string, string>,
  payload: string,
  guard: LookupFunction | undefined,
  signal: AbortSignal,
): Promise<PostOutcome> {
  const send = url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    // A connection of its own: one that is kept would not be looked up again.
    const options = { method: 'POST', headers, signal, agent: false as const, ...(guard && { lookup: guard }) };
    const request = send(url, options, (response) => {
      const status = response.statusCode ?? 0;
      const chunks: Buffer[] = [];
      let size = 0;
      const end = (): void => {
        const text = Buffer.concat(chunks).subarray(0, MAX_KEPT).toString('utf8').replaceAll('\u0000', '');
        resolve({ status, problem: problemOfStatus(status), response: text });
        request.destroy();
      };
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size <= MAX_READ) chunks.push(chunk);
        else end();
      });
      response.on('end', end);
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(payload);
  });
}

function problemOfStatus(status: number): string | undefined {
  if (status >= 200 && status < 300) return undefined;
  if (status >= 300 && status < 400) return `It answered ${status}; redirects are not followed.`;
  return `It answered ${status}.`;
}

/** Gives the addresses of a name if all of them are public. */
function createPublicLookup(addressesOf: NonNullable<GuardedPostOptions['addressesOf']>): LookupFunction {
  async function publicAddresses(name: string): Promise<[LookupAddress, ...LookupAddress[]]> {
    const [first, ...others] = await addressesOf(name);
    if (first === undefined) throw new RefusedAddress(`${name} has no address.`);
    const inside = [first, ...others].find(({ address }) => !isPublicAddress(address));
    if (inside === undefined) return [first, ...others];
    throw new RefusedAddress(`${name} has the address ${inside.address}, which is not of the public internet.`);
  }
  return (name, { all }, done) => {
    publicAddresses(name).then(
      (found) => (all === true ? done(null, found) : done(null, found[0].address, found[0].family)),
      (error: NodeJS.ErrnoException) => done(error, ''),
    );
  };
}

class RefusedAddress extends Error {}

function wordsOf(error: unknown, timeoutMs: number): string {
  if (error instanceof RefusedAddress) return error.message;
  const { name, code, message, cause } = error as NodeJS.ErrnoException;
  if (name === 'TimeoutError' || (cause as Error | undefined)?.name === 'TimeoutError') {
    return `There was no answer within ${timeoutMs / 1_000} s.`;
  }
  return code === undefined ? message : `The connection failed: ${code}.`;
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
}

/** Names that are never of the public internet; the root dot does not help. */
const LOCAL_NAME = /^localhost\.?$|\.(localhost|local|internal|intranet|lan|home\.arpa)\.?$|^[^.]+\.?$/;
/** Of an answer, in bytes: what is read and what is written to the log. */
const MAX_READ = 65_536;
const MAX_KEPT = 1_000;
