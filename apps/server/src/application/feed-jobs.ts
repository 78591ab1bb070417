import { jobId } from '../domain/ids.ts';
import type { PriorityClass } from '../domain/job.ts';
import { adjustWindow, type FeedWindow, feedWindow } from '../domain/scheduling/feed-window.ts';
import { modelOfShapeKey } from '../domain/scheduling/shape-key.ts';
import { pickJobs, type RunningLimits } from './claim-jobs.ts';
import type { JobCarrier } from './job-carrier.ts';
import type { Duty } from './lead.ts';
import type { ClaimableJob, Clock, Logger, Store, StoreTransaction } from './ports.ts';
import type { OfferedJob } from './queue-ports.ts';

export interface FeederPorts extends RunningLimits {
  readonly store: Store;
  readonly carrier: JobCarrier;
  readonly clock: Clock;
  readonly log: Logger;
  /** Names of the models that workers have in memory. @default none */
  readonly loadedModels?: (() => ReadonlySet<string>) | undefined;
  /** Models that workers can draw, in groups that the same workers draw; others are not laid out. @default any, in one group */
  readonly groups?: (() => ReadonlyMap<string, string> | undefined) | undefined;
  /** Tells the workers that something lies there. */
  readonly wakeWorkers: () => void;
  /** @default 2 to 512 jobs */
  readonly window?: FeedWindow | undefined;
}

/**
 * Lays a short window of queued jobs out on the carrier, in fair order, and refills it as workers take from it. The
 * records stay the truth: the feeder compares what they call offered with what the carrier has, and what is missing
 * there (after a crash, a restart or FLUSHALL) goes back to its place in the line and is laid out again.
 *
 * One feeder of a cluster works at a time; two by mistake lay the same jobs out under the same names, which changes
 * nothing.
 */
export class JobFeeder implements Duty {
  readonly #ports: FeederPorts;
  /** One for each group of models, so that jobs for busy workers do not keep out those for others. */
  readonly #shares = new Map<string, Share>();
  #looking: Promise<void> | undefined;
  #shouldLookAgain = false;
  #reconciledAt = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  constructor(ports: FeederPorts) {
    this.#ports = ports;
  }

  /** Calls that come while one is under way share the next. @throws AppError `carrier_unavailable` and those of the store */
  look(): Promise<void> {
    if (this.#looking !== undefined) {
      this.#shouldLookAgain = true;
      return this.#looking;
    }
    this.#looking = this.#lookOnce().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#looking?.catch(() => undefined);
  }

  async #lookOnce(): Promise<void> {
    do {
      this.#shouldLookAgain = false;
      await this.#reconcile();
      await this.#fill();
    } while (this.#shouldLookAgain && !this.#isClosed);
  }

  /** What is offered on record and lies nowhere goes back into the line. */
  async #reconcile(): Promise<void> {
    const { store, carrier, clock, log } = this.#ports;
    const now = clock.now();
    if (now - this.#reconciledAt < RECONCILE_MS && now >= this.#reconciledAt) return;
    const offered = await store.queue.offered({ limit: MOST_OFFERED });
    const missing = offered.length === 0 ? [] : await carrier.missing(offered);
    this.#reconciledAt = now;
    if (missing.length === 0) return;
    const back = await store.transact(({ queue }) => queue.takeBack(missing.map((job) => job.jobId)));
    if (back > 0) log.warn({ jobs: back }, 'jobs that were lost on the way to the workers are laid out again');
  }

  async #fill(): Promise<void> {
    const { carrier, wakeWorkers, groups } = this.#ports;
    const grouped = groups?.();
    const groupOf = (model: string): string | undefined => (grouped === undefined ? '' : grouped.get(model));
    const found = new Map<string, Found>();
    for (const group of grouped === undefined ? [''] : grouped.values())
      found.set(group, { interactive: 0, others: 0 });
    for (const { model, interactive, others } of await carrier.waiting()) {
      const sum = found.get(groupOf(model) ?? '');
      if (sum === undefined) continue;
      sum.interactive += interactive;
      sum.others += others;
    }
    const { room, urgent } = this.#rooms(found);
    const served = { names: grouped && new Set(grouped.keys()), groupOf };
    const laid = await this.#lay({ ...served, room });
    for (const [group, places] of room) this.#share(group).isMoreQueued = laid.get(group) === places;
    const also = await this.#lay({ ...served, room: urgent }, 'interactive');
    if (laid.size + also.size > 0) wakeWorkers();
  }

  /** Jobs that each group has room for, and, of those that have none, interactive ones. */
  #rooms(found: ReadonlyMap<string, Found>) {
    const room = new Map<string, number>();
    const urgent = new Map<string, number>();
    for (const [group, { interactive, others }] of found) {
      const share = this.#share(group);
      share.window = adjustWindow(share.window, { found: interactive + others, isMoreQueued: share.isMoreQueued });
      const { size } = share.window;
      // Interactive jobs do not count against the room of others, or a stream of them would keep others out for good.
      const places = Math.min(size - others, 2 * size - others - interactive);
      if (places > 0) room.set(group, places);
      // And others do not keep them out: a worker without a free slot still takes interactive ones.
      else if (size > interactive) urgent.set(group, size - interactive);
      if (places <= 0) share.isMoreQueued = false;
    }
    for (const group of this.#shares.keys()) if (!found.has(group)) this.#shares.delete(group);
    return { room, urgent };
  }

  #share(group: string): Share {
    const share = this.#shares.get(group) ?? { window: this.#ports.window ?? feedWindow(), isMoreQueued: false };
    this.#shares.set(group, share);
    return share;
  }

  /** @returns how many jobs of each group were laid out */
  async #lay(places: Places, only?: 'interactive'): Promise<ReadonlyMap<string, number>> {
    const { store, carrier, clock, maxRunningOf, limitedKeys, loadedModels = () => new Set<string>() } = this.#ports;
    const { names, groupOf, room } = places;
    const limit = [...room.values()].reduce((sum, count) => sum + count, 0);
    const counts = new Map<string, number>();
    if (limit < 1) return counts;
    const now = clock.now();
    // Looked at before the lock on the records is asked for.
    if (!(await store.queue.hasReady(now, { only, models: names }))) return counts;
    const without: readonly PriorityClass[] = only === undefined ? [] : ['standard', 'bulk'];
    // A group without an entry has no room.
    const served = names && { names, groupOf: (model: string) => roomy(groupOf(model), room), room };
    const laid = await store.transact((transaction) => {
      const input = { now, limit, loadedModels: loadedModels(), without, served, maxRunningOf, limitedKeys };
      return pickJobs(transaction, input, (batch) =>
        markOffered(
          transaction,
          batch.map(({ id }) => id),
        ),
      );
    });
    const offers = laid.map(({ job }) => offerOf(job));
    await carrier.offer(offers);
    for (const { model } of offers) {
      const group = groupOf(model) ?? '';
      counts.set(group, (counts.get(group) ?? 0) + 1);
    }
    return counts;
  }
}

interface Found {
  interactive: number;
  others: number;
}

interface Share {
  window: FeedWindow;
  isMoreQueued: boolean;
}

interface Places {
  /** Undefined means any model. */
  readonly names: ReadonlySet<string> | undefined;
  readonly groupOf: (model: string) => string | undefined;
  readonly room: ReadonlyMap<string, number>;
}

function roomy(group: string | undefined, room: ReadonlyMap<string, number>): string | undefined {
  return group !== undefined && room.has(group) ? group : undefined;
}

async function markOffered(transaction: StoreTransaction, ids: readonly string[]): Promise<readonly ClaimableJob[]> {
  const jobs = await transaction.loadClaimable(ids.map(jobId));
  await transaction.queue.markOffered(jobs.map(({ job }) => job.id));
  return jobs;
}

function offerOf({ id, tenantId, priority, place, lastToken }: ClaimableJob['job']): OfferedJob {
  return { jobId: id, tenantId, priority, model: modelOfShapeKey(place.shapeKey), lastToken };
}

const RECONCILE_MS = 1_000;
/** More than any window; what lies beyond it is looked at later. */
const MOST_OFFERED = 2_000;
