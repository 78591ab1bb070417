import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { Kysely, SqliteDialect, type SqliteStatement } from 'kysely';
import { AppError } from '../../domain/errors.ts';
import type { TransactionConnection } from './group-commit.ts';
import type { Tables } from './schema.ts';

export interface ConnectionOptions {
  readonly path: string;
  readonly readOnly: boolean;
  /** `full`: an fsync for every commit, safe against loss of power. `normal`: safe against crashes of the process. */
  readonly durability: 'full' | 'normal';
}

/** One SQLite connection: as Kysely for queries, and raw for the borders of transactions. */
export interface SqliteConnection extends TransactionConnection {
  readonly queries: Kysely<Tables>;
  close(): void;
}

/**
 * Opens a database file in WAL mode. Statements are prepared once and kept. Every call is synchronous underneath, so a
 * chain of awaits on queries alone never yields to timers or sockets.
 *
 * @throws AppError `storage_failed`, `disk_full`
 */
export function openConnection(options: ConnectionOptions): SqliteConnection {
  const database = translated(() => {
    const opened = new DatabaseSync(options.path, { readOnly: options.readOnly, timeout: BUSY_TIMEOUT_MS });
    if (!options.readOnly) opened.exec('pragma journal_mode = wal');
    opened.exec(`pragma synchronous = ${options.durability}; pragma foreign_keys = on; pragma temp_store = memory`);
    opened.exec(`pragma cache_size = -${CACHE_KIB}; pragma wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    return opened;
  });
  const statements = new Map<string, SqliteStatement>();

  function prepare(sql: string): SqliteStatement {
    const known = statements.get(sql);
    if (known !== undefined) return known;
    const statement = asKyselyStatement(translated(() => database.prepare(sql)));
    // Texts vary with the number of rows of an insert: keep the cache from growing with them for ever.
    if (statements.size >= MAX_STATEMENTS) statements.clear();
    statements.set(sql, statement);
    return statement;
  }

  const dialect = new SqliteDialect({ database: { prepare, close: () => undefined } });
  return {
    queries: new Kysely<Tables>({ dialect }),
    begin: () => {
      prepare('begin immediate').run([]);
    },
    execute: (statement) => {
      prepare(statement).run([]);
    },
    endsTransaction,
    close() {
      statements.clear();
      database.close();
    },
  };
}

function asKyselyStatement(statement: StatementSync): SqliteStatement {
  const reader = givesRows(statement);
  return {
    reader,
    all: (parameters) => translated(() => statement.all(...(parameters as SQLInputValue[]))),
    run: (parameters) => translated(() => statement.run(...(parameters as SQLInputValue[]))),
    iterate: (parameters) => statement.iterate(...(parameters as SQLInputValue[])),
  };
}

/** Node before 22.16 does not tell the columns of a statement; there its text decides. */
function givesRows(statement: StatementSync): boolean {
  if (typeof statement.columns === 'function') return statement.columns().length > 0;
  return /^\s*(select|with|pragma)\b|\breturning\b/i.test(statement.sourceSQL);
}

/** Errors of SQLite as errors of ours; https://www.sqlite.org/rescode.html has the numbers. */
function translated<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    const code = sqliteCode(error);
    if (code === undefined) throw error;
    const details = { sqliteCode: code, reason: (error as Error).message };
    if (primaryCode(code) === SQLITE_FULL) {
      throw new AppError('disk_full', 'The disk is full, so nothing could be written.', { details, cause: error });
    }
    const message = `The database could not be used: ${details.reason}.`;
    throw new AppError('storage_failed', message, { details, cause: error });
  }
}

function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined;
  return error.errcode;
}

/** Whether SQLite may have undone the whole transaction because of this error, not only the statement. */
function endsTransaction(error: unknown): boolean {
  const code = error instanceof AppError ? error.details['sqliteCode'] : undefined;
  return typeof code === 'number' && [SQLITE_FULL, IOERR, NOMEM, BUSY, INTERRUPT].includes(primaryCode(code));
}

function primaryCode(code: number): number {
  return code & 0xff;
}

const [BUSY, NOMEM, INTERRUPT, IOERR, SQLITE_FULL] = [5, 7, 9, 10, 13];
const BUSY_TIMEOUT_MS = 5_000;
/** Pages of the log after which they are written to the database, which waits for the disk; 40 MB of 4 KiB. */
const CHECKPOINT_PAGES = 10_000;
const CACHE_KIB = 65_536;
const MAX_STATEMENTS = 1_000;
