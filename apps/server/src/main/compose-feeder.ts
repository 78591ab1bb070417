/** Wiring of the feeder, which lays jobs out for the workers where Redis carries them. */
import type { RecordStore } from '../adapters/sql/sql-store.ts';
import type { AccessBook } from '../application/access-book.ts';
import type { RunningLimits } from '../application/claim-jobs.ts';
import { every } from '../application/every.ts';
import { JobFeeder } from '../application/feed-jobs.ts';
import type { Clock, IdSource, Logger } from '../application/ports.ts';
import { groupModels, loadedModelsOf } from '../application/worker-board.ts';
import type { Config } from '../config/load.ts';
import { startDuty } from './duties.ts';
import type { Cluster, Opened } from './open-records.ts';

export interface FeederInput {
  readonly store: RecordStore;
  readonly cluster: Cluster;
  /** Where the limits of tenants are. */
  readonly book: AccessBook;
  readonly ids: IdSource;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Name of the duty, under which processes of a cluster wake whoever does it. */
export const FEED_DUTY = 'feed';

/** Feeds while this process leads; does nothing where no carrier is. */
export function startFeeding(config: Config, input: FeederInput, opened: Opened): void {
  const { store, cluster, book, clock, log } = input;
  const { carrier, bus, workers } = cluster;
  if (carrier === undefined) return;
  let loadedModels: ReadonlySet<string> = new Set();
  // Until the workers were looked for, nothing is laid out that perhaps none of them can draw.
  let groups: ReadonlyMap<string, string> | undefined = new Map();
  const look = async (): Promise<void> => {
    const reports = await workers.list(clock.now() - SILENT_MS);
    loadedModels = loadedModelsOf(reports);
    const before = groups;
    // When all are silent, it is more likely the database that was.
    if (reports.length > 0) groups = groupModels(reports);
    if (groups?.size !== before?.size) feeding.wake();
  };
  const feeding = startDuty(FEED_DUTY, input, () => {
    const wakeWorkers = (): void => bus.publish({ kind: 'wake' });
    const ports = {
      store,
      carrier,
      clock,
      log,
      ...limitsOf(config, book),
      loadedModels: () => loadedModels,
      groups: () => groups,
    };
    return new JobFeeder({ ...ports, wakeWorkers });
  });
  const onError = (err: unknown): void => log.debug({ err }, 'looking for workers failed');
  void look().catch(onError);
  opened.push(every(clock, LOOK_MS, look, onError));
  opened.push(() => feeding.stop());
  opened.push(store.onStored((event) => event.type === 'job.queued' && feeding.wake()));
}

/** Limits on jobs that are under way at once, of tenants and of keys. */
export function limitsOf({ maxRunningPerTenant }: Config, book: AccessBook): RunningLimits {
  return {
    maxRunningOf: (tenant) => book.tenant(tenant)?.limits.maxRunning ?? (maxRunningPerTenant || undefined),
    limitedKeys: () => book.limitedKeys,
  };
}

/** Jobs that were laid out on a carrier that is not used any more stand in the line again. */
export async function takeBackOffers({
  store,
  log,
}: {
  readonly store: RecordStore;
  readonly log: Logger;
}): Promise<void> {
  const [offered] = await store.queue.offered({ limit: 1 });
  if (offered === undefined) return;
  const jobs = await store.transact(({ queue }) => queue.takeBack());
  log.info({ jobs }, 'jobs that were laid out in Redis went back to the line');
}

const LOOK_MS = 2_000;
/** A worker that was not heard of for this long is gone. */
const SILENT_MS = 10_000;
