import { type RawBuilder, sql } from 'kysely';

/** What a tenant changed of the installation's rules of retention. */
export interface RetentionsTable {
  tenant_id: string;
  /** JSON */
  rules: string;
}

/** Migration: rules of retention, and the orders in which old pictures and generations are found. */
export const retentionTables = (): readonly RawBuilder<unknown>[] => [
  sql`create table retentions (tenant_id text not null primary key, rules text not null)`,
  sql`create index assets_by_age on assets (tenant_id, created_at, id)`,
  sql`create index generations_by_end on generations (tenant_id, finished_at, id) where finished_at is not null`,
  sql`create index jobs_by_asset on jobs (asset_id) where asset_id is not null`,
  sql`create index reviews_by_generation on reviews (generation_id)`,
];
