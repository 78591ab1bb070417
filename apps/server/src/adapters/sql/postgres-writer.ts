import { Kysely, PostgresDialect, type PostgresPoolClient } from 'kysely';
import type pg from 'pg';
import { AppError } from '../../domain/errors.ts';
import { whyFenced } from '../../domain/site.ts';
import type { TransactionConnection } from './group-commit.ts';
import { connect, nameOf, type PostgresOptions, translated } from './postgres-connection.ts';
import { toAppError } from './postgres-errors.ts';
import type { Tables } from './schema.ts';
import { SITE_OF_WRITER, type SiteOfWriter } from './site-table.ts';

/**
 * The one connection on which a process writes. Who begins a transaction waits until no other process is in one, so
 * transactions follow each other as they do on SQLite: what one reads, no other has changed meanwhile, and events are
 * numbered in the order in which they become visible. The decision record on PostgreSQL has the reasons and the price.
 *
 * Statements are sent one after the other, since with the driver's pipelining transactions stalled now and then. Those
 * whose answer nobody looks at (`UNASKED`) are not waited for by whoever gives them. The first of them that fails fails
 * what comes next, at the latest the release of the savepoint or the commit.
 */
export class PostgresWriter implements TransactionConnection {
  readonly queries: Kysely<Tables>;
  readonly #options: PostgresOptions;
  readonly #site: WritingSite | undefined;
  #client: pg.Client | undefined;
  #unanswered: Promise<void>[] = [];
  #failure: AppError | undefined;
  /** Settles when the statements that were given so far are answered. */
  #answered: Promise<unknown> = Promise.resolve();

  /** @param site of the process that writes; undefined for an operator's own act, which no fence keeps out */
  constructor(options: PostgresOptions, site?: WritingSite) {
    this.#options = options;
    this.#site = site;
    const query = (text: string, values: readonly unknown[]) => this.#query(text, values);
    const client = { query, release: () => undefined } as unknown as PostgresPoolClient;
    const dialect = new PostgresDialect({
      pool: { options: {}, end: () => Promise.resolve(), connect: async () => client },
    });
    this.queries = new Kysely<Tables>({ dialect });
  }

  /** @throws AppError `database_unavailable`, `site_fenced` */
  async begin(): Promise<void> {
    if (this.#client !== undefined) {
      try {
        return await this.#lock(this.#client);
      } catch (error) {
        // A connection may have been lost long ago; a new one tells whether the database is there now.
        if (!this.endsTransaction(error)) throw error;
        this.#drop();
      }
    }
    const client = await translated(() => connect(this.#options));
    const forget = (): void => {
      if (this.#client === client) this.#client = undefined;
    };
    client.on('error', forget).on('end', forget);
    this.#client = client;
    this.#answered = Promise.resolve();
    await this.#lock(client);
  }

  async execute(statement: string): Promise<void> {
    const client = this.#client;
    if (client === undefined) throw lost();
    const answer = this.#inTurn(() => client.query(statement));
    if (statement.startsWith('savepoint')) return this.#leave(answer);
    try {
      const [result] = await Promise.all([translated(() => answer), this.#settle()]);
      const failure = this.#failure;
      this.#failure = undefined;
      if (statement.startsWith('rollback')) return;
      if (failure !== undefined) throw failure;
      // PostgreSQL answers the commit of a transaction that had failed as the rollback that it was.
      if (statement === 'commit' && result.command !== 'COMMIT') throw lost();
    } catch (error) {
      // Whether a commit took place is not known then; the transaction of a rollback may still hold its lock.
      if (statement === 'commit' || statement === 'rollback') this.#drop();
      throw this.#takeFailure(error);
    }
  }

  endsTransaction(error: unknown): boolean {
    if (!(error instanceof AppError)) return false;
    return error.code === 'database_unavailable' || error.code === 'disk_full' || this.#client === undefined;
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => undefined);
  }

  async #lock(client: pg.Client): Promise<void> {
    [this.#unanswered, this.#failure] = [[], undefined];
    if (this.#site === undefined) {
      await translated(() => this.#inTurn(() => client.query(BEGIN)));
      return;
    }
    const answers = (await translated(() =>
      this.#inTurn(() => client.query(`${BEGIN}; ${SITE_OF_WRITER}`)),
    )) as unknown;
    const row = (answers as readonly pg.QueryResult<SiteOfWriter>[]).at(-1)?.rows[0];
    if (row === undefined) return;
    const own = { name: row.name ?? undefined, leaseUntil: row.lease_until ?? undefined };
    const problem = whyFenced(own, this.#site.name, row.now);
    if (problem !== undefined) throw new AppError('site_fenced', problem);
  }

  async #query(text: string, values: readonly unknown[]): Promise<unknown> {
    const client = this.#client;
    if (client === undefined) throw this.#takeFailure(lost());
    const name = nameOf(text);
    const statement = { ...(name === undefined ? {} : { name }), text, values: [...values] };
    const answer = this.#inTurn(() => client.query(statement));
    if (UNASKED.test(text)) {
      this.#leave(answer);
      return { command: 'INSERT', rowCount: 0, rows: [] };
    }
    try {
      return await answer;
    } catch (error) {
      throw this.#takeFailure(error);
    }
  }

  #inTurn<T>(send: () => Promise<T>): Promise<T> {
    const answer = this.#answered.then(send);
    this.#answered = answer.catch(() => undefined);
    return answer;
  }

  /** What failed first is what is told; PostgreSQL refuses all that follows. */
  #takeFailure(error: unknown): AppError {
    const failure = this.#failure ?? toAppError(error);
    this.#failure = undefined;
    return failure;
  }

  /** Answers come in the order of the statements. */
  #leave(answer: Promise<unknown>): void {
    const noted = answer.then(
      () => undefined,
      (error: unknown) => {
        this.#failure ??= toAppError(error);
      },
    );
    this.#unanswered.push(noted);
  }

  async #settle(): Promise<void> {
    await Promise.all(this.#unanswered.splice(0));
  }

  #drop(): void {
    const client = this.#client;
    this.#client = undefined;
    void client?.end().catch(() => undefined);
  }
}

/** The site that a process belongs to. */
export interface WritingSite {
  /** Undefined where its settings name none. */
  readonly name: string | undefined;
}

function lost(): AppError {
  return new AppError('database_unavailable', 'The connection to the database was lost.');
}

/** The lock that a writing transaction holds: four letters of this project's name. */
export const RECORDS_LOCK = 0x696d_6d6c;
const BEGIN = `begin; select pg_advisory_xact_lock(${RECORDS_LOCK})`;
/** Statements of which no caller asks how many rows they touched or what they gave. */
const UNASKED =
  /^\s*(insert into "?(jobs|generations|events|reservations|usage_days|attempts|assets|fair_accounts|costs|idempotency_keys)"? (?!.*returning)|update fair_classes |update "generations" set "state" |select pg_notify\()/s;
