import type { AlertTables } from './alert-tables.ts';
import type { BudgetsTable } from './budget-tables.ts';
import type { BulkTables } from './bulk-tables.ts';
import type { ClientOptionsTable } from './client-options-table.ts';
import type { ClusterTables } from './cluster-tables.ts';
import type { GalleryTables } from './gallery-tables.ts';
import type { LoraUploadsTable } from './lora-table.ts';
import type { OrderTables } from './order-tables.ts';
import type { QualityTables } from './quality-tables.ts';
import type { RetentionsTable } from './retention-tables.ts';
import type { SigningKeysTable } from './signing-key-table.ts';
import type { SiteTable } from './site-table.ts';
import type { TemplatesTable } from './template-table.ts';
import type { TenantTables } from './tenant-schema.ts';
import type { WebhookTables } from './webhook-tables.ts';

/**
 * Tables. Portable between SQLite and PostgreSQL: times are integer milliseconds, ids and states are text, truth is
 * 0 or 1, structured values are JSON as text. Ids are UUIDs of version 7, so their order is that of creation.
 */
export interface GenerationsTable {
  id: string;
  tenant_id: string;
  /** `member:<id>`, `key:<id>` or `machine`. */
  asked_by: string;
  state: string;
  created_at: number;
  finished_at: number | null;
  prompt: string;
  negative_prompt: string;
  count: number;
  width: number;
  height: number;
  seed: number;
  steps: number;
  guidance_scale: number;
  model: string;
  format: string;
  quality: number;
  priority: number;
  max_attempts: number;
  due_at: number | null;
  back_off_ms: number;
  /** JSON of the settings that no query looks at. */
  extras: string;
  /** Jobs by state; they add up to `count`. */
  jobs_queued: number;
  jobs_running: number;
  jobs_succeeded: number;
  jobs_failed: number;
  jobs_cancelled: number;
}

export interface JobsTable {
  id: string;
  tenant_id: string;
  generation_id: string;
  position: number;
  seed: number;
  state: string;
  /** 0 interactive, 1 standard, 2 bulk. */
  priority: number;
  created_at: number;
  not_before: number;
  /** 0 while a queued job waits for `not_before`: it is not in the line then. */
  ready: number;
  start_tag: number;
  cost_ms: number;
  charge_ms: number;
  shape_key: string;
  due_at: number | null;
  max_attempts: number;
  back_off_ms: number;
  attempt: number;
  failures: number;
  interruptions: number;
  /** Highest ever handed out; while the job runs, that of its lease. */
  lease_token: number;
  worker_id: string | null;
  lease_expires_at: number | null;
  cancel_requested: number;
  started_at: number | null;
  finished_at: number | null;
  asset_id: string | null;
  timings: string | null;
  /** JSON; null for none. */
  warnings: string | null;
  /** JSON of what the quality gate found; null when the picture was not measured. */
  quality: string | null;
  /** Of the aesthetic model; null when the picture has none. */
  score: number | null;
  /** JSON of the seeds that were given up; null for none. */
  tried_seeds: string | null;
  fault: string | null;
}

/** Pictures that may be given again for the same settings. */
export interface ResultsTable {
  tenant_id: string;
  key: string;
  asset_id: string;
  created_at: number;
}

export interface AttemptsTable {
  tenant_id: string;
  job_id: string;
  number: number;
  started_at: number;
  finished_at: number;
  outcome: string;
  fault: string | null;
}

export interface AssetsTable {
  id: string;
  tenant_id: string;
  sha256: string;
  media_type: string;
  size_bytes: number;
  width: number;
  height: number;
  created_at: number;
}

export interface EventsTable {
  id: number;
  tenant_id: string;
  generation_id: string;
  type: string;
  at: number;
  /** JSON of what the type adds. */
  data: string;
}

export interface CountersTable {
  name: string;
  value: number;
}

export interface FairClassesTable {
  priority: number;
  virtual_time: number;
  served_ms: number;
}

export interface FairAccountsTable {
  tenant_id: string;
  priority: number;
  account: number;
}

/** A row stands for a part of the queue that is paused; `all` is the only part. */
export interface QueuePausesTable {
  part: string;
  since: number;
}

export interface CostsTable {
  device: string;
  model: string;
  pixels: number;
  ms_per_step: number;
  fixed_ms: number;
  count: number;
}

export interface IdempotencyKeysTable {
  tenant_id: string;
  key: string;
  body_hash: string;
  generation_id: string;
  expires_at: number;
}

export interface Tables
  extends AlertTables,
    TenantTables,
    WebhookTables,
    GalleryTables,
    BulkTables,
    OrderTables,
    ClusterTables,
    QualityTables {
  signing_keys: SigningKeysTable;
  client_options: ClientOptionsTable;
  budgets: BudgetsTable;
  retentions: RetentionsTable;
  templates: TemplatesTable;
  lora_uploads: LoraUploadsTable;
  site: SiteTable;
  generations: GenerationsTable;
  jobs: JobsTable;
  attempts: AttemptsTable;
  assets: AssetsTable;
  results: ResultsTable;
  events: EventsTable;
  counters: CountersTable;
  fair_classes: FairClassesTable;
  fair_accounts: FairAccountsTable;
  queue_pauses: QueuePausesTable;
  costs: CostsTable;
  idempotency_keys: IdempotencyKeysTable;
}

/** `not_before` of jobs that their bulk holds back: the last moment that a date can name. */
export const HELD_UNTIL = 8_640_000_000_000_000;
