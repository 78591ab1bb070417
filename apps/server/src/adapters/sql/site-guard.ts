import { sql } from 'kysely';
import { openPool, type PostgresOptions, type PostgresPool } from './postgres-connection.ts';
import { RECORDS_LOCK } from './postgres-writer.ts';
import { DATABASE_NOW, readSite } from './site-table.ts';

/** How far a copy of the records is behind. Undefined is what nobody could tell. */
export interface Lag {
  readonly seconds: number | undefined;
  readonly bytes: number | undefined;
}

/** Where the records of a site stood when it left off. */
export interface LastWritten {
  /** Site that had the records. */
  readonly before: string | undefined;
  readonly epoch: number;
  /** Position in the write-ahead log that a copy must have reached to lack nothing. */
  readonly lsn: string;
}

/**
 * The active site's database as the guard of a standby site uses it: to renew the lease under which that site writes, to
 * leave word of how far the copy is behind, and to take the records away from it. Every method throws what PostgreSQL
 * or the way to it throws, as AppError.
 */
export class SiteGuard {
  readonly #active: PostgresPool;
  readonly #own: PostgresPool;
  readonly #name: string;
  readonly #leaseMs: number;
  #saidAt: number | undefined;
  /** By `performance.now()`. */
  #endsAt: number | undefined;
  lag: Lag = { seconds: undefined, bytes: undefined };

  /** @param options.own the copy of the records here @param options.name of this site @param options.leaseMs 0 for none */
  constructor(
    active: PostgresOptions,
    options: { readonly own: PostgresPool; readonly name: string; readonly leaseMs: number },
  ) {
    this.#active = openPool(active, 1);
    this.#own = options.own;
    this.#name = options.name;
    this.#leaseMs = options.leaseMs;
  }

  /**
   * Lets the active site write for one lease more. The end is a moment of its clock that was read before: a renewal
   * that arrives late gives no more time than was counted here.
   */
  async renew(): Promise<void> {
    const { rows } = await sql<{ now: number; lsn: string }>`
      select ${sql.raw(DATABASE_NOW)} as now, pg_current_wal_lsn()::text as lsn
    `.execute(this.#active.queries);
    const [at] = rows;
    if (at === undefined) throw new Error('the database of the active site gives no time');
    await this.#measureLag(at.lsn);
    const until = this.#leaseMs === 0 ? null : at.now + this.#leaseMs;
    if (until !== null) this.#endsAt = performance.now() + this.#leaseMs;
    const lagMs = this.lag.seconds === undefined ? null : Math.round(this.lag.seconds * 1_000);
    const { numAffectedRows } = await sql`
      update site set lease_until = ${until}, standby = ${this.#name}, standby_seen_at = ${at.now},
        standby_lag_ms = ${lagMs}
      where name is null or name <> ${this.#name}
    `.execute(this.#active.queries);
    if (numAffectedRows === 0n) throw new Error(`the active site is called ${this.#name} too`);
    this.#saidAt = at.now;
  }

  /**
   * Takes the records away from the active site: when this resolves nothing writes there any more, and nothing will.
   * It waits for the transaction that is being written.
   */
  async takeAway(): Promise<LastWritten> {
    return this.#active.queries.connection().execute(async (queries) => {
      await sql`begin`.execute(queries);
      await sql`set local lock_timeout = ${sql.lit(LOCK_MS)}`.execute(queries);
      await sql`select pg_advisory_xact_lock(${sql.lit(RECORDS_LOCK)})`.execute(queries);
      const { site } = await readSite(queries);
      const { rows } = await sql<{ epoch: number }>`
        update site set name = ${this.#name}, epoch = epoch + 1, lease_until = null, standby = null,
          standby_seen_at = null, standby_lag_ms = null, switched_at = ${sql.raw(DATABASE_NOW)}
        returning epoch
      `.execute(queries);
      await sql`commit`.execute(queries);
      const position = await sql<{ lsn: string }>`select pg_current_wal_lsn()::text as lsn`.execute(queries);
      return { before: site.name, epoch: rows[0]?.epoch ?? 0, lsn: position.rows[0]?.lsn ?? '0/0' };
    });
  }

  /** When the last lease that was given has run out, by `performance.now()`; undefined when none was. */
  async leaseEndsAt(): Promise<number | undefined> {
    if (this.#endsAt !== undefined || this.#leaseMs === 0) return this.#endsAt;
    // Given by a guard that ran before this one, at the latest a moment ago.
    const { site } = await readSite(this.#own.queries);
    if (site.leaseUntil !== undefined) this.#endsAt = performance.now() + this.#leaseMs;
    return this.#endsAt;
  }

  /** Undoes `takeAway` where nothing came of it. */
  async giveBack({
    before = null,
    epoch,
  }: Pick<LastWritten, 'epoch'> & { before?: string | null | undefined }): Promise<void> {
    await sql`update site set name = ${before} where name = ${this.#name} and epoch = ${epoch}`.execute(
      this.#active.queries,
    );
  }

  /** Lets the active site write without end; for a guard that leaves off. */
  async release(): Promise<void> {
    await sql`
      update site set lease_until = null, standby = null, standby_seen_at = null, standby_lag_ms = null
      where standby = ${this.#name}
    `.execute(this.#active.queries);
  }

  close(): Promise<void> {
    return this.#active.close();
  }

  async #measureLag(lsn: string): Promise<void> {
    const behind = await bytesBehind(this.#own, lsn).catch(() => undefined);
    const seen = await readSite(this.#own.queries).catch(() => undefined);
    const heard = seen?.site.standby?.seenAt;
    const seconds =
      this.#saidAt === undefined || heard === undefined ? undefined : Math.max(0, this.#saidAt - heard) / 1_000;
    this.lag = { bytes: behind, seconds };
  }
}

/** Bytes of the write-ahead log that a replica has yet to apply. */
export async function bytesBehind({ queries }: PostgresPool, lsn: string): Promise<number> {
  const { rows } = await sql<{ bytes: number }>`
    select greatest(0, pg_wal_lsn_diff(${lsn}::pg_lsn, coalesce(pg_last_wal_replay_lsn(), '0/0'::pg_lsn))) as bytes
  `.execute(queries);
  return rows[0]?.bytes ?? 0;
}

/** Makes the records those of a site, where they are not already. Gives the epoch, and whose they were before. */
export async function takeOver(
  { queries }: PostgresPool,
  name: string,
): Promise<{ readonly epoch: number; readonly before: string | undefined }> {
  const { site } = await readSite(queries);
  await sql`
    update site set name = ${name}, epoch = epoch + 1, lease_until = null, standby = null, standby_seen_at = null,
      standby_lag_ms = null, switched_at = ${sql.raw(DATABASE_NOW)}
    where name is distinct from ${name}
  `.execute(queries);
  const after = await readSite(queries);
  return { epoch: after.site.epoch, before: site.name };
}

/** Longest time that a transaction of the active site is waited for. */
const LOCK_MS = 10_000;
