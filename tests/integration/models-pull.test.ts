import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHuggingFaceHub } from '../../apps/server/src/adapters/hub/hugging-face-hub.ts';
import { createModelScopeHub } from '../../apps/server/src/adapters/hub/model-scope-hub.ts';
import { createModelStore } from '../../apps/server/src/adapters/hub/model-store.ts';
import { timerPauses } from '../../apps/server/src/adapters/hub/timer-pauses.ts';
import type { ModelError } from '../../apps/server/src/application/model-errors.ts';
import type { ModelHub } from '../../apps/server/src/application/model-ports.ts';
import { createPullModel, type PullEvent, type PullResult } from '../../apps/server/src/application/pull-model.ts';
import type { RetryPolicy } from '../../apps/server/src/application/retry.ts';
import { hubRepositoryFiles, unwantedFiles } from '../support/model-hub-files.ts';
import { type ModelHubServer, sha256, startModelHubServer } from '../support/model-hub-server.ts';

const REPOSITORY = 'Tongyi-MAI/Z-Image-Small';
const BIG = 'transformer/diffusion_pytorch_model-00002-of-00007.safetensors';
const policy: RetryPolicy = { maxTries: 4, baseMs: 1, maxMs: 4 };

let server: ModelHubServer;
let folder: string;

beforeEach(async () => {
  server = await startModelHubServer(REPOSITORY, await hubRepositoryFiles());
  folder = await mkdtemp(join(tmpdir(), 'imagemill-models-'));
});

afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

interface PullOptions {
  readonly hub?: ModelHub;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: PullEvent) => void;
  readonly repository?: string;
  readonly revision?: string;
}

function pull(options: PullOptions = {}): Promise<PullResult> {
  const hub = options.hub ?? createHuggingFaceHub({ endpoint: server.endpoint });
  const pullModel = createPullModel({ hub, store: createModelStore({ modelsFolder: folder }), pauses: timerPauses });
  return pullModel({
    repository: options.repository ?? REPOSITORY,
    revision: options.revision,
    retryPolicy: policy,
    signal: options.signal ?? new AbortController().signal,
    onEvent: options.onEvent,
  });
}

async function pullError(options: PullOptions = {}): Promise<ModelError> {
  return pull(options).then(
    () => expect.unreachable('the pull succeeded'),
    (error: ModelError) => error,
  );
}

async function filesBelow(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1))
    .sort();
}

const model = (): string => join(folder, REPOSITORY);
const staging = (): string => `${model()}.partial`;
const bigBytes = (): Buffer => server.files.get(BIG) as Buffer;
const cdnRequests = (path: string): typeof server.requests =>
  server.requests.filter((request) => request.host === 'cdn' && decodeURIComponent(request.path).includes(path));

async function expectWholeModel(): Promise<void> {
  const wanted = [...server.files.keys()].filter((path) => !unwantedFiles.includes(path));
  expect(await filesBelow(model())).toEqual([...wanted, '.imagemill-origin.json', 'imagemill.manifest.json'].sort());
  for (const path of wanted) expect(await readFile(join(model(), path))).toEqual(server.files.get(path));
}

describe('pulling from Hugging Face', () => {
  it('brings the files that the pipeline needs, with a manifest, and nothing else', async () => {
    const result = await pull();
    await expectWholeModel();
    expect(result.model).toMatchObject({
      name: 'Z-Image-Small',
      id: REPOSITORY,
      family: 'z-image',
      verification: 'verified',
      origin: { source: 'huggingface', repository: REPOSITORY, revision: server.commit },
    });
    const manifest = JSON.parse(await readFile(join(model(), 'imagemill.manifest.json'), 'utf8'));
    expect(manifest.files).toContainEqual({ path: BIG, sizeBytes: bigBytes().length, sha256: sha256(bigBytes()) });
    expect(await readdir(join(folder, 'Tongyi-MAI'))).toEqual(['Z-Image-Small']);
  });

  it('pins every file to the commit that the branch names at the start', async () => {
    await pull();
    const fromHub = server.requests.filter((request) => request.host === 'hub' && request.path.includes('/resolve/'));
    expect(fromHub.length).toBeGreaterThan(10);
    expect(fromHub.every((request) => request.path.includes(`/resolve/${server.commit}/`))).toBe(true);
  });

  it('tells of the listing, of bytes up to the total, and of every finished file', async () => {
    const events: PullEvent[] = [];
    const { files } = await pull({ onEvent: (event) => events.push(event) });
    const progress = events.filter((event) => event.type === 'progress');
    const last = progress.at(-1);
    expect(last?.doneBytes).toBe(last?.totalBytes);
    expect(last?.receivedBytes).toBe(last?.totalBytes);
    expect(events.filter((event) => event.type === 'file')).toHaveLength(files);
    expect(events[0]).toMatchObject({ type: 'listed', repository: REPOSITORY, revision: server.commit, files });
    expect(events.at(-1)).toEqual({ type: 'installing' });
  });

  it('asks a mirror that repeats the links of huggingface.co for the next page itself', async () => {
    server.linkOrigin = 'https://huggingface.co';
    await pull();
    await expectWholeModel();
  });

  it('refuses a listing that continues on a foreign host', async () => {
    server.linkOrigin = 'http://localhost:1';
    expect(await pullError()).toMatchObject({ code: 'hub_redirect_refused' });
  });

  it('sends the token to the endpoint and never to the host it redirects to', async () => {
    server.gatedBy = 'secret-token';
    await pull({ hub: createHuggingFaceHub({ endpoint: server.endpoint, token: 'secret-token' }) });
    const hosts = new Map(
      ['hub', 'cdn'].map((host) => [
        host,
        new Set(server.requests.filter((r) => r.host === host).map((r) => r.authorization)),
      ]),
    );
    expect([...(hosts.get('hub') ?? [])]).toEqual(['Bearer secret-token']);
    expect([...(hosts.get('cdn') ?? [])]).toEqual([undefined]);
  });

  it('says what to do about a gated model', async () => {
    server.gatedBy = 'secret-token';
    const error = await pullError();
    expect(error.code).toBe('hub_access_denied');
    expect(error.message).toContain('HF_TOKEN');
    expect(await readdir(folder)).toEqual([]);
  });

  it('names a repository that is not there', async () => {
    const error = await pullError({ repository: 'Tongyi-MAI/Nothing' });
    expect(error.code).toBe('hub_model_not_found');
    expect(error.message).toContain('Tongyi-MAI/Nothing');
  });

  it('refuses a repository without the layout before it downloads anything', async () => {
    server.files.delete('model_index.json');
    const error = await pullError();
    expect(error).toMatchObject({ code: 'hub_model_unsupported', details: { missing: ['model_index.json'] } });
    expect(cdnRequests('')).toEqual([]);
  });

  it('refuses another pipeline after its model_index.json, before its weights', async () => {
    server.files.set('model_index.json', Buffer.from('{"_class_name":"FluxPipeline"}'));
    const error = await pullError();
    expect(error.code).toBe('hub_model_unsupported');
    expect(error.message).toContain('FluxPipeline');
    expect(cdnRequests('.safetensors')).toEqual([]);
  });

  it('says that an endpoint is no hub', async () => {
    const page = createServer((_request, response) => response.end('<html>Welcome</html>'));
    await new Promise<void>((resolve) => page.listen(0, '127.0.0.1', resolve));
    const endpoint = `http://127.0.0.1:${(page.address() as AddressInfo).port}`;
    const error = await pullError({ hub: createHuggingFaceHub({ endpoint }) });
    page.close();
    expect(error.code).toBe('hub_answer_invalid');
    expect(error.message).toContain('is the endpoint right?');
    expect(() => createHuggingFaceHub({ endpoint: 'hf-mirror.com' })).toThrow(/expected an http or https address/);
  });

  it('refuses names that are no repository', async () => {
    for (const repository of ['Z-Image-Turbo', '../etc/passwd', 'a/b/c', 'a/..', '']) {
      expect(await pullError({ repository })).toMatchObject({ code: 'model_name_invalid' });
    }
    expect(server.requests).toEqual([]);
  });

  it('never writes a listed file outside of the model folder', async () => {
    server.files.set('tokenizer/..\\..\\evil.json', Buffer.from('{}'));
    const error = await pullError();
    expect(error).toMatchObject({ code: 'hub_answer_invalid', details: { path: 'tokenizer/..\\..\\evil.json' } });
    expect((await filesBelow(folder)).filter((path) => path.includes('evil'))).toEqual([]);
  });
});

describe('pulling from ModelScope', () => {
  const hub = (token?: string): ModelHub => createModelScopeHub({ endpoint: server.endpoint, token });

  it('brings the same model', async () => {
    const { model: installed } = await pull({ hub: hub() });
    await expectWholeModel();
    expect(installed.origin).toMatchObject({ source: 'modelscope', revision: 'master' });
  });

  it('sends its token as header and cookie to the endpoint only', async () => {
    await pull({ hub: hub('ms-token') });
    for (const request of server.requests) {
      expect(request.cookie).toBe(request.host === 'hub' ? 'm_session_id=ms-token' : undefined);
    }
  });

  it('names a model or a revision that is not there', async () => {
    expect(await pullError({ hub: hub(), repository: 'Tongyi-MAI/Nothing' })).toMatchObject({
      code: 'hub_model_not_found',
    });
    expect(await pullError({ hub: hub(), revision: 'v9' })).toMatchObject({ code: 'hub_model_not_found' });
  });
});

describe('faults on the way', () => {
  /** Pulls while the connection of the big file breaks each time another `stepBytes` of it are on the disk. */
  async function pullWithBreaks(breaks: number, stepBytes: number): Promise<void> {
    server.fault(BIG, ...Array.from({ length: breaks }, () => ({ kind: 'stall', afterBytes: stepBytes }) as const));
    let done = 0;
    const cutWhenArrived = async (): Promise<void> => {
      const part = await stat(join(staging(), `${BIG}.part`)).catch(() => ({ size: 0 }));
      if (part.size < (done + 1) * stepBytes || done === breaks) return;
      done += 1;
      server.cut(BIG);
    };
    await pull({ onEvent: (event) => event.type === 'progress' && void cutWhenArrived() });
  }

  it('goes on from the byte at which the connection broke', async () => {
    await pullWithBreaks(2, 100_000);
    await expectWholeModel();
    const ifRange = `"${sha256(bigBytes())}"`;
    expect(cdnRequests(BIG)).toMatchObject([
      { range: undefined, ifRange: undefined },
      { range: 'bytes=100000-', ifRange },
      { range: 'bytes=200000-', ifRange },
    ]);
  });

  it('outlasts more breaks than tries when each brings something', async () => {
    await pullWithBreaks(policy.maxTries + 3, 50_000);
    await expectWholeModel();
  });

  it('survives connections that are cut before anything was read', async () => {
    server.fault(BIG, { kind: 'cut', afterBytes: 10 }, { kind: 'cut', afterBytes: 0 });
    await pull();
    await expectWholeModel();
  });

  it('gives up a connection that goes silent and goes on with another', async () => {
    server.fault(BIG, { kind: 'stall', afterBytes: 70_000 });
    const retried: string[] = [];
    const hub = createHuggingFaceHub({ endpoint: server.endpoint, idleTimeoutMs: 300 });
    await pull({ hub, onEvent: (event) => event.type === 'retry' && retried.push(event.path) });
    await expectWholeModel();
    expect(retried).toContain(BIG);
  });

  it('fetches the rest of a body that was too short', async () => {
    server.fault(BIG, { kind: 'truncate', bytes: 120_000 });
    await pull();
    await expectWholeModel();
    expect(cdnRequests(BIG).map(({ range }) => range)).toEqual([undefined, 'bytes=120000-']);
  });

  it('starts over when the server ignores the range', async () => {
    server.fault(BIG, { kind: 'truncate', bytes: 100_000 }, { kind: 'ignore-range' });
    await pull();
    await expectWholeModel();
  });

  it('waits as long as a 429 asks and tries passing errors again', async () => {
    server.fault(
      BIG,
      { kind: 'status', status: 429, headers: { 'retry-after': '0' } },
      { kind: 'status', status: 503 },
      { kind: 'status', status: 500 },
    );
    server.faultListing(
      { kind: 'status', status: 502 },
      { kind: 'status', status: 429, headers: { 'retry-after': '0' } },
    );
    const waits: number[] = [];
    await pull({ onEvent: (event) => event.type === 'retry' && waits.push(event.waitMs) });
    await expectWholeModel();
    expect(waits).toHaveLength(5);
    expect(waits.filter((ms) => ms === 0)).toHaveLength(2);
  });

  it('asks the hub for a new address when the signed one has expired', async () => {
    server.fault(BIG, { kind: 'status', status: 403 });
    await pull();
    await expectWholeModel();
    expect(server.requests.filter((r) => r.host === 'hub' && r.path.endsWith(encodeURI(BIG)))).toHaveLength(2);
  });

  it('fetches a damaged file once more', async () => {
    server.fault(BIG, { kind: 'damage' });
    await pull();
    await expectWholeModel();
  });

  it('gives up a hub that keeps sending other bytes than it announces, and keeps none of them', async () => {
    server.fault(BIG, { kind: 'damage' }, { kind: 'damage' }, { kind: 'damage' });
    const error = await pullError();
    expect(error).toMatchObject({ code: 'hub_answer_invalid', details: { path: BIG, expected: sha256(bigBytes()) } });
    expect(await readdir(join(folder, 'Tongyi-MAI'))).toEqual(['Z-Image-Small.partial']);
    expect((await readFile(join(staging(), `${BIG}.part`))).length).toBe(0);
  });

  it('follows redirects to http and https only', async () => {
    server.fault(BIG, { kind: 'redirect', location: 'file:///etc/passwd' });
    expect(await pullError()).toMatchObject({ code: 'hub_redirect_refused' });
  });

  it('ends after the allowed tries when nothing arrives, with the reason', async () => {
    server.fault(BIG, ...Array.from({ length: 9 }, () => ({ kind: 'status', status: 503 }) as const));
    const error = await pullError();
    expect(error.code).toBe('hub_unavailable');
    expect(cdnRequests(BIG)).toHaveLength(policy.maxTries);
  });

  it('says that nothing answers at the endpoint', async () => {
    const { endpoint } = server;
    await server.close();
    const error = await pullError({ hub: createHuggingFaceHub({ endpoint }) });
    expect(error.code).toBe('hub_unreachable');
    expect(error.message).toContain('ECONNREFUSED');
    expect(await readdir(folder)).toEqual([]);
    server = await startModelHubServer(REPOSITORY, new Map());
  });
});

describe('stopping, going on, repairing', () => {
  async function stopInTheMiddle(): Promise<void> {
    const stop = new AbortController();
    server.fault(BIG, { kind: 'stall', afterBytes: 300_000 });
    const hub = createHuggingFaceHub({ endpoint: server.endpoint });
    const stopped = pullError({
      hub,
      signal: stop.signal,
      onEvent: (event) => event.type === 'progress' && event.receivedBytes >= 300_000 && arrived(),
    });
    async function arrived(): Promise<void> {
      const part = await readFile(join(staging(), `${BIG}.part`)).catch(() => Buffer.alloc(0));
      if (part.length >= 300_000) stop.abort();
    }
    expect(await stopped).toMatchObject({ code: 'cancelled' });
  }

  it('keeps what has arrived and goes on from there in the next run', async () => {
    await stopInTheMiddle();
    expect(await readdir(join(folder, 'Tongyi-MAI'))).toEqual(['Z-Image-Small.partial']);
    const before = cdnRequests(BIG).length;
    const result = await pull();
    await expectWholeModel();
    expect(cdnRequests(BIG)[before]).toMatchObject({ range: 'bytes=300000-', ifRange: `"${sha256(bigBytes())}"` });
    expect(result.receivedBytes).toBeLessThan(result.model.sizeBytes - 300_000);
  });

  it('throws away the part of a file that has changed on the hub since', async () => {
    await stopInTheMiddle();
    server.commit = 'beef'.padEnd(40, '1');
    server.files.set(BIG, Buffer.alloc(bigBytes().length, 'new version'));
    await pull();
    await expectWholeModel();
  });

  it('does not trust the bytes of a part: a damaged one is fetched anew', async () => {
    await stopInTheMiddle();
    const part = await readFile(join(staging(), `${BIG}.part`));
    part[1000] = (part[1000] ?? 0) ^ 1;
    await writeFile(join(staging(), `${BIG}.part`), part);
    await pull();
    await expectWholeModel();
  });

  it('fetches nothing when the model is whole', async () => {
    await pull();
    server.requests.length = 0;
    const { receivedBytes } = await pull();
    expect(receivedBytes).toBe(0);
    expect(cdnRequests('')).toEqual([]);
    expect(await readdir(join(folder, 'Tongyi-MAI'))).toEqual(['Z-Image-Small']);
  });

  it('repairs only the damaged and missing files of an installed model, and leaves the files of its user', async () => {
    await pull();
    const config = 'vae/config.json';
    await rm(join(model(), config));
    const damaged = Buffer.from(bigBytes());
    damaged[5] = (damaged[5] ?? 0) ^ 255;
    await writeFile(join(model(), BIG), damaged);
    await writeFile(join(model(), 'notes.txt'), 'mine');
    server.requests.length = 0;
    const { receivedBytes } = await pull();
    expect(receivedBytes).toBe(bigBytes().length + (server.files.get(config)?.length ?? 0));
    expect(await readFile(join(model(), 'notes.txt'), 'utf8')).toBe('mine');
    await rm(join(model(), 'notes.txt'));
    await expectWholeModel();
    expect(await readdir(join(folder, 'Tongyi-MAI'))).toEqual(['Z-Image-Small']);
  });

  it('updates to a new revision and drops the files that it no longer has', async () => {
    await pull();
    server.commit = 'feed'.padEnd(40, '2');
    server.files.set('scheduler/scheduler_config.json', Buffer.from('{"shift": 6}'));
    server.files.delete('tokenizer/chat_template.jinja');
    const { model: installed } = await pull();
    expect(installed.origin?.revision).toBe(server.commit);
    await expectWholeModel();
  });

  it('lets one process pull a model at a time', async () => {
    server.fault(BIG, { kind: 'stall', afterBytes: 1000 });
    const stop = new AbortController();
    let second: ModelError | undefined;
    const first = pullError({
      hub: createHuggingFaceHub({ endpoint: server.endpoint }),
      signal: stop.signal,
      onEvent: (event) => {
        if (event.type !== 'checked') return;
        void pullError().then((error) => {
          second = error;
          stop.abort();
        });
      },
    });
    await first;
    expect(second).toMatchObject({ code: 'model_busy', details: { pid: String(process.pid) } });
    await pull();
    await expectWholeModel();
  });

  it('takes over the lock of a process that has died', async () => {
    await stopInTheMiddle();
    await writeFile(join(staging(), 'imagemill.lock'), `999999999 ${hostname()}\n`);
    await pull();
    await expectWholeModel();
  });

  it('refuses a model that the disk cannot hold, before the first byte', async () => {
    const store = createModelStore({ modelsFolder: folder });
    const small = {
      ...store,
      stage: async (repository: string) => {
        const staged = await store.stage(repository);
        staged.freeBytes = async () => 600_000_000;
        return staged;
      },
    };
    const hub = createHuggingFaceHub({ endpoint: server.endpoint });
    const listing = await hub.list(REPOSITORY, 'main', new AbortController().signal);
    const huge: ModelHub = {
      ...hub,
      list: async () => ({
        ...listing,
        files: listing.files.map((file) => (file.path === BIG ? { ...file, sizeBytes: 24e9 } : file)),
      }),
    };
    const error = await createPullModel({ hub: huge, store: small, pauses: timerPauses })({
      repository: REPOSITORY,
      signal: new AbortController().signal,
    }).then(
      () => expect.unreachable('the pull succeeded'),
      (caught: ModelError) => caught,
    );
    expect(error).toMatchObject({ code: 'disk_full', details: { freeBytes: 600_000_000 } });
    expect(error.message).toMatch(/needs 24\.0 GB more .* 0\.6 GB free/);
    expect(cdnRequests('')).toEqual([]);
  });

  it('says which folder cannot be written', async () => {
    await writeFile(join(folder, 'Tongyi-MAI'), 'a file in the way');
    expect(await pullError()).toMatchObject({ code: 'folder_unwritable' });
  });
});
