import { join } from 'node:path';
import type { Kysely } from 'kysely';
import type { AccessReader, AccessTransaction } from '../../application/access-ports.ts';
import type { RetentionReader, RetentionTransaction } from '../../application/retention-ports.ts';
import type { UsageReader, UsageTransaction } from '../../application/usage-ports.ts';
import { GroupCommit } from './group-commit.ts';
import { migrate, requireCurrent } from './migrations.ts';
import { SqlAccess } from './sql-access.ts';
import { SqlRetention } from './sql-retention.ts';
import { SqlUsage } from './sql-usage.ts';
import { openConnection } from './sqlite-connection.ts';

/** The records of access and usage alone. */
export interface AccessFile {
  readonly access: AccessReader;
  readonly usage: UsageReader;
  readonly retention: RetentionReader;
  transact<T>(
    work: (transaction: {
      readonly access: AccessTransaction;
      readonly usage: UsageTransaction;
      readonly retention: RetentionTransaction;
    }) => Promise<T>,
  ): Promise<T>;
  close(): Promise<void>;
}

/**
 * Opens the database file of a data folder beside whoever works in it: SQLite lets one process write at a time, and a
 * server looks for changes of others every second. Tables are brought up to date only by who has the folder alone.
 *
 * @throws AppError `storage_failed`, `disk_full`
 */
export async function openAccessFile(options: {
  readonly folder: string;
  readonly isAlone: boolean;
}): Promise<AccessFile> {
  const writer = openConnection({ path: join(options.folder, 'imagemill.db'), readOnly: false, durability: 'full' });
  try {
    const database = writer.queries as unknown as Kysely<unknown>;
    await (options.isAlone ? migrate(database) : requireCurrent(database));
  } catch (error) {
    writer.close();
    throw error;
  }
  const { queries } = writer;
  const transaction = {
    access: new SqlAccess(queries),
    usage: new SqlUsage(queries),
    retention: new SqlRetention(queries),
  };
  const commits = new GroupCommit(writer);
  return {
    ...transaction,
    transact: (work) => commits.transact({ run: () => work(transaction), onCommitted: () => undefined }),
    async close() {
      await commits.close();
      writer.close();
    },
  };
}
