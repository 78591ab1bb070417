/** Wiring of the roles: the only place that knows which adapter stands behind which port. */

import { hostname } from 'node:os';
import { systemClock } from '../adapters/clock.ts';
import type { App } from '../adapters/http/app-type.ts';
import { createIdSource } from '../adapters/id-source.ts';
import type { RecordStore } from '../adapters/sql/sql-store.ts';
import type { Metrics } from '../adapters/telemetry/metrics.ts';
import { AccessBook } from '../application/access-book.ts';
import { ClusterEngines, type Engines, ownEngine } from '../application/cluster-engines.ts';
import type { OwnedEngine } from '../application/engine-port.ts';
import { every } from '../application/every.ts';
import { createForgetAccess } from '../application/forget-access.ts';
import { createForgetIdempotencyKeys } from '../application/forget-idempotency-keys.ts';
import type { IncidentBook } from '../application/incidents.ts';
import { createWatchBudgets } from '../application/manage-budgets.ts';
import type { Clock, Logger, ModelCatalog } from '../application/ports.ts';
import { type NotReady, whyEnginesAreNotReady, whySiteIsNotReady } from '../application/readiness.ts';
import type { Config } from '../config/load.ts';
import { variableOf } from '../config/schema.ts';
import { StartupError } from '../config/startup-error.ts';
import { type AccessParts, composeAccess } from './compose-access.ts';
import { composeAlerts, reportSamples } from './compose-alerts.ts';
import { type Base, type ComposeOptions, openBase, opening } from './compose-base.ts';
import { type Drawing, startDrawing } from './compose-drawing.ts';
import { startFeeding } from './compose-feeder.ts';
import { createHttp, type HttpParts } from './compose-http.ts';
import { startRetention } from './compose-retention.ts';
import { startScaling } from './compose-scaler.ts';
import { collectSite } from './compose-site.ts';
import { createMetrics } from './compose-telemetry.ts';
import { composeWebhooks } from './compose-webhooks.ts';
import { startDuty } from './duties.ts';
import { type Cluster, type Opened, openRecords } from './open-records.ts';

/** What every role that answers the API has. */
export interface ApiParts {
  readonly app: App;
  readonly store: RecordStore;
  readonly models: ModelCatalog;
  readonly access: AccessParts;
  readonly metrics: Metrics;
  readonly incidents: IncidentBook;
  /** Stops claiming and accepting, and lets what is under way end. The API still answers. */
  drain(): Promise<void>;
  /** Gives everything back, last opened first. */
  close(): Promise<void>;
}

export interface Parts extends ApiParts {
  readonly engine: OwnedEngine;
}

export interface WorkerParts
  extends Pick<Base, 'store' | 'models' | 'metrics' | 'incidents' | 'cluster'>,
    Pick<Drawing, 'engine'> {
  drain(): Promise<void>;
  close(): Promise<void>;
}

/** Of a process that neither draws nor answers an API. */
export interface AttendantParts extends Pick<Base, 'store' | 'metrics'> {
  drain(): Promise<void>;
  close(): Promise<void>;
}

/** Opens everything that a server of one process needs. @throws StartupError */
export function compose(config: Config, options: ComposeOptions): Promise<Parts> {
  return opening(async (opened, close) => {
    const base = await openBase(config, options, 'serve', opened);
    const access = await composeAccess(config, base, opened);
    const drawing = await startDrawing(config, { ...base, book: access.book }, opened);
    const { id, engine, worker, memoryOf, devices } = drawing;
    if (base.cluster !== undefined) startFeeding(config, { ...base, cluster: base.cluster, book: access.book }, opened);
    const whyNotReady = () => whyDrawerIsNotReady(config, { ...base, engine });
    const own = { notifyCancel: worker.cancel.bind(worker), wakeWorkers: () => worker.wake(), whyNotReady };
    const workers =
      base.cluster === undefined
        ? {
            ...own,
            engines: ownEngine(engine, memoryOf, { id, host: hostname(), pid: process.pid, clock: base.clock }),
          }
        : { ...(await clusterWorkers(config, { ...base, cluster: base.cluster }, opened)), whyNotReady };
    const { app, accept } = await openApi(config, base, { access, workers, devices }, opened);
    const drain = (): Promise<void> => {
      accept.isDraining = true;
      return worker.drain(config.drainMs);
    };
    return { ...base, app, engine, access, drain, close };
  });
}

/** Opens what answers the API and draws nothing. @throws StartupError */
export function composeApi(config: Config, options: ComposeOptions): Promise<ApiParts> {
  return opening(async (opened, close) => {
    const base = await openBase(config, options, 'api', opened);
    const cluster = requireCluster(base, 'api');
    const access = await composeAccess(config, base, opened);
    const workers = await clusterWorkers(config, { ...base, cluster }, opened);
    opened.push(keepCosts(base));
    if (config.dispatchInApi) startFeeding(config, { ...base, cluster, book: access.book }, opened);
    const { app, accept } = await openApi(config, base, { access, workers, devices: () => [] }, opened);
    const drain = async (): Promise<void> => {
      accept.isDraining = true;
    };
    return { ...base, app, access, drain, close };
  });
}

/** Opens what draws and answers no API. @throws StartupError */
export function composeWorker(config: Config, options: ComposeOptions): Promise<WorkerParts> {
  return opening(async (opened, close) => {
    const base = await openBase(config, options, 'worker', opened);
    requireCluster(base, 'worker');
    const book = await followTenants(base, opened);
    const { engine, worker, devices } = await startDrawing(config, { ...base, book }, opened);
    reportSamples(config, { ...base, devices }, opened);
    return { ...base, engine, drain: () => worker.drain(config.drainMs), close };
  });
}

/** Opens what lays jobs out for workers, and neither draws nor answers an API. @throws StartupError */
export function composeDispatcher(config: Config, { log }: ComposeOptions): Promise<AttendantParts> {
  return opening(async (opened, close) => {
    const ids = createIdSource(systemClock);
    const records = await openRecords(config, { ids, log, role: 'dispatcher' }, opened);
    const cluster = requireCluster(records, 'dispatcher');
    if (cluster.carrier === undefined) throw redisMissing();
    const metrics = createMetrics(config);
    const book = await followTenants({ ...records, log }, opened);
    startFeeding(config, { ...records, cluster, book, ids, log }, opened);
    return { store: records.store, metrics, drain: async () => undefined, close };
  });
}

/** Opens what starts and ends workers of this machine. @throws StartupError */
export function composeScaler(config: Config, { log }: ComposeOptions): Promise<AttendantParts> {
  return opening(async (opened, close) => {
    const ids = createIdSource(systemClock);
    const records = await openRecords(config, { ids, log, role: 'scaler' }, opened);
    const cluster = requireCluster(records, 'scaler');
    const metrics = createMetrics(config);
    startScaling(config, { ...records, cluster, metrics, ids, log }, opened);
    return { store: records.store, metrics, drain: async () => undefined, close };
  });
}

function redisMissing(): StartupError {
  const message = `"imagemill dispatcher" lays jobs out in Redis. Set ${variableOf('redisUrl')}; without Redis workers take jobs from the database by themselves.`;
  return new StartupError('redis_missing', message);
}

/** The limits of tenants, read again and again. */
async function followTenants(
  { store, clock, log }: Pick<Base, 'store' | 'clock' | 'log'>,
  opened: Opened,
): Promise<AccessBook> {
  const book = new AccessBook({ reader: store.access, clock });
  await book.refresh();
  const onError = (err: unknown): void => log.warn({ err }, 'keeping up with tenants failed');
  opened.push(every(clock, REFRESH_MS, () => book.refresh(), onError));
  return book;
}

/** @throws StartupError `database_missing` */
function requireCluster({ cluster }: Pick<Base, 'cluster'>, role: string): Cluster {
  if (cluster !== undefined) return cluster;
  const message = `"imagemill ${role}" needs records that several processes can share. Set ${variableOf('databaseUrl')} to a PostgreSQL database, or run "imagemill serve".`;
  throw new StartupError('database_missing', message);
}

type WorkersOfApi = Pick<HttpParts, 'notifyCancel' | 'wakeWorkers' | 'engines' | 'whyNotReady'>;

async function clusterWorkers(
  { site }: Config,
  { cluster, ...base }: Omit<Base, 'cluster'> & { readonly cluster: Cluster },
  opened: Opened,
): Promise<WorkersOfApi> {
  const engines = new ClusterEngines({ ...base, ...cluster });
  await engines.look();
  opened.push(() => engines.close());
  const { bus } = cluster;
  return {
    engines: engines satisfies Engines,
    notifyCancel: (jobId) => bus.publish({ kind: 'cancel', jobId }),
    wakeWorkers: () => bus.publish({ kind: 'wake' }),
    whyNotReady: () => whySiteIsNotReady(cluster.readSite, site),
  };
}

/** A process that draws is ready when its engine is, and its site may write. */
export async function whyDrawerIsNotReady(
  { site }: Pick<Config, 'site'>,
  { engine, cluster }: Pick<Parts, 'engine'> & { readonly cluster: Cluster | undefined },
): Promise<NotReady | undefined> {
  const problem = whyEnginesAreNotReady([engine.status]);
  return problem ?? (cluster && whySiteIsNotReady(cluster.readSite, site));
}

interface ApiInput extends Pick<Drawing, 'devices'> {
  readonly access: AccessParts;
  readonly workers: WorkersOfApi;
}

/** The API on what was opened. `accept` says whether anything new is let in. */
async function openApi(
  config: Config,
  base: Base,
  { access, workers, devices }: ApiInput,
  opened: Opened,
): Promise<{ readonly app: App; readonly accept: { isDraining: boolean } }> {
  const webhooks = composeWebhooks(config, base, opened);
  if (base.cluster !== undefined) collectSite(base.metrics, { ...base, cluster: base.cluster });
  const alerts = composeAlerts(config, { ...base, devices }, opened);
  opened.push(forgetOld(base), watchBudgets(base), startRetention(config, base));
  const accept = { isDraining: false };
  const app = await createHttp(config, {
    ...base,
    ...workers,
    access,
    webhooks,
    alerts,
    isDraining: () => accept.isDraining,
  });
  opened.push(() => app.close());
  return { app, accept };
}

/** Costs that workers learn, for the predictions of a process that draws nothing itself. */
function keepCosts({ costs, store, clock, log }: Base): () => void {
  const onError = (err: unknown): void => log.debug({ err }, 'what pictures cost was not read');
  return every(clock, COSTS_MS, async () => costs.follow(await store.queue.costs()), onError);
}

/** Tells of tenants that have spent their soft budget, in one process at a time. */
function watchBudgets(base: Base): () => Promise<void> {
  const { store, clock, ids, log } = base;
  const watch = createWatchBudgets({ usage: store.usage, transact: store.transact.bind(store), clock, ids, log });
  const onError = (err: unknown): void => log.warn({ err }, 'looking after budgets failed');
  const duty = startDuty('budgets', base, () => {
    const stop = every(clock, BUDGETS_MS, watch, onError);
    return { look: async () => undefined, close: async () => stop() };
  });
  return () => duty.stop();
}

function forgetOld({ store, clock, log }: { store: RecordStore; clock: Clock; log: Logger }): () => void {
  const forget = createForgetIdempotencyKeys({ store, clock });
  const forgetAccess = createForgetAccess({ store, clock });
  return every(
    clock,
    FORGET_MS,
    async () => {
      await forget();
      await forgetAccess();
    },
    (err) => log.warn({ err }, 'forgetting old idempotency keys, sessions and counters failed'),
  );
}

/** How often idempotency keys and sessions whose time is over are removed. */
const FORGET_MS = 60_000;
/** How often a worker looks for changed limits of tenants. */
const REFRESH_MS = 1_000;
const COSTS_MS = 5_000;
const BUDGETS_MS = 10_000;
