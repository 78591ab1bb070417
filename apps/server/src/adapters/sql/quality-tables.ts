import { type RawBuilder, sql } from 'kysely';

/** What a tenant changed of the installation's quality policy. */
export interface QualityPoliciesTable {
  tenant_id: string;
  /** JSON */
  policy: string;
}

export interface SharpnessNormalsTable {
  model: string;
  pixels: number;
  mean: number;
  variance: number;
  count: number;
}

export interface PictureHashesTable {
  job_id: string;
  tenant_id: string;
  hash: string;
  intent: string;
}

export interface ReviewsTable {
  job_id: string;
  tenant_id: string;
  generation_id: string;
  state: string;
  held: number;
  seed: number;
  asset_id: string;
  /** JSON, as are timings and warnings. */
  quality: string;
  timings: string;
  warnings: string;
  created_at: number;
  decided_at: number | null;
  decided_by: string | null;
}

export interface QualityTables {
  quality_policies: QualityPoliciesTable;
  sharpness_normals: SharpnessNormalsTable;
  picture_hashes: PictureHashesTable;
  reviews: ReviewsTable;
}

/** Migration: the quality gate and what it found. */
export const qualityTables = (): readonly RawBuilder<unknown>[] => [
  sql`alter table jobs add column quality text`,
  sql`alter table jobs add column tried_seeds text`,
  sql`alter table usage_days add column rejected bigint not null default 0`,
  sql`create table quality_policies (tenant_id text not null primary key, policy text not null)`,
  sql`
    create table sharpness_normals (
      model text not null,
      pixels bigint not null,
      mean double precision not null,
      variance double precision not null,
      count bigint not null,
      primary key (model, pixels)
    )`,
  sql`
    create table picture_hashes (
      job_id text not null primary key references jobs (id),
      tenant_id text not null,
      hash text not null,
      intent text not null
    )`,
  sql`create index picture_hashes_latest on picture_hashes (tenant_id, job_id)`,
  sql`
    create table reviews (
      job_id text not null primary key references jobs (id),
      tenant_id text not null,
      generation_id text not null,
      state text not null,
      held bigint not null,
      seed bigint not null,
      asset_id text not null,
      quality text not null,
      timings text not null,
      warnings text not null,
      created_at bigint not null,
      decided_at bigint,
      decided_by text
    )`,
  sql`create index reviews_by_state on reviews (tenant_id, state, job_id)`,
];
