/** Opens the records where the settings say they are, and what processes of a cluster need beside them. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '@imagemill/diffusion';
import { systemClock } from '../adapters/clock.ts';
import { secrets } from '../adapters/secrets.ts';
import { type DataLock, lockFolder } from '../adapters/sql/data-lock.ts';
import { PostgresStore } from '../adapters/sql/postgres-store.ts';
import type { RecordStore } from '../adapters/sql/sql-store.ts';
import { SqliteStore } from '../adapters/sql/sqlite-store.ts';
import type { AccessStore } from '../application/access-ports.ts';
import { type AssetUrls, createAssetUrls } from '../application/asset-urls.ts';
import type { EventBus } from '../application/event-bus.ts';
import { every } from '../application/every.ts';
import type { JobCarrier } from '../application/job-carrier.ts';
import type { Clock, IdSource, Logger } from '../application/ports.ts';
import { openSigningKeys, SIGNING_KEYS_LOOK_MS, SigningKeyRing } from '../application/signing-keys.ts';
import type { LeaseBook, WorkerBoard } from '../application/worker-board.ts';
import type { Config } from '../config/load.ts';
import { variableOf } from '../config/schema.ts';
import { StartupError } from '../config/startup-error.ts';
import { AppError, assert } from '../domain/errors.ts';
import type { SiteRecord } from '../domain/site.ts';
import { composeOutbox } from './compose-webhooks.ts';
import { openCarriage } from './open-carrier.ts';

/** What processes on the same records share beside them. */
export interface Cluster {
  readonly bus: EventBus;
  readonly workers: WorkerBoard;
  readonly leases: LeaseBook;
  /** Undefined where workers claim straight from the records. */
  readonly carrier: JobCarrier | undefined;
  /** Called when something may have been missed; the result ends it. */
  onGap(listener: () => void): () => void;
  /** Which site the records belong to, and the time of the database. */
  readSite(): Promise<{ readonly site: SiteRecord; readonly now: number }>;
}

export interface Records {
  readonly store: RecordStore;
  readonly assetUrls: AssetUrls;
  /** Of all processes on these records. */
  readonly clock: Clock;
  /** Undefined where one process has the records alone. */
  readonly cluster: Cluster | undefined;
}

/** What a process is for; the database shows it. */
export type RoleName = 'serve' | 'api' | 'worker' | 'dispatcher' | 'scaler';

export type Opened = (() => Promise<void> | void)[];

/** @throws StartupError `data_folder_unusable`, `data_folder_in_use`, `database_unusable` */
export async function openRecords(
  config: Config,
  { ids, log, role }: { readonly ids: IdSource; readonly log: Logger; readonly role: RoleName },
  opened: Opened,
): Promise<Records> {
  let assetUrls: AssetUrls | undefined;
  const outbox = composeOutbox(ids, () => {
    assert(assetUrls !== undefined, 'nothing is drawn before the store is open');
    return assetUrls;
  });
  await usingFolder(config.dataDir, () => makeFolder(config.dataDir));
  if (config.databaseUrl === undefined) {
    if (config.redisUrl !== undefined) throw redisAlone();
    const store = await openFile(config, outbox, opened);
    assetUrls = await composeAssetUrls(config, store, { log, opened });
    return { store, assetUrls, clock: systemClock, cluster: undefined };
  }
  const { databaseUrl: url, durability } = config;
  const carriage = openCarriage(config, { takes: role === 'serve' || role === 'worker', log }, opened);
  const site = { name: config.site };
  const options = { url, name: `imagemill ${role}`, durability, outbox, site, clock: systemClock, log };
  const store = await openDatabase({ ...options, bus: carriage?.bus, hasReaders: role !== 'worker' });
  opened.push(() => store.close());
  assetUrls = await composeAssetUrls(config, store, { log, opened });
  const { bus, workers, leases, clock } = store;
  const cluster = {
    bus,
    workers,
    leases,
    carrier: carriage?.carrier,
    onGap: store.onGap.bind(store),
    readSite: store.readSite.bind(store),
  };
  return { store, assetUrls, clock, cluster };
}

function redisAlone(): StartupError {
  const message = `${variableOf('redisUrl')} needs ${variableOf('databaseUrl')}: Redis only carries jobs, and several processes need records that they can share.`;
  return new StartupError('database_missing', message);
}

/** Left by a move, so that nobody draws the same queue twice. */
export function movedNote(folder: string): string {
  return join(folder, 'moved.json');
}

/** Folder of the files that processes share: pictures, and what was handed in. */
export function sharedFolder({ assetDir, dataDir }: Pick<Config, 'assetDir' | 'dataDir'>): string {
  return assetDir ?? dataDir;
}

/** Waits a while for a database that is just starting. @throws StartupError `database_unusable` */
export async function openDatabase(
  options: Parameters<typeof PostgresStore.open>[0],
  waitMs = WAIT_MS,
): Promise<PostgresStore> {
  const { clock, log } = options;
  const until = clock.now() + waitMs;
  for (;;) {
    try {
      return await PostgresStore.open(options);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const isGone = error.code === 'database_unavailable';
      if (!isGone || clock.now() >= until) throw unusable(error);
      log.warn({ reason: error.details['reason'] }, 'the database cannot be reached yet');
      await new Promise<void>((resolve) => clock.after(RETRY_MS, resolve));
    }
  }
}

function unusable(error: AppError): StartupError {
  if (error.code === 'site_fenced') {
    const message = `${error.message} Check ${variableOf('site')}, or make this database a copy of the other site's.`;
    return new StartupError('site_fenced', message, { cause: error });
  }
  const reason = String(error.details['reason'] ?? error.message);
  const message = `The database cannot be used: ${reason}. Check ${variableOf('databaseUrl')} and whether PostgreSQL runs.`;
  return new StartupError('database_unusable', message, { details: { code: error.code }, cause: error });
}

async function openFile(
  { dataDir: folder, durability }: Config,
  outbox: NonNullable<Parameters<typeof SqliteStore.open>[0]['outbox']>,
  opened: Opened,
): Promise<SqliteStore> {
  if (existsSync(movedNote(folder))) {
    const message = `The records in ${folder} were moved into a cluster. Use that, or choose another folder with --data-dir. To go back to these records, remove ${movedNote(folder)}.`;
    throw new StartupError('data_folder_moved', message, { details: { folder } });
  }
  return usingFolder(folder, async () => {
    const lock = takeFolder(folder);
    opened.push(() => lock.release());
    const store = await SqliteStore.open({ folder, durability, outbox });
    opened.push(() => store.close());
    return store;
  });
}

/** @throws StartupError `data_folder_unusable` */
export async function usingFolder<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StartupError) throw error;
    throw unusableFolder(folder, error);
  }
}

/** With what to do, unless the error says so itself. */
export function unusableFolder(folder: string, error: unknown): StartupError {
  const { message } = error as Error;
  const advice = error instanceof AppError ? '' : '. Choose another with --data-dir, or mend its rights.';
  const sentence = `The data folder ${folder} cannot be used: ${message}${advice}`;
  return new StartupError('data_folder_unusable', sentence, { details: { folder }, cause: error });
}

async function composeAssetUrls(
  { assetUrlSeconds: lifeSeconds, publicUrl }: Config,
  store: RecordStore,
  { log, opened }: { readonly log: Logger; readonly opened: Opened },
): Promise<AssetUrls> {
  const transact: AccessStore['transact'] = (work) => store.transact(({ access }) => work(access));
  const clock = systemClock;
  const found = await openSigningKeys({ store: { transact }, secrets, clock });
  const keys = new SigningKeyRing(found, { clock, lifeSeconds });
  const onError = (err: unknown): void => log.warn({ err }, 'the secrets that sign addresses were not read');
  opened.push(every(clock, SIGNING_KEYS_LOOK_MS, () => keys.refresh(store.access, { transact }), onError));
  return createAssetUrls({ keys, secrets, clock, lifeSeconds, publicUrl });
}

function takeFolder(folder: string): DataLock {
  const taken = lockFolder(folder);
  if ('lock' in taken) return taken.lock;
  const who = taken.holder === undefined ? '' : ` (process ${taken.holder.pid} on ${taken.holder.host})`;
  const message = `Another Imagemill server${who} works in the data folder ${folder}. Stop it, or choose another folder with --data-dir.`;
  throw new StartupError('data_folder_in_use', message, { details: { folder, ...taken.holder } });
}

/** How long a process that starts waits for its database. */
const WAIT_MS = 30_000;
const RETRY_MS = 500;
