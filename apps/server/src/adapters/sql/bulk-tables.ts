import { type RawBuilder, sql } from 'kysely';

/** Conventions as in `schema.ts`. */
export interface BulksTable {
  id: string;
  tenant_id: string;
  key_id: string | null;
  asked_by: string;
  name: string;
  format: string;
  /** JSON of `BulkSettings`. */
  settings: string;
  state: string;
  created_at: number;
  note: string | null;
}

export interface BulkRowsTable {
  bulk_id: string;
  line: number;
  tenant_id: string;
  state: string;
  hash: string | null;
  generation_id: string | null;
  problem: string | null;
  /** JSON of the rest of `RowProblem`; null where there is none, and of rows of before there was one. */
  fault: string | null;
}

export interface BulkTables {
  bulks: BulksTable;
  bulk_rows: BulkRowsTable;
}

/** Migration `bulks`. */
export const bulkTables = (): readonly RawBuilder<unknown>[] => [
  sql`
    create table bulks (
      id text not null primary key,
      tenant_id text not null,
      key_id text,
      name text not null,
      format text not null,
      settings text not null,
      state text not null,
      created_at bigint not null,
      note text
    )`,
  sql`create index bulks_by_tenant on bulks (tenant_id, id)`,
  sql`create index bulks_unfinished on bulks (id) where state = 'reading'`,
  sql`
    create table bulk_rows (
      bulk_id text not null references bulks (id),
      line bigint not null,
      tenant_id text not null,
      state text not null,
      hash text,
      generation_id text,
      problem text,
      primary key (bulk_id, line)
    )`,
  sql`create index bulk_rows_by_hash on bulk_rows (bulk_id, hash) where generation_id is not null`,
];
