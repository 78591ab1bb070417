import { jobId } from '../domain/ids.ts';
import type { PriorityClass } from '../domain/job.ts';
import { adjustWindow, type FeedWindow, feedWindow } from '../domain/scheduling/feed-window.ts';
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
  #window: FeedWindow;
  #looking: Promise<void> | undefined;
  #shouldLookAgain = false;
  #reconciledAt = Number.NEGATIVE_INFINITY;
  #isMoreQueued = false;
  #isClosed = false;

  constructor(ports: FeederPorts) {
    this.#ports = ports;
    this.#window = ports.window ?? feedWindow();
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
    const { carrier, wakeWorkers } = this.#ports;
    const { interactive, others } = await carrier.waiting();
    this.#window = adjustWindow(this.#window, { found: interactive + others, isMoreQueued: this.#isMoreQueued });
    const { size } = this.#window;
    // Interactive jobs do not count against the room of others, or a stream of them would keep others out for good.
    const room = Math.min(size - others, 2 * size - others - interactive);
    // And others do not keep them out: a worker without a free slot still takes interactive ones.
    const laid = room > 0 ? await this.#lay(room) : await this.#lay(size - interactive, 'interactive');
    this.#isMoreQueued = room > 0 && laid === room;
    if (laid > 0) wakeWorkers();
  }

  /** @returns how many jobs were laid out */
  async #lay(limit: number, only?: 'interactive'): Promise<number> {
    const { store, carrier, clock, maxRunningOf, limitedKeys, loadedModels = () => new Set<string>() } = this.#ports;
    if (limit < 1) return 0;
    const now = clock.now();
    // Looked at before the lock on the records is asked for.
    if (!(await store.queue.hasReady(now, only))) return 0;
    const without: readonly PriorityClass[] = only === undefined ? [] : ['standard', 'bulk'];
    const laid = await store.transact((transaction) => {
      const input = { now, limit, loadedModels: loadedModels(), without, maxRunningOf, limitedKeys };
      return pickJobs(transaction, input, (batch) =>
        markOffered(
          transaction,
          batch.map(({ id }) => id),
        ),
      );
    });
    await carrier.offer(laid.map(({ job }) => offerOf(job)));
    return laid.length;
  }
}

async function markOffered(transaction: StoreTransaction, ids: readonly string[]): Promise<readonly ClaimableJob[]> {
  const jobs = await transaction.loadClaimable(ids.map(jobId));
  await transaction.queue.markOffered(jobs.map(({ job }) => job.id));
  return jobs;
}

function offerOf({ id, tenantId, priority, lastToken }: ClaimableJob['job']): OfferedJob {
  return { jobId: id, tenantId, priority, lastToken };
}

const RECONCILE_MS = 1_000;
/** More than any window; what lies beyond it is looked at later. */
const MOST_OFFERED = 2_000;
