/** Wiring of what a process says of the cluster and of the site that the records belong to. */
import type { RecordStore } from '../adapters/sql/sql-store.ts';
import type { Metrics } from '../adapters/telemetry/metrics.ts';
import { every } from '../application/every.ts';
import { servedNames } from '../application/find-model.ts';
import type { Clock, Logger, ModelCatalog } from '../application/ports.ts';
import { createUnservedJobs } from '../application/unserved-jobs.ts';
import { standbyBehindMs } from '../domain/site.ts';
import type { Cluster, Opened } from './open-records.ts';

interface SiteInput {
  readonly store: Pick<RecordStore, 'queue'>;
  readonly cluster: Cluster;
  readonly clock: Clock;
}

/** Gauges of the cluster, which are the same at every process. */
export function collectSite(metrics: Metrics, { store, cluster, clock }: SiteInput): void {
  const unserved = createUnservedJobs({ queue: store.queue, workers: cluster.workers, clock });
  metrics.collectWith(async (set) => {
    const { site, now } = await cluster.readSite();
    const behindMs = standbyBehindMs(site, now);
    set('imagemill_site_epoch', {}, site.epoch);
    set('imagemill_site_switched_timestamp_seconds', {}, site.switchedAt && site.switchedAt / 1_000);
    set('imagemill_site_lease_seconds', {}, site.leaseUntil && (site.leaseUntil - now) / 1_000);
    set('imagemill_standby_lag_seconds', {}, behindMs && behindMs / 1_000);
    set('imagemill_jobs_unserved', {}, sum(await unserved()));
  });
}

/** What alert rules may bound beside the records. */
export function figuresOf({ store, cluster, clock }: SiteInput) {
  const unserved = createUnservedJobs({ queue: store.queue, workers: cluster.workers, clock });
  return async () => {
    const [{ site, now }, jobs] = await Promise.all([cluster.readSite(), unserved()]);
    return { standbyBehindMs: standbyBehindMs(site, now), unservedJobs: sum(jobs) };
  };
}

/** A worker says once of each model that it leaves the jobs of it to others. */
export function tellOfLeftModels(
  { store, models, clock, log }: Omit<SiteInput, 'cluster'> & { readonly models: ModelCatalog; readonly log: Logger },
  opened: Opened,
): void {
  const told = new Set<string>();
  const look = async (): Promise<void> => {
    const served = servedNames(models);
    for (const [model, jobs] of await store.queue.waitingModels()) {
      if (served.has(model) || told.has(model)) continue;
      told.add(model);
      log.warn({ model, jobs }, 'jobs wait for a model that is not installed here; they are left to other workers');
    }
  };
  opened.push(every(clock, LOOK_MS, look, (err) => log.debug({ err }, 'looking for models in demand failed')));
}

function sum(jobs: ReadonlyMap<string, number>): number {
  return [...jobs.values()].reduce((total, count) => total + count, 0);
}

const LOOK_MS = 10_000;
