import { ModelError } from './model-errors.ts';
import { familyOf, pipelineOf } from './model-family.ts';
import type {
  FilePart,
  HubBody,
  HubListing,
  InstalledModel,
  ModelHub,
  ModelStore,
  Pauses,
  StagedModel,
  WantedFile,
} from './model-ports.ts';
import { DEFAULT_RETRY_POLICY, type Retries, type RetryPolicy, withRetries } from './retry.ts';
import { selectModelFiles } from './select-model-files.ts';

export interface PullModelPorts {
  readonly hub: ModelHub;
  readonly store: ModelStore;
  readonly pauses: Pauses;
}

export interface PullModelInput {
  /** `owner/name` on the hub. */
  readonly repository: string;
  /** Branch, tag or commit. @default the hub's main branch */
  readonly revision?: string | undefined;
  /** Files that come at once, 1 to 8. @default 3 */
  readonly concurrency?: number | undefined;
  readonly retryPolicy?: RetryPolicy | undefined;
  readonly signal: AbortSignal;
  readonly onEvent?: ((event: PullEvent) => void) | undefined;
}

export type PullEvent =
  | {
      readonly type: 'listed';
      readonly repository: string;
      readonly revision: string;
      readonly files: number;
      readonly totalBytes: number;
    }
  /** Files already here are hashed; what is whole is not fetched again. */
  | { readonly type: 'checked'; readonly files: number; readonly bytes: number; readonly missingBytes: number }
  | {
      readonly type: 'progress';
      readonly doneBytes: number;
      readonly receivedBytes: number;
      readonly totalBytes: number;
    }
  | { readonly type: 'file'; readonly path: string; readonly sizeBytes: number }
  | {
      readonly type: 'retry';
      readonly path: string;
      readonly reason: string;
      readonly failedTries: number;
      readonly waitMs: number;
    }
  | { readonly type: 'installing' };

export interface PullResult {
  readonly model: InstalledModel;
  /** Bytes that came over the network in this run. */
  readonly receivedBytes: number;
  readonly files: number;
}

export type PullModel = (input: PullModelInput) => Promise<PullResult>;

/**
 * Downloads a model, or repairs an installed one: files whose digest is right are kept, the others are fetched, and
 * the model's folder appears or changes only when every file is whole. A pull that ends early keeps its parts.
 *
 * @throws ModelError
 */
export function createPullModel({ hub, store, pauses }: PullModelPorts): PullModel {
  return async (input) => {
    const retriesOf = (path: string, signal: AbortSignal): Retries => ({
      policy: input.retryPolicy ?? DEFAULT_RETRY_POLICY,
      pauses,
      signal,
      onRetry: (error, failedTries, waitMs) =>
        input.onEvent?.({ type: 'retry', path, reason: error.message, failedTries, waitMs }),
    });
    const revision = input.revision ?? hub.defaultRevision;
    const listing = await withRetries(retriesOf('', input.signal), () =>
      hub.list(input.repository, revision, input.signal),
    );
    const wanted = selectModelFiles(listing);
    const meter = new Meter(wanted, input.onEvent);
    input.onEvent?.({
      type: 'listed',
      repository: listing.repository,
      revision: listing.revision,
      files: wanted.length,
      totalBytes: meter.totalBytes,
    });

    const staged = await store.stage(input.repository);
    try {
      const missing = await findMissing(staged, wanted, meter, input);
      const download = (file: WantedFile, signal: AbortSignal): Promise<void> =>
        downloadFile({ hub, staged, listing, file, meter, retries: retriesOf(file.path, signal) });
      const index = missing.find(({ path }) => path === 'model_index.json');
      if (index !== undefined) await download(index, input.signal);
      assertSupported(await staged.readText('model_index.json'), listing.repository);
      await inParallel(
        missing.filter((file) => file !== index),
        input.concurrency ?? 3,
        input.signal,
        download,
      );
      input.onEvent?.({ type: 'installing' });
      const origin = {
        source: hub.source,
        endpoint: hub.endpoint,
        repository: listing.repository,
        revision: listing.revision,
      };
      return { model: await staged.publish(origin, wanted), receivedBytes: meter.receivedBytes, files: wanted.length };
    } finally {
      await staged.release();
    }
  };
}

/** Counts bytes and tells of them. */
class Meter {
  readonly totalBytes: number;
  readonly #onEvent: PullModelInput['onEvent'];
  doneBytes = 0;
  receivedBytes = 0;

  constructor(files: readonly WantedFile[], onEvent: PullModelInput['onEvent']) {
    this.totalBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
    this.#onEvent = onEvent;
  }

  /** Bytes found on the disk; negative when they turn out to be useless. */
  found(delta: number): void {
    this.doneBytes += delta;
    this.#tell();
  }

  received(delta: number): void {
    this.doneBytes += delta;
    this.receivedBytes += delta;
    this.#tell();
  }

  finished(file: WantedFile): void {
    this.#onEvent?.({ type: 'file', path: file.path, sizeBytes: file.sizeBytes });
  }

  #tell(): void {
    this.#onEvent?.({
      type: 'progress',
      doneBytes: this.doneBytes,
      receivedBytes: this.receivedBytes,
      totalBytes: this.totalBytes,
    });
  }
}

/** Keeps the files that are whole already and makes sure that the disk holds the others. */
async function findMissing(
  staged: StagedModel,
  wanted: readonly WantedFile[],
  meter: Meter,
  input: PullModelInput,
): Promise<readonly WantedFile[]> {
  const missing: WantedFile[] = [];
  let missingBytes = 0;
  for (const file of wanted) {
    let hashed = 0;
    const onBytes = (delta: number): void => {
      hashed += delta;
      meter.found(delta);
    };
    if (await staged.adopt(file, onBytes, input.signal)) continue;
    meter.found(-hashed);
    missing.push(file);
    missingBytes += file.sizeBytes - (await staged.partialBytes(file));
  }
  input.onEvent?.({ type: 'checked', files: wanted.length - missing.length, bytes: meter.doneBytes, missingBytes });
  const freeBytes = await staged.freeBytes();
  if (missingBytes > 0 && missingBytes + DISK_RESERVE_BYTES > freeBytes) {
    throw new ModelError(
      'disk_full',
      `The model needs ${gigabytes(missingBytes)} more and ${gigabytes(DISK_RESERVE_BYTES)} to spare, but the disk of the models folder has ${gigabytes(freeBytes)} free: make room, or choose another folder with --dir or IMAGEMILL_MODELS_DIR.`,
      { details: { missingBytes, freeBytes, reserveBytes: DISK_RESERVE_BYTES } },
    );
  }
  return missing;
}

/** Left free on the disk, so that a pull does not stop the machine's other work. */
const DISK_RESERVE_BYTES = 512 * 1024 * 1024;

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(bytes < 1e8 ? 3 : 1)} GB`;
}

function assertSupported(modelIndex: string, repository: string): void {
  if (familyOf(modelIndex) !== undefined) return;
  const pipeline = pipelineOf(modelIndex) ?? 'none';
  throw new ModelError(
    'hub_model_unsupported',
    `${repository} is made for the pipeline ${pipeline}; expected ZImagePipeline.`,
    { details: { pipeline } },
  );
}

interface FileDownload {
  readonly hub: ModelHub;
  readonly staged: StagedModel;
  readonly listing: HubListing;
  readonly file: WantedFile;
  readonly meter: Meter;
  readonly retries: Retries;
}

/** Fetches one file until its digest is right, going on after each break from the byte it broke at. */
async function downloadFile({ hub, staged, listing, file, meter, retries }: FileDownload): Promise<void> {
  const { signal } = retries;
  const part = await staged.openPart(file, (delta) => meter.found(delta), signal);
  let wrongDigests = 0;
  let bytesBefore = part.sizeBytes;
  try {
    await withRetries(
      retries,
      async () => {
        bytesBefore = part.sizeBytes;
        if (part.sizeBytes < file.sizeBytes) await receive(hub, listing, file, part, meter, signal);
        const held = part.sizeBytes;
        if (await part.finish()) return;
        meter.found(-held);
        wrongDigests += 1;
        throw wrongDigest(file, wrongDigests < MAX_WRONG_DIGESTS);
      },
      () => part.sizeBytes > bytesBefore,
    );
    meter.finished(file);
  } finally {
    await part.close();
  }
}

/** A damaged transfer is worth a second one; a hub that serves other bytes than it announces is not worth a third. */
const MAX_WRONG_DIGESTS = 2;

function wrongDigest(file: WantedFile, mayRetry: boolean): ModelError {
  const details = { path: file.path, expected: file.digest.hex, algorithm: file.digest.algorithm };
  return mayRetry
    ? new ModelError('download_damaged', `${file.path} arrived with a wrong hash.`, { details })
    : new ModelError(
        'hub_answer_invalid',
        `${file.path} arrived ${MAX_WRONG_DIGESTS} times with another hash than the hub announces (${file.digest.hex}); nothing of it was kept. Try another --endpoint or --source.`,
        { details },
      );
}

async function receive(
  hub: ModelHub,
  listing: HubListing,
  file: WantedFile,
  part: FilePart,
  meter: Meter,
  signal: AbortSignal,
): Promise<void> {
  const { repository, revision } = listing;
  const fromByte = part.sizeBytes;
  const body = await hub.open({ repository, revision, path: file.path, fromByte, etag: part.etag }, signal);
  try {
    if (body.startsAt !== fromByte) {
      meter.found(-fromByte);
      await part.restart();
    }
    if (body.startsAt !== part.sizeBytes) {
      const message = `${file.path} came from byte ${body.startsAt} on instead of ${fromByte}.`;
      throw new ModelError('download_truncated', message);
    }
    await part.rememberEtag(body.etag);
    await takeAll(body, file, part, meter);
  } finally {
    body.close();
  }
  if (part.sizeBytes < file.sizeBytes) {
    const details = { path: file.path, gotBytes: part.sizeBytes, expectedBytes: file.sizeBytes };
    const message = `${file.path} ended after ${part.sizeBytes} of ${file.sizeBytes} bytes.`;
    throw new ModelError('download_truncated', message, { details });
  }
}

async function takeAll(body: HubBody, file: WantedFile, part: FilePart, meter: Meter): Promise<void> {
  for await (const chunk of body.bytes) {
    // Surplus bytes cannot belong to the announced file; the digest then decides over what came before them.
    const room = file.sizeBytes - part.sizeBytes;
    const bytes = chunk.length > room ? chunk.subarray(0, room) : chunk;
    await part.append(bytes);
    meter.received(bytes.length);
    if (chunk.length > room) return;
  }
}

/** Runs the work over all items, `width` at a time. The first error stops the others and is thrown when they have ended. */
async function inParallel<T>(
  items: readonly T[],
  width: number,
  outer: AbortSignal,
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([outer, stop.signal]);
  const waiting = [...items];
  let firstError: unknown;
  const lane = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined && !stop.signal.aborted; item = waiting.shift()) {
      try {
        await work(item, signal);
      } catch (error) {
        if (!stop.signal.aborted) firstError = error;
        stop.abort();
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.min(width, items.length)) }, lane));
  if (stop.signal.aborted) throw firstError;
}
