import { type Kysely, sql } from 'kysely';
import type { EventBus } from '../../application/event-bus.ts';
import { every } from '../../application/every.ts';
import type { Clock, EventFeed, Logger, StoreTransaction } from '../../application/ports.ts';
import type { LeaseBook, WorkerBoard } from '../../application/worker-board.ts';
import { AppError } from '../../domain/errors.ts';
import type { StoredEvent } from '../../domain/event.ts';
import type { PriorityClass } from '../../domain/job.ts';
import { type SiteRecord, whyFenced } from '../../domain/site.ts';
import { ChunkCollector, intoChunks } from './chunks.ts';
import { DatabaseClock } from './database-clock.ts';
import { GroupCommit } from './group-commit.ts';
import { migrate } from './migrations.ts';
import { type OpenCounts, type OpenJobNumbers, OpenJobs } from './open-jobs.ts';
import { openPostgresBus } from './postgres-bus.ts';
import { openPool, type PostgresOptions, type PostgresPool, translated } from './postgres-connection.ts';
import { isPassingConflict } from './postgres-errors.ts';
import { PostgresListener } from './postgres-listener.ts';
import { PostgresWriter, type WritingSite } from './postgres-writer.ts';
import type { Tables } from './schema.ts';
import { EVENT_STRIDE, type NumberedStored, SharedFeed } from './shared-feed.ts';
import { readSite, takeUnownedRecords } from './site-table.ts';
import { createLeaseBook, createWorkerBoard } from './sql-cluster.ts';
import { SqlStore } from './sql-store.ts';
import { type Journal, raiseEventIds, SqlTransaction } from './sql-transaction.ts';
import type { Outbox } from './sql-webhooks.ts';

export interface PostgresStoreOptions extends PostgresOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Makes webhook messages of events, in their transaction. @default none are made */
  readonly outbox?: Outbox | undefined;
  /** Whether anybody may ask this process for the progress of others. @default true */
  readonly hasReaders?: boolean | undefined;
  /** Of a process that only works while its site may write. @default no fence keeps it out */
  readonly site?: WritingSite | undefined;
  /** Carries messages between processes. @default NOTIFY of the same database */
  readonly bus?: EventBus | undefined;
}

interface PostgresParts {
  readonly pool: PostgresPool;
  readonly writer: PostgresWriter;
  readonly listener: PostgresListener;
  readonly bus: EventBus;
  readonly clock: DatabaseClock;
}

/**
 * The records in PostgreSQL, for any number of processes. Each writes on one connection, many callers a transaction,
 * and reads on others; while the database is away every call is refused with `database_unavailable`, and the next one
 * tries anew.
 */
export class PostgresStore extends SqlStore {
  readonly bus: EventBus;
  readonly workers: WorkerBoard;
  readonly leases: LeaseBook;
  /** That of the database, so that leases of several machines are compared by one. */
  readonly clock: Clock;
  readonly #parts: PostgresParts;
  readonly #stopAdjusting: () => void;
  readonly #outbox: Outbox | undefined;
  readonly #commits: GroupCommit;
  readonly #feed: SharedFeed;
  readonly #writtenListeners = new Set<(event: StoredEvent) => void>();

  private constructor(parts: PostgresParts, options: PostgresStoreOptions) {
    super(parts.pool.queries, countedJobs(parts.pool.queries, options.clock));
    this.#parts = parts;
    this.bus = parts.bus;
    this.clock = parts.clock;
    this.workers = createWorkerBoard(parts.pool.queries);
    this.leases = createLeaseBook(parts.pool.queries);
    const onError = (err: unknown): void => options.log.debug({ err }, 'the time of the database is not known');
    this.#stopAdjusting = every(options.clock, ADJUST_MS, () => parts.clock.adjust(), onError);
    this.#outbox = options.outbox;
    this.#commits = new GroupCommit(parts.writer, { maxGroup: MAX_GROUP });
    this.#feed = new SharedFeed(parts.pool.queries, {
      bus: parts.bus,
      log: options.log,
      hasReaders: options.hasReaders ?? true,
    });
  }

  /**
   * Opens the database and brings its tables up to date; only one process at a time does so.
   *
   * @throws AppError `database_unavailable`, `storage_failed`, `site_fenced`
   */
  static async open(options: PostgresStoreOptions): Promise<PostgresStore> {
    const pool = openPool(options, POOL_SIZE);
    const listener = new PostgresListener(options, options);
    const bus = options.bus ?? openPostgresBus({ ...options, queries: pool.queries, listener });
    try {
      await translated(() => migrate(pool.queries as unknown as Kysely<unknown>));
      const clock = new DatabaseClock(pool.queries, options.clock);
      await translated(() => clock.adjust());
      if (options.site !== undefined) await requireSite(pool.queries, options.site);
      const writer = new PostgresWriter(options, options.site);
      const store = new PostgresStore({ pool, writer, listener, bus, clock }, options);
      const collector = new ChunkCollector();
      listener.on(EVENTS_CHANNEL, (payload) => store.#hear(collector.add(payload)));
      listener.onReconnected(() => store.#feed.catchUp());
      await translated(() => listener.start());
      return store;
    } catch (error) {
      await pool.close();
      throw error;
    }
  }

  get feed(): EventFeed {
    return this.#feed;
  }

  onStored(listener: (event: StoredEvent) => void): () => void {
    return this.#feed.onStored(listener);
  }

  onWritten(listener: (event: StoredEvent) => void): () => void {
    this.#writtenListeners.add(listener);
    return () => this.#writtenListeners.delete(listener);
  }

  /** Called when notifications may have been missed, so that whoever waits for one looks for itself. */
  onGap(listener: () => void): () => void {
    return this.#parts.listener.onReconnected(listener);
  }

  /** Whose the records are, and the time of the database. */
  async readSite(): Promise<{ readonly site: SiteRecord; readonly now: number }> {
    return translated(() => readSite(this.#parts.pool.queries));
  }

  async transact<T>(work: (transaction: StoreTransaction) => Promise<T>): Promise<T> {
    // Progress that was reported before stays before what is written now.
    await this.bus.flush();
    for (let attempt = 1; ; attempt++) {
      try {
        let written: readonly StoredEvent[] = [];
        return await this.#commits.transact({
          run: () =>
            this.#run(work, (events) => {
              written = events;
            }),
          onCommitted: () => this.#tellWritten(written),
        });
      } catch (error) {
        if (attempt === MAX_TRIES || !isPassingConflict(error)) throw error;
      }
    }
  }

  async close(): Promise<void> {
    this.#stopAdjusting();
    await this.#commits.close();
    await this.bus.close();
    await this.#parts.listener.close();
    await this.#parts.writer.close();
    await this.#parts.pool.close();
  }

  #tellWritten(events: readonly StoredEvent[]): void {
    for (const event of events) for (const listener of this.#writtenListeners) listener(event);
  }

  async #run<T>(
    work: (transaction: StoreTransaction) => Promise<T>,
    onWritten: (events: readonly StoredEvent[]) => void,
  ): Promise<T> {
    const { queries } = this.#parts.writer;
    const journal: Journal = {
      async takeIds(count) {
        const last = await raiseEventIds(queries, count * EVENT_STRIDE);
        return Array.from({ length: count }, (_, i) => last - (count - 1 - i) * EVENT_STRIDE);
      },
      outbox: this.#outbox,
    };
    const transaction = new SqlTransaction(queries, journal);
    const result = await work(transaction);
    if (transaction.events.length > 0) await notify(queries, transaction.events);
    onWritten(transaction.events);
    return result;
  }

  #hear(text: string | undefined): void {
    if (text === undefined) return;
    try {
      const { events, ids } = JSON.parse(text) as { events: NumberedStored[]; ids: number[] };
      this.#feed.heardStored(events, ids);
    } catch {
      // A newer version may say it otherwise; the events are on record all the same.
      this.#feed.catchUp();
    }
  }
}

/** A lease that has run out may come back; the records of another site do not. */
async function requireSite(queries: Kysely<Tables>, { name }: WritingSite): Promise<void> {
  await translated(async () => {
    if (name !== undefined) await takeUnownedRecords(queries, name);
    const { site, now } = await readSite(queries);
    const problem = whyFenced({ name: site.name, leaseUntil: undefined }, name, now);
    if (problem !== undefined) throw new AppError('site_fenced', problem);
  });
}

/** Tells all processes; they hear it when the transaction is on disk, in the order of the commits. */
async function notify(queries: Kysely<Tables>, events: readonly NumberedStored[]): Promise<void> {
  for (let start = 0; start < events.length; start += EVENTS_AT_ONCE) {
    const some = events.slice(start, start + EVENTS_AT_ONCE);
    const id = String(some[0]?.id ?? 0);
    const chunks = intoChunks(id, JSON.stringify({ events: some, ids: [] }));
    const told = chunks.length > 0 ? chunks : intoChunks(id, JSON.stringify({ events: [], ids: some.map(idOf) }));
    const calls = sql.join(told.map((chunk) => sql`pg_notify(${sql.lit(EVENTS_CHANNEL)}, ${chunk})`));
    await sql`select ${calls}`.execute(queries);
  }
}

function idOf({ id }: NumberedStored): number {
  return id;
}

/** Numbers of open jobs, counted when they are asked for, and not again at once when counting took long. */
function countedJobs(queries: Kysely<Tables>, clock: Clock): OpenJobNumbers {
  let known: { readonly until: number; readonly counts: Promise<Record<PriorityClass, OpenCounts>> } | undefined;
  const count = async (): Promise<Record<PriorityClass, OpenCounts>> => {
    const startedAt = clock.now();
    const counts = await (await OpenJobs.of(queries)).read();
    const tookMs = clock.now() - startedAt;
    if (known !== undefined && tookMs > SLOW_COUNT_MS) known = { ...known, until: clock.now() + COUNT_SHARE * tookMs };
    return counts;
  };
  return {
    read() {
      const now = clock.now();
      if (known === undefined || now >= known.until || now < known.until - MOST_COUNT_AGE_MS) {
        const counts = count();
        known = { until: now, counts };
        counts.catch(() => {
          known = undefined;
        });
      }
      return known.counts;
    },
  };
}

const EVENTS_CHANNEL = 'imagemill_events';
const POOL_SIZE = 8;
/** Others wait while a group is written: it must not take long. */
const MAX_GROUP = 50;
const MAX_TRIES = 5;
/** How often the clock of the database is looked at. */
const ADJUST_MS = 30_000;
const EVENTS_AT_ONCE = 50;
/** A count of more than some hundred thousand jobs. */
const SLOW_COUNT_MS = 250;
/** Slow counts take at most the tenth part of a connection's time. */
const COUNT_SHARE = 10;
const MOST_COUNT_AGE_MS = 60_000;
