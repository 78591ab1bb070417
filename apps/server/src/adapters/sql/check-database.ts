import { DatabaseSync } from 'node:sqlite';

export interface DatabaseFacts {
  /** What SQLite says of the file; undefined when it is whole. */
  readonly problem: string | undefined;
  /** ms since 1970 of the newest event; undefined when there is none. */
  readonly newestAt: number | undefined;
}

/** Reads a database file through, also while a server works with it. Never throws. */
export function checkDatabase(path: string): DatabaseFacts {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
    const rows = database.prepare('pragma quick_check(5)').all() as { quick_check: string }[];
    const faults = rows.map((row) => row.quick_check).filter((text) => text !== 'ok');
    if (faults.length > 0) return { problem: faults.join(' '), newestAt: undefined };
    const row = database.prepare('select at from events order by id desc limit 1').get() as { at: number } | undefined;
    return { problem: undefined, newestAt: row?.at };
  } catch (error) {
    const { message } = error as Error;
    // A folder whose server never came so far as to make its tables.
    if (message.includes('no such table')) return { problem: undefined, newestAt: undefined };
    return { problem: message, newestAt: undefined };
  } finally {
    database?.close();
  }
}
