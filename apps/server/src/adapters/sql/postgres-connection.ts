import { Kysely, PostgresDialect, type PostgresPoolClient } from 'kysely';
import pg from 'pg';
import { toAppError } from './postgres-errors.ts';
import type { Tables } from './schema.ts';

export interface PostgresOptions {
  /** `postgres://user:password@host/database`. Never logged. */
  readonly url: string;
  /** Shown in `pg_stat_activity`. */
  readonly name: string;
  /** `normal` does not wait for the disk when it commits. */
  readonly durability: 'full' | 'normal';
}

/** Queries of every kind on a few connections, which are opened when they are needed and again after they were lost. */
export interface PostgresPool {
  readonly queries: Kysely<Tables>;
  close(): Promise<void>;
}

export function openPool(options: PostgresOptions, size: number): PostgresPool {
  const pool = new pg.Pool({ ...clientConfig(options), max: size, idleTimeoutMillis: 60_000 });
  // A connection that is lost while nobody uses it concerns nobody: the next query gets a new one.
  pool.on('error', () => undefined);
  // The pool listens to its idle connections only: one that is in use would end the process with its second error.
  pool.on('connect', (client) => client.on('error', () => undefined));
  const dialect = new PostgresDialect({
    pool: {
      options: {},
      end: () => Promise.resolve(),
      async connect() {
        const client = await translated(() => pool.connect());
        return asKyselyClient(client, (error) => client.release(error));
      },
    },
  });
  return { queries: new Kysely<Tables>({ dialect }), close: () => pool.end() };
}

/** A connection outside of every pool, ready to be used. @throws what the driver throws */
export async function connect(options: PostgresOptions): Promise<pg.Client> {
  const client = new pg.Client(clientConfig(options));
  // Whoever runs a query is told by its rejection.
  client.on('error', () => undefined);
  await client.connect();
  // `off` of a commit is for those who ask for it; the rest bounds what a process that hangs can hold up.
  await client.query(
    `set synchronous_commit = ${options.durability === 'full' ? 'on' : 'off'};` +
      `set lock_timeout = ${LOCK_TIMEOUT_MS}; set idle_in_transaction_session_timeout = ${IDLE_TIMEOUT_MS}`,
  );
  return client;
}

/** Runs what talks to PostgreSQL. @throws AppError for whatever it throws */
export async function translated<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw toAppError(error);
  }
}

function clientConfig({ url, name }: PostgresOptions): pg.ClientConfig {
  return {
    connectionString: url,
    application_name: name,
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    types: { getTypeParser },
  };
}

/** Statements are prepared once a connection, by their text. */
function asKyselyClient(client: pg.ClientBase, release: (error?: Error) => void): PostgresPoolClient {
  let broken: Error | undefined;
  const query = async (text: string, values: readonly unknown[]) => {
    try {
      const name = nameOf(text);
      return await client.query({ ...(name === undefined ? {} : { name }), text, values: [...values] });
    } catch (error) {
      const translatedError = toAppError(error);
      if (translatedError.code === 'database_unavailable') broken = translatedError;
      throw translatedError;
    }
  };
  return { query, release: () => release(broken) } as unknown as PostgresPoolClient;
}

const names = new Map<string, string>();

/** Name under which a statement is prepared. Texts vary with the number of rows of an insert: the long ones get none. */
export function nameOf(text: string): string | undefined {
  const known = names.get(text);
  if (known !== undefined || names.size >= MAX_NAMES || text.length > MAX_NAMED_LENGTH) return known;
  const name = `imagemill_${names.size}`;
  names.set(text, name);
  return name;
}

/** Whole numbers and sums of them come as text otherwise; ours are all below 2^53. */
function getTypeParser(oid: number, format?: 'text' | 'binary') {
  if ((oid === INT8 || oid === NUMERIC) && format !== 'binary') return Number;
  return pg.types.getTypeParser(oid, format as 'text');
}

const INT8 = 20;
const NUMERIC = 1700;
const CONNECT_TIMEOUT_MS = 5_000;
const QUERY_TIMEOUT_MS = 30_000;
const LOCK_TIMEOUT_MS = 10_000;
/** Less than half a lease, so that a process that hangs in a transaction costs others no jobs. */
const IDLE_TIMEOUT_MS = 2_000;
const MAX_NAMES = 300;
const MAX_NAMED_LENGTH = 2_000;
