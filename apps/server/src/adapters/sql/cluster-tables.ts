import { type RawBuilder, sql } from 'kysely';

/** Conventions as in `schema.ts`. */
export interface WorkersTable {
  id: string;
  seen_at: number;
  /** JSON of `WorkerReport`. */
  report: string;
}

export interface LeasesTable {
  name: string;
  holder: string;
  expires_at: number;
}

export interface ClusterTables {
  workers: WorkersTable;
  leases: LeasesTable;
}

/** Migration: what processes of a cluster know of each other. */
export const clusterTables = (): readonly RawBuilder<unknown>[] => [
  sql`
    create table workers (
      id text not null primary key,
      seen_at bigint not null,
      report text not null
    )`,
  sql`
    create table leases (
      name text not null primary key,
      holder text not null,
      expires_at bigint not null
    )`,
];
