/** Wiring: the only place that knows which adapter stands behind which port. */
import { join } from 'node:path';
import { makeFolder } from '@imagemill/diffusion';
import { openDeviceMemory } from '@imagemill/diffusion/device-memory';
import { systemClock } from '../adapters/clock.ts';
import { createDisk } from '../adapters/disk.ts';
import type { App } from '../adapters/http/app-type.ts';
import { createIdSource } from '../adapters/id-source.ts';
import { engineOptions } from '../adapters/inference/engine-options.ts';
import { EngineProcess } from '../adapters/inference/engine-process.ts';
import { fingerprintModel } from '../adapters/models/model-fingerprint.ts';
import { pictureFiles } from '../adapters/provenance/picture-file.ts';
import { secrets } from '../adapters/secrets.ts';
import { type DataLock, lockFolder } from '../adapters/sql/data-lock.ts';
import { SqliteStore } from '../adapters/sql/sqlite-store.ts';
import type { Metrics } from '../adapters/telemetry/metrics.ts';
import type { AccessStore } from '../application/access-ports.ts';
import { type AssetUrls, createAssetUrls } from '../application/asset-urls.ts';
import { createClaimJobs } from '../application/claim-jobs.ts';
import { type CostBook, createCostBook } from '../application/cost-book.ts';
import { createEndAttempt } from '../application/end-attempt.ts';
import type { DeviceMemoryFacts, DrawingEngine } from '../application/engine-port.ts';
import { every } from '../application/every.ts';
import { createForgetAccess } from '../application/forget-access.ts';
import { createForgetIdempotencyKeys } from '../application/forget-idempotency-keys.ts';
import { createPictureLabeller } from '../application/label-picture.ts';
import { loadAhead } from '../application/load-ahead.ts';
import type { LoraLibrary } from '../application/lora-ports.ts';
import { observeEndAttempt, observeEngine } from '../application/observe-attempts.ts';
import type { Disk, IdSource, Logger, ModelCatalog, PictureStore } from '../application/ports.ts';
import { createReapExpiredLeases, createRecoverOrphans } from '../application/reap-expired-leases.ts';
import { createRenewLeases } from '../application/renew-leases.ts';
import { createReuseResults, type ReuseResults } from '../application/reuse-results.ts';
import { openSigningKeys } from '../application/signing-keys.ts';
import { Worker } from '../application/worker.ts';
import type { Config } from '../config/load.ts';
import { StartupError } from '../config/startup-error.ts';
import { assert } from '../domain/errors.ts';
import { workerId } from '../domain/ids.ts';
import { type AccessParts, composeAccess } from './compose-access.ts';
import { createHttp } from './compose-http.ts';
import { createLabelPolicies } from './compose-labels.ts';
import { openLoras } from './compose-loras.ts';
import { collectSystem, countReaped, createMetrics, watchDevice } from './compose-telemetry.ts';
import { composeOutbox, composeWebhooks } from './compose-webhooks.ts';
import { findModels } from './find-models.ts';
import { openPictures } from './open-pictures.ts';

export interface Parts {
  readonly app: App;
  readonly store: SqliteStore;
  readonly models: ModelCatalog;
  readonly engine: EngineProcess;
  readonly access: AccessParts;
  readonly metrics: Metrics;
  /** Stops claiming and accepting, and lets what is under way end. The API still answers. */
  drain(): Promise<void>;
  /** Gives everything back, last opened first. */
  close(): Promise<void>;
}

/** Lease of a job: a worker that is silent for this long loses its jobs. Renewed three times as often. */
export const LEASE_MS = 5_000;
/** How often the worker looks for work that nobody told it of, and for silent workers. */
export const POLL_MS = 1_000;
const retry = { maxInterruptions: 10 };
/** How often idempotency keys and sessions whose time is over are removed. */
const FORGET_MS = 60_000;

/** Opens everything that a server of one process needs. @throws StartupError */
export async function compose(
  config: Config,
  options: { readonly version: string; readonly log: Logger },
): Promise<Parts> {
  const opened: (() => Promise<void> | void)[] = [];
  const close = async (): Promise<void> => {
    for (const giveBack of opened.splice(0).reverse()) await giveBack();
  };
  try {
    return await open(config, options, opened, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function open(
  config: Config,
  { version, log }: { readonly version: string; readonly log: Logger },
  opened: (() => Promise<void> | void)[],
  close: () => Promise<void>,
): Promise<Parts> {
  const clock = systemClock;
  const ids = createIdSource(clock);
  const metrics = createMetrics(config);
  const { store, assetUrls } = await openData(config, ids, opened);
  const pictures = await openPictures(config);
  opened.push(store.onStored((event) => metrics.jobChanged(event)));
  const access = await composeAccess(config, { store, assetUrls, ids, log }, opened);
  const webhooks = composeWebhooks(config, { store, ids, log, version, metrics }, opened);
  const models = await findModels(config);
  const { loras, stop: stopLoras } = await openLoras(config, { models, clock, log });
  opened.push(stopLoras);
  const costs = createCostBook(config.device, await store.queue.costs());
  const disk = createDisk(config.dataDir, { minFreeBytes: config.minFreeBytes, clock });
  const recovered = await createRecoverOrphans({ store, clock, retry })();
  if (recovered > 0) log.info({ jobs: recovered }, 'jobs that an earlier server was drawing went back to the queue');

  const engine = startEngine(config, log);
  opened.push(() => engine.close(), loadAhead({ engine, models, log }));
  const memoryOf = await readMemory(config);
  const { busy } = await watchDevice(config, { engine, memoryOf, metrics, log }, opened);
  metrics.collectWith(await collectSystem({ queue: store.queue, disk, version }));
  const observed = observeEngine(engine, metrics, busy);
  const drawing = { store, pictures, models, loras, engine: observed, access, costs, disk, ids, log, version, metrics };
  const worker = startWorker(config, drawing);
  opened.push(() => worker.drain(0));
  opened.push(store.onStored((event) => event.type === 'job.queued' && worker.wake()));
  opened.push(forgetOld(store, log));

  let isDraining = false;
  const app = await createHttp(config, {
    ...{
      store,
      pictures,
      assetUrls,
      models,
      loras,
      engine,
      access,
      webhooks,
      costs,
      disk,
      worker,
      ids,
      clock,
      log,
      version,
    },
    metrics,
    memoryOf,
    isDraining: () => isDraining,
  });
  opened.push(() => app.close());
  const drain = (): Promise<void> => {
    isDraining = true;
    return worker.drain(config.drainMs);
  };
  return { app, store, models, engine, access, metrics, drain, close };
}

interface WorkerParts {
  readonly store: SqliteStore;
  readonly pictures: PictureStore;
  readonly models: ModelCatalog;
  readonly loras: LoraLibrary;
  readonly engine: DrawingEngine;
  readonly metrics: Metrics;
  readonly access: AccessParts;
  readonly costs: CostBook;
  readonly disk: Disk;
  readonly ids: IdSource;
  readonly log: Logger;
  readonly version: string;
}

function startWorker(config: Config, parts: WorkerParts): Worker {
  const { store, access, costs, ids, metrics } = parts;
  const clock = systemClock;
  return new Worker({
    ...parts,
    clock,
    workerId: workerId(ids.next()),
    claimJobs: createClaimJobs({
      ...{ store, clock, leaseMs: LEASE_MS },
      maxRunningOf: (tenant) =>
        access.book.tenant(tenant)?.limits.maxRunning ?? (config.maxRunningPerTenant || undefined),
    }),
    renewLeases: createRenewLeases({ store, clock, leaseMs: LEASE_MS }),
    endAttempt: observeEndAttempt(
      createEndAttempt({ store, clock, ids, costs, maxResults: config.resultCacheEntries }),
      metrics,
    ),
    labeller: createPictureLabeller({
      files: pictureFiles,
      policies: createLabelPolicies(config),
      software: `Imagemill ${parts.version}`,
    }),
    reapExpiredLeases: countReaped(createReapExpiredLeases({ store, clock, retry }), metrics),
    feed: store.feed,
    results: config.resultCacheEntries > 0 ? rememberedResults(config, parts) : undefined,
    releasePauseMs: config.retryPauseMs,
    leaseMs: LEASE_MS,
    pollMs: POLL_MS,
  });
}

function forgetOld(store: SqliteStore, log: Logger): () => void {
  const forget = createForgetIdempotencyKeys({ store, clock: systemClock });
  const forgetAccess = createForgetAccess({ store, clock: systemClock });
  return every(
    systemClock,
    FORGET_MS,
    async () => {
      await forget();
      await forgetAccess();
    },
    (err) => log.warn({ err }, 'forgetting old idempotency keys, sessions and counters failed'),
  );
}

function rememberedResults({ device, weights }: Config, { store, pictures }: WorkerParts): ReuseResults {
  const engine = JSON.stringify([device, weights]);
  return createReuseResults({ store, pictures, hash: secrets.hash, fingerprintOf: fingerprintModel, engine });
}

async function openData(
  config: Config,
  ids: IdSource,
  opened: (() => Promise<void> | void)[],
): Promise<{ store: SqliteStore; assetUrls: AssetUrls }> {
  const folder = config.dataDir;
  try {
    await makeFolder(folder);
    const lock = takeFolder(folder);
    opened.push(() => lock.release());
    let assetUrls: AssetUrls | undefined;
    const outbox = composeOutbox(ids, () => {
      assert(assetUrls !== undefined, 'nothing is drawn before the store is open');
      return assetUrls;
    });
    const store = await SqliteStore.open({ folder, durability: config.durability, outbox });
    opened.push(() => store.close());
    assetUrls = await composeAssetUrls(config, store);
    return { store, assetUrls };
  } catch (error) {
    if (error instanceof StartupError) throw error;
    const message = `The data folder ${folder} cannot be used: ${(error as Error).message}. Choose another with --data-dir, or mend its rights.`;
    throw new StartupError('data_folder_unusable', message, { details: { folder }, cause: error });
  }
}

async function composeAssetUrls({ assetUrlSeconds, publicUrl }: Config, store: SqliteStore): Promise<AssetUrls> {
  const transact: AccessStore['transact'] = (work) => store.transact(({ access }) => work(access));
  const keys = await openSigningKeys({ store: { transact }, secrets, clock: systemClock });
  return createAssetUrls({ keys, secrets, clock: systemClock, lifeSeconds: assetUrlSeconds, publicUrl });
}

function takeFolder(folder: string): DataLock {
  const taken = lockFolder(folder);
  if ('lock' in taken) return taken.lock;
  const who = taken.holder === undefined ? '' : ` (process ${taken.holder.pid} on ${taken.holder.host})`;
  const message = `Another Imagemill server${who} works in the data folder ${folder}. Stop it, or choose another folder with --data-dir.`;
  throw new StartupError('data_folder_in_use', message, { details: { folder, ...taken.holder } });
}

function startEngine(config: Config, log: Logger): EngineProcess {
  return new EngineProcess({
    engine: engineOptions(config, { slots: config.slots, cacheDir: join(config.dataDir, 'cache') }),
    environment: config.engineEnvironment,
    stuckAfterMs: config.engineStuckAfterMs,
    clock: systemClock,
    log,
  });
}

/** What is free on the device, as this process sees it. */
async function readMemory({ device, memoryReserveBytes }: Config): Promise<() => DeviceMemoryFacts | undefined> {
  const reader = await openDeviceMemory(device);
  return () => {
    const reading = reader?.read();
    return reader && reading && { source: reader.source, ...reading, reserveBytes: memoryReserveBytes };
  };
}
