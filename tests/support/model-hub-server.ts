/**
 * A local HTTP server that behaves like Hugging Face and like ModelScope, with a second one as their CDN: commits,
 * paged listings, redirects to signed addresses, byte ranges with entity tags, gated models, and faults on request.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a CDN request for a file meets; each entry serves one request, then the file is served as it is. */
export type Fault =
  | { readonly kind: 'status'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** Sends this many bytes and cuts the connection at once; what the client has not read yet is lost to it. */
  | { readonly kind: 'cut'; readonly afterBytes: number }
  /** Sends this many bytes and nothing more; the connection stays open until `cut`. */
  | { readonly kind: 'stall'; readonly afterBytes: number }
  /** Ends the answer early and states the short length as if it were right. */
  | { readonly kind: 'truncate'; readonly bytes: number }
  /** Other bytes of the same length. */
  | { readonly kind: 'damage' }
  /** Answers 200 with the whole file although a range was asked for. */
  | { readonly kind: 'ignore-range' }
  /** Redirects to this address instead of the CDN. */
  | { readonly kind: 'redirect'; readonly location: string };

export interface HubRequestRecord {
  readonly host: 'hub' | 'cdn';
  readonly path: string;
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
  readonly authorization: string | undefined;
  readonly cookie: string | undefined;
}

export interface ModelHubServer {
  readonly endpoint: string;
  readonly requests: HubRequestRecord[];
  /** Files by path; change it to publish another version. */
  readonly files: Map<string, Buffer>;
  commit: string;
  /** When set, everything below the repository wants this bearer token. */
  gatedBy: string | undefined;
  /** Entries of one listing page. */
  pageSize: number;
  /** Origin that `Link` headers name, as a mirror that repeats huggingface.co's. */
  linkOrigin: string | undefined;
  fault(path: string, ...faults: readonly Fault[]): void;
  faultListing(...faults: readonly Extract<Fault, { kind: 'status' }>[]): void;
  /** Cuts the stalled connections of a file. */
  cut(path: string): void;
  close(): Promise<void>;
}

export async function startModelHubServer(
  repository: string,
  files: ReadonlyMap<string, Buffer>,
): Promise<ModelHubServer> {
  const hub = new LocalHub(repository, files);
  await hub.listen();
  return hub;
}

const LFS_THRESHOLD_BYTES = 1024;

class LocalHub implements ModelHubServer {
  readonly requests: HubRequestRecord[] = [];
  readonly files: Map<string, Buffer>;
  commit = 'c0ffee'.padEnd(40, '0');
  gatedBy: string | undefined;
  pageSize = 4;
  linkOrigin: string | undefined;
  endpoint = '';
  #cdnOrigin = '';
  readonly #repository: string;
  readonly #faults = new Map<string, Fault[]>();
  readonly #stalled = new Map<string, ServerResponse[]>();
  readonly #hub: Server;
  readonly #cdn: Server;

  constructor(repository: string, files: ReadonlyMap<string, Buffer>) {
    this.#repository = repository;
    this.files = new Map(files);
    this.#hub = createServer((request, response) => this.#answerHub(request, response));
    this.#cdn = createServer((request, response) => this.#answerCdn(request, response));
  }

  async listen(): Promise<void> {
    this.endpoint = await listenOn(this.#hub, '127.0.0.1');
    // Another host name for the same machine: credentials must not follow to it.
    this.#cdnOrigin = await listenOn(this.#cdn, 'localhost');
  }

  fault(path: string, ...faults: readonly Fault[]): void {
    this.#faults.set(path, [...(this.#faults.get(path) ?? []), ...faults]);
  }

  faultListing(...faults: readonly Extract<Fault, { kind: 'status' }>[]): void {
    this.fault(LISTING, ...faults);
  }

  cut(path: string): void {
    for (const response of this.#stalled.get(path) ?? []) response.destroy();
    this.#stalled.delete(path);
  }

  async close(): Promise<void> {
    for (const server of [this.#hub, this.#cdn]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  #record(host: HubRequestRecord['host'], request: IncomingMessage): URL {
    const { range, authorization, cookie } = request.headers;
    this.requests.push({
      host,
      path: request.url ?? '',
      range,
      ifRange: header(request, 'if-range'),
      authorization,
      cookie,
    });
    return new URL(request.url ?? '', this.endpoint);
  }

  #answerHub(request: IncomingMessage, response: ServerResponse): void {
    const url = this.#record('hub', request);
    const path = decodeURIComponent(url.pathname);
    if (this.gatedBy !== undefined && request.headers.authorization !== `Bearer ${this.gatedBy}`) {
      send(
        response,
        401,
        { 'x-error-code': 'GatedRepo', 'x-error-message': 'Access to this model is restricted.' },
        '',
      );
      return;
    }
    const isListing = path.startsWith('/api/') && !path.endsWith('/repo');
    const fault = isListing ? this.#faults.get(LISTING)?.shift() : undefined;
    if (fault?.kind === 'status') {
      send(response, fault.status, fault.headers ?? {}, 'fault');
      return;
    }
    const hfModel = `/api/models/${this.#repository}`;
    const msModel = `/api/v1/models/${this.#repository}`;
    if (path === `${hfModel}/revision/main` || path === `${hfModel}/revision/${this.commit}`)
      sendJson(response, { id: this.#repository, sha: this.commit });
    else if (path === `${hfModel}/tree/${this.commit}`) this.#sendTree(url, response);
    else if (path.startsWith(`/${this.#repository}/resolve/${this.commit}/`)) {
      this.#redirect(path.slice(`/${this.#repository}/resolve/${this.commit}/`.length), response);
    } else if (path === `${msModel}/repo/files`) this.#sendModelScopeFiles(url, response);
    else if (path === `${msModel}/repo`) this.#redirect(url.searchParams.get('FilePath') ?? '', response);
    else if (path.startsWith('/api/models/'))
      send(response, 401, { 'x-error-code': 'RepoNotFound', 'x-error-message': 'Repository not found' }, '');
    else
      send(
        response,
        404,
        { 'content-type': 'application/json' },
        JSON.stringify({ Code: 10010205001, Message: 'not found', Success: false }),
      );
  }

  #sendTree(url: URL, response: ServerResponse): void {
    const start = Number(url.searchParams.get('cursor') ?? 0);
    const all = [...this.files].map(([path, bytes]) => treeEntry(path, bytes));
    const next = start + this.pageSize;
    const origin = this.linkOrigin ?? this.endpoint;
    const headers: Record<string, string> =
      next < all.length ? { link: `<${origin}${url.pathname}?recursive=true&cursor=${next}>; rel="next"` } : {};
    send(
      response,
      200,
      { 'content-type': 'application/json', ...headers },
      JSON.stringify([{ type: 'directory', path: 'vae', size: 0, oid: '0' }, ...all.slice(start, next)]),
    );
  }

  #sendModelScopeFiles(url: URL, response: ServerResponse): void {
    if (url.searchParams.get('Revision') !== 'master') {
      sendJson(response, { Code: 10010205001, Message: 'revision not found', Success: false, Data: null });
      return;
    }
    const entries = [...this.files].map(([path, bytes]) => ({
      Path: path,
      Name: path.split('/').at(-1),
      Type: 'blob',
      Size: bytes.length,
      Sha256: sha256(bytes),
      Revision: this.commit,
    }));
    sendJson(response, {
      Code: 200,
      Message: 'success',
      Success: true,
      Data: { Files: [{ Path: 'vae', Name: 'vae', Type: 'tree', Size: 0, Sha256: '' }, ...entries] },
    });
  }

  #redirect(path: string, response: ServerResponse): void {
    const faults = this.#faults.get(path);
    const fault = faults?.[0]?.kind === 'redirect' ? faults.shift() : undefined;
    if (!this.files.has(path)) send(response, 404, { 'x-error-code': 'EntryNotFound' }, 'Entry not found');
    else
      send(
        response,
        302,
        {
          location:
            fault?.kind === 'redirect'
              ? fault.location
              : `${this.#cdnOrigin}/blob/${encodeURIComponent(path)}?signature=secret`,
        },
        '',
      );
  }

  #answerCdn(request: IncomingMessage, response: ServerResponse): void {
    const url = this.#record('cdn', request);
    const path = decodeURIComponent(url.pathname.slice('/blob/'.length));
    const bytes = this.files.get(path);
    if (bytes === undefined) {
      send(response, 404, {}, '');
      return;
    }
    const fault = this.#faults.get(path)?.shift();
    if (fault?.kind === 'status') {
      send(response, fault.status, fault.headers ?? {}, 'fault');
      return;
    }
    this.#sendBytes(request, response, path, bytes, fault);
  }

  #sendBytes(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    whole: Buffer,
    fault: Fault | undefined,
  ): void {
    const etag = `"${sha256(whole)}"`;
    const start = fault?.kind === 'ignore-range' ? 0 : rangeStart(request, etag, whole.length);
    if (start === undefined) {
      send(response, 416, { 'content-range': `bytes */${whole.length}` }, '');
      return;
    }
    const body = Buffer.from(whole.subarray(start));
    if (fault?.kind === 'damage') body.reverse();
    const cut = fault?.kind === 'truncate' ? body.subarray(0, fault.bytes) : body;
    response.writeHead(start > 0 ? 206 : 200, {
      etag,
      'accept-ranges': 'bytes',
      'content-length': cut.length,
      ...(start > 0 ? { 'content-range': `bytes ${start}-${whole.length - 1}/${whole.length}` } : {}),
    });
    if (fault?.kind === 'cut') response.write(cut.subarray(0, fault.afterBytes), () => response.destroy());
    else if (fault?.kind === 'stall') {
      response.write(cut.subarray(0, fault.afterBytes));
      this.#stalled.set(path, [...(this.#stalled.get(path) ?? []), response]);
    } else response.end(cut);
  }
}

const LISTING = ' listing';

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Small files are plain Git blobs, big ones LFS: as the real hub describes them. */
function treeEntry(path: string, bytes: Buffer): Record<string, unknown> {
  if (bytes.length < LFS_THRESHOLD_BYTES) {
    const oid = createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
    return { type: 'file', path, size: bytes.length, oid };
  }
  return {
    type: 'file',
    path,
    size: bytes.length,
    oid: 'ab'.repeat(20),
    lfs: { oid: sha256(bytes), size: bytes.length, pointerSize: 135 },
  };
}

/** First byte to send; undefined when the range lies outside of the file. */
function rangeStart(request: IncomingMessage, etag: string, length: number): number | undefined {
  const start = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1];
  const ifRange = header(request, 'if-range');
  if (start === undefined || (ifRange !== undefined && ifRange !== etag)) return 0;
  return Number(start) < length ? Number(start) : undefined;
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function send(response: ServerResponse, status: number, headers: Readonly<Record<string, string>>, body: string): void {
  response.writeHead(status, { 'content-length': Buffer.byteLength(body), ...headers });
  response.end(body);
}

function sendJson(response: ServerResponse, body: unknown): void {
  send(response, 200, { 'content-type': 'application/json' }, JSON.stringify(body));
}

async function listenOn(server: Server, host: string): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  return `http://${host}:${port}`;
}
