import { type Kysely, type RawBuilder, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { AppError } from '../../domain/errors.ts';
import { alertTables, historyTable } from './alert-tables.ts';
import { budgetTables } from './budget-tables.ts';
import { bulkTables } from './bulk-tables.ts';
import { clientOptionsTable } from './client-options-table.ts';
import { clusterTables } from './cluster-tables.ts';
import { galleryTables } from './gallery-tables.ts';
import { loraTable } from './lora-table.ts';
import { orderTables } from './order-tables.ts';
import { qualityTables } from './quality-tables.ts';
import { retentionTables } from './retention-tables.ts';
import { signingKeyTable } from './signing-key-table.ts';
import { siteTable } from './site-table.ts';
import { templateTable } from './template-table.ts';
import { tenantTables } from './tenant-tables.ts';
import { webhookTables } from './webhook-tables.ts';

/** Forward only: a migration that was released is never changed, and none has a way back. */
const migrations: Readonly<Record<string, Migration>> = {
  '0001-generations-and-jobs': { up: (database) => runAll(database, firstTables(isPostgres(database))) },
  '0002-fair-queue': { up: (database) => runAll(database, fairQueue()) },
  '0003-generation-extras': { up: (database) => runAll(database, generationExtras()) },
  '0004-tenants': { up: (database) => runAll(database, tenantTables()) },
  '0005-webhooks': { up: (database) => runAll(database, webhookTables()) },
  '0006-job-warnings': { up: (database) => runAll(database, jobWarnings()) },
  '0007-gallery': { up: (database) => runAll(database, galleryTables()) },
  '0008-results': { up: (database) => runAll(database, results()) },
  '0009-bulks': { up: (database) => runAll(database, bulkTables()) },
  '0010-signing-keys': { up: (database) => runAll(database, signingKeyTable()) },
  '0011-orders': { up: (database) => runAll(database, orderTables()) },
  '0012-client-options': { up: (database) => runAll(database, clientOptionsTable()) },
  '0013-cluster': { up: (database) => runAll(database, clusterTables()) },
  '0014-quality': { up: (database) => runAll(database, qualityTables()) },
  '0015-budgets': { up: (database) => runAll(database, budgetTables()) },
  '0015-alerts': { up: (database) => runAll(database, alertTables()) },
  '0016-tenant-labels': { up: (database) => runAll(database, tenantLabels()) },
  '0017-offered-jobs': { up: (database) => runAll(database, offeredJobs()) },
  '0018-retention': { up: (database) => runAll(database, retentionTables()) },
  '0019-templates': { up: (database) => runAll(database, templateTable()) },
  '0020-askers': { up: (database) => runAll(database, askers()) },
  '0021-scores': { up: (database) => runAll(database, scores(isPostgres(database))) },
  '0022-history': { up: (database) => runAll(database, historyTable()) },
  '0023-row-problems': { up: (database) => runAll(database, rowProblems()) },
  '0024-site': { up: (database) => runAll(database, siteTable()) },
  '0025-lora-uploads': { up: (database) => runAll(database, loraTable()) },
};

/** Names of all steps, oldest first. */
export const schemaNames: readonly string[] = Object.keys(migrations);

/** Brings tables to an earlier step only, as an older version left them. @param without steps that it did not have */
export async function migrateUpTo(
  database: Kysely<unknown>,
  name: string,
  without: readonly string[] = [],
): Promise<void> {
  const had = Object.fromEntries(Object.entries(migrations).filter(([step]) => !without.includes(step)));
  const migrator = new Migrator({ db: database, provider: { getMigrations: async () => had } });
  const { error } = await migrator.migrateTo(name);
  if (error !== undefined) throw error;
}

/**
 * Brings the tables up to date, in one transaction a step.
 *
 * @throws AppError `storage_failed` when the data was written by a newer version
 */
export async function migrate(database: Kysely<unknown>): Promise<void> {
  const migrator = new Migrator({
    db: database,
    provider: { getMigrations: async () => ({ ...migrations }) },
    // Steps stand for themselves: one that another branch brought in between is caught up on.
    allowUnorderedMigrations: true,
  });
  const { error } = await migrator.migrateToLatest();
  if (error === undefined) return;
  const reason = error instanceof Error ? error.message : String(error);
  if (reason.includes('corrupted migrations')) {
    const message =
      'The records were written by a newer version of Imagemill. Run that version, or use another data folder or database.';
    throw new AppError('storage_failed', message, { cause: error });
  }
  throw error;
}

/** @throws AppError `storage_failed` when the tables are not those of this version */
export async function requireCurrent(database: Kysely<unknown>): Promise<void> {
  const migrator = new Migrator({ db: database, provider: { getMigrations: async () => ({ ...migrations }) } });
  const known = await migrator.getMigrations();
  if (known.every(({ executedAt }) => executedAt !== undefined)) return;
  const message =
    'A server of another version of Imagemill works in the data folder. Stop it, or use the command of its version.';
  throw new AppError('storage_failed', message);
}

/** Words that SQLite and PostgreSQL both read; on SQLite `bigint` is any integer and `double precision` any real. */
const firstTables = (onPostgres: boolean): readonly RawBuilder<unknown>[] => [
  sql`
    create table generations (
      id text not null primary key,
      tenant_id text not null,
      state text not null,
      created_at bigint not null,
      finished_at bigint,
      prompt text not null,
      negative_prompt text not null,
      count bigint not null,
      width bigint not null,
      height bigint not null,
      seed bigint not null,
      steps bigint not null,
      guidance_scale double precision not null,
      model text not null,
      format text not null,
      quality bigint not null,
      priority bigint not null,
      max_attempts bigint not null,
      jobs_queued bigint not null,
      jobs_running bigint not null,
      jobs_succeeded bigint not null,
      jobs_failed bigint not null,
      jobs_cancelled bigint not null
    )`,
  // The two ways of listing, newest first.
  sql`create index generations_by_tenant on generations (tenant_id, id)`,
  sql`create index generations_by_state on generations (tenant_id, state, id)`,
  sql`
    create table jobs (
      id text not null primary key,
      tenant_id text not null,
      generation_id text not null references generations (id),
      position bigint not null,
      seed bigint not null,
      state text not null,
      priority bigint not null,
      created_at bigint not null,
      not_before bigint not null,
      max_attempts bigint not null,
      attempt bigint not null,
      failures bigint not null,
      interruptions bigint not null,
      lease_token bigint not null,
      worker_id text,
      lease_expires_at bigint,
      cancel_requested bigint not null,
      started_at bigint,
      finished_at bigint,
      asset_id text,
      timings text,
      fault text
    )`,
  sql`create unique index jobs_by_generation on jobs (generation_id, position)`,
  // The order of the queue: a claim is the first rows of this index, however long the queue is.
  sql`create index jobs_queue on jobs (priority, not_before, id) where state = 'queued'`,
  sql`create index jobs_leases on jobs (lease_expires_at) where state = 'running'`,
  sql`
    create table attempts (
      tenant_id text not null,
      job_id text not null references jobs (id),
      number bigint not null,
      started_at bigint not null,
      finished_at bigint not null,
      outcome text not null,
      fault text,
      primary key (job_id, number)
    )`,
  sql`
    create table assets (
      id text not null primary key,
      tenant_id text not null,
      sha256 text not null,
      media_type text not null,
      size_bytes bigint not null,
      width bigint not null,
      height bigint not null,
      created_at bigint not null
    )`,
  sql`create index assets_by_hash on assets (sha256)`,
  // On SQLite an `integer primary key` is the row's own number, so the table needs no second tree.
  sql`
    create table events (
      id ${sql.raw(onPostgres ? 'bigint' : 'integer')} not null primary key,
      tenant_id text not null,
      generation_id text not null,
      type text not null,
      at bigint not null,
      data text not null
    )`,
  sql`create index events_by_generation on events (generation_id, id)`,
  sql`create table counters (name text not null primary key, value bigint not null)`,
];

const fairQueue = (): readonly RawBuilder<unknown>[] => [
  sql`alter table generations add column due_at bigint`,
  sql`alter table generations add column back_off_ms bigint not null default 5000`,
  sql`alter table jobs add column ready bigint not null default 1`,
  sql`alter table jobs add column start_tag double precision not null default 0`,
  sql`alter table jobs add column cost_ms double precision not null default 1000`,
  sql`alter table jobs add column charge_ms double precision not null default 0`,
  sql`alter table jobs add column shape_key text not null default ''`,
  sql`alter table jobs add column due_at bigint`,
  sql`alter table jobs add column back_off_ms bigint not null default 5000`,
  // Jobs that wait already stand first, in the order of their ids.
  sql`
    update jobs set
      ready = case when not_before > created_at then 0 else 1 end,
      shape_key = (select width || 'x' || height || ' ' || model from generations where id = jobs.generation_id)
    where state in ('queued', 'running')`,
  sql`drop index jobs_queue`,
  // The order of the queue: a claim reads the first rows of a class. The cost is there to be summed up.
  sql`create index jobs_queue on jobs (priority, start_tag, id, cost_ms) where state = 'queued' and ready = 1`,
  sql`create index jobs_back_off on jobs (not_before, priority) where state = 'queued' and ready = 0`,
  sql`create index jobs_age on jobs (priority, created_at) where state = 'queued'`,
  sql`create index jobs_dead_letters on jobs (tenant_id, state, id) where state in ('dead', 'failed')`,
  sql`
    create table fair_classes (
      priority bigint not null primary key,
      virtual_time double precision not null,
      served_ms double precision not null
    )`,
  sql`insert into fair_classes (priority, virtual_time, served_ms) values (0, 0, 0), (1, 0, 0), (2, 0, 0)`,
  sql`
    create table fair_accounts (
      tenant_id text not null,
      priority bigint not null,
      account double precision not null,
      primary key (tenant_id, priority)
    )`,
  sql`create table queue_pauses (part text not null primary key, since bigint not null)`,
  sql`
    create table costs (
      device text not null,
      model text not null,
      pixels bigint not null,
      ms_per_step double precision not null,
      fixed_ms double precision not null,
      count bigint not null,
      primary key (device, model, pixels)
    )`,
  sql`
    create table idempotency_keys (
      tenant_id text not null,
      key text not null,
      body_hash text not null,
      generation_id text not null references generations (id),
      expires_at bigint not null,
      primary key (tenant_id, key)
    )`,
  sql`create index idempotency_keys_by_expiry on idempotency_keys (expires_at)`,
];

const generationExtras = (): readonly RawBuilder<unknown>[] => [
  sql`alter table generations add column extras text not null default '{}'`,
];

const tenantLabels = (): readonly RawBuilder<unknown>[] => [
  sql`alter table tenants add column labels text not null default '{}'`,
];

const jobWarnings = (): readonly RawBuilder<unknown>[] => [sql`alter table jobs add column warnings text`];

/** Jobs that were laid out for the workers have `ready` 2: they stand in no line. */
const offeredJobs = (): readonly RawBuilder<unknown>[] => [
  sql`create index jobs_offered on jobs (id) where state = 'queued' and ready = 2`,
];

/** Who asked, and the two ways of listing what is open: of one who asked, and over all tenants. */
const askers = (): readonly RawBuilder<unknown>[] => [
  ...['generations', 'bulks', 'orders'].map(
    (table) => sql`alter table ${sql.table(table)} add column asked_by text not null default 'machine'`,
  ),
  sql`
    create index generations_open_by_asker on generations (tenant_id, asked_by, state, id)
    where state in ('queued', 'running')`,
  sql`create index generations_open on generations (state, id) where state in ('queued', 'running')`,
];

/** The score of the aesthetic model, which the gallery is narrowed by; taken out of what was found about a picture. */
const scores = (onPostgres: boolean): readonly RawBuilder<unknown>[] => [
  sql`alter table jobs add column score double precision`,
  sql`
    update jobs set score = ${
      onPostgres
        ? sql`cast(cast(quality as json) #>> '{measures,aesthetic}' as double precision)`
        : sql`json_extract(quality, '$.measures.aesthetic')`
    } where quality like '%"aesthetic":%'`,
];

const rowProblems = (): readonly RawBuilder<unknown>[] => [sql`alter table bulk_rows add column fault text`];

const results = (): readonly RawBuilder<unknown>[] => [
  sql`
    create table results (
      tenant_id text not null,
      key text not null,
      asset_id text not null,
      created_at bigint not null,
      primary key (tenant_id, key)
    )`,
  sql`create index results_by_age on results (created_at)`,
];

function isPostgres(database: Kysely<unknown>): boolean {
  return database.getExecutor().adapter.supportsTransactionalDdl === true;
}

async function runAll(database: Kysely<unknown>, statements: readonly RawBuilder<unknown>[]): Promise<void> {
  for (const statement of statements) await statement.execute(database);
}
