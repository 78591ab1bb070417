import { join } from 'node:path';
import type { Kysely } from 'kysely';
import type { EventFeed, StoreTransaction } from '../../application/ports.ts';
import type { StoredEvent } from '../../domain/event.ts';
import { EVENT_ID_BLOCK, EventLog } from './event-log.ts';
import { GroupCommit } from './group-commit.ts';
import { migrate } from './migrations.ts';
import { OpenJobs } from './open-jobs.ts';
import type { Tables } from './schema.ts';
import { SqlStore } from './sql-store.ts';
import { type Journal, raiseEventIds, SqlTransaction } from './sql-transaction.ts';
import type { Outbox } from './sql-webhooks.ts';
import { openConnection, type SqliteConnection } from './sqlite-connection.ts';

export interface SqliteStoreOptions {
  /** Folder of the database file; it must exist. */
  readonly folder: string;
  /** @default 'full' */
  readonly durability?: 'full' | 'normal';
  /** Makes webhook messages of events, in their transaction. @default none are made */
  readonly outbox?: Outbox | undefined;
}

/** The records in a SQLite file. One connection writes, another reads, so a reader never sees half a transaction. */
export class SqliteStore extends SqlStore {
  readonly #writer: SqliteConnection;
  readonly #reader: SqliteConnection;
  readonly #commits: GroupCommit;
  readonly #log: EventLog;
  readonly #open: OpenJobs;
  readonly #outbox: Outbox | undefined;

  private constructor(
    { writer, reader, outbox }: { writer: SqliteConnection; reader: SqliteConnection; outbox: Outbox | undefined },
    log: EventLog,
    open: OpenJobs,
  ) {
    super(reader.queries, open);
    this.#open = open;
    this.#outbox = outbox;
    this.#writer = writer;
    this.#reader = reader;
    this.#log = log;
    this.#commits = new GroupCommit(writer, { onSettled: () => log.settled() });
  }

  /** Opens or creates the file and brings its tables up to date. @throws AppError `storage_failed`, `disk_full` */
  static async open({ folder, durability = 'full', outbox }: SqliteStoreOptions): Promise<SqliteStore> {
    const path = join(folder, 'imagemill.db');
    const writer = openConnection({ path, readOnly: false, durability });
    try {
      await migrate(writer.queries as unknown as Kysely<unknown>);
      const reservedUpTo = await reserveEventIds(writer.queries);
      const reader = openConnection({ path, readOnly: true, durability });
      const log = new EventLog(reader.queries, reservedUpTo - EVENT_ID_BLOCK + 1, reservedUpTo);
      return new SqliteStore({ writer, reader, outbox }, log, await OpenJobs.of(reader.queries));
    } catch (error) {
      writer.close();
      throw error;
    }
  }

  get feed(): EventFeed {
    return this.#log;
  }

  onStored(listener: (event: StoredEvent) => void): () => void {
    return this.#log.onStored(listener);
  }

  onWritten(listener: (event: StoredEvent) => void): () => void {
    return this.#log.onStored(listener);
  }

  transact<T>(work: (transaction: StoreTransaction) => Promise<T>): Promise<T> {
    const { queries } = this.#writer;
    const log = this.#log;
    let reservedUpTo: number | undefined;
    const journal: Journal = {
      async takeIds(count) {
        if (log.isBlockRunningOut) reservedUpTo = await reserveEventIds(queries);
        const first = log.takeIds(count);
        return Array.from({ length: count }, (_, i) => first + i);
      },
      outbox: this.#outbox,
    };
    const transaction = new SqlTransaction(queries, journal);
    const onCommitted = (): void => {
      this.#open.add(transaction.openJobs);
      if (reservedUpTo !== undefined) log.extend(reservedUpTo);
      log.committed(transaction.events);
    };
    return this.#commits.transact({ run: () => work(transaction), onCommitted });
  }

  async close(): Promise<void> {
    await this.#commits.close();
    this.#reader.close();
    this.#writer.close();
  }
}

/** Reserves the next block of event ids; gives the last id of it. */
function reserveEventIds(queries: Kysely<Tables>): Promise<number> {
  return raiseEventIds(queries, EVENT_ID_BLOCK);
}
