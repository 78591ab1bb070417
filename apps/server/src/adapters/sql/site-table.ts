import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { SiteRecord } from '../../domain/site.ts';
import type { Tables } from './schema.ts';

/** One row, `records`. Conventions as in `schema.ts`. */
export interface SiteTable {
  part: string;
  name: string | null;
  epoch: number;
  lease_until: number | null;
  switched_at: number | null;
  standby: string | null;
  standby_seen_at: number | null;
  standby_lag_ms: number | null;
}

/** Migration: which site the records belong to. */
export const siteTable = (): readonly RawBuilder<unknown>[] => [
  sql`
    create table site (
      part text not null primary key,
      name text,
      epoch bigint not null,
      lease_until bigint,
      switched_at bigint,
      standby text,
      standby_seen_at bigint,
      standby_lag_ms bigint
    )`,
  sql`insert into site (part, epoch) values ('records', 1)`,
];

/** The time of PostgreSQL in ms, also inside a transaction. */
export const DATABASE_NOW = '(extract(epoch from clock_timestamp()) * 1000)::bigint';
/** What a transaction that writes looks at first. */
export const SITE_OF_WRITER = `select name, lease_until, ${DATABASE_NOW} as now from site`;

export interface SiteOfWriter {
  readonly name: string | null;
  readonly lease_until: number | null;
  readonly now: number;
}

/** The row, and the time of the database. */
export async function readSite(queries: Kysely<Tables>): Promise<{ readonly site: SiteRecord; readonly now: number }> {
  const { rows } = await sql<
    SiteTable & { now: number }
  >`select site.*, ${sql.raw(DATABASE_NOW)} as now from site`.execute(queries);
  const [row] = rows;
  if (row === undefined) throw new Error('the table site is empty');
  const { standby: name, standby_seen_at: seenAt } = row;
  const standby =
    name === null || seenAt === null ? undefined : { name, seenAt, lagMs: row.standby_lag_ms ?? undefined };
  return {
    now: row.now,
    site: {
      name: row.name ?? undefined,
      epoch: row.epoch,
      leaseUntil: row.lease_until ?? undefined,
      switchedAt: row.switched_at ?? undefined,
      standby,
    },
  };
}

/** The first site that names itself has the records. */
export async function takeUnownedRecords(queries: Kysely<Tables>, name: string): Promise<void> {
  await queries.updateTable('site').set({ name }).where('name', 'is', null).execute();
}
