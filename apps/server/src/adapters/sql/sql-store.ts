import { join } from 'node:path';
import type { Kysely } from 'kysely';
import type { AccessReader } from '../../application/access-ports.ts';
import type { BulkReader } from '../../application/bulk-ports.ts';
import type { GalleryReader } from '../../application/gallery-ports.ts';
import type {
  AttemptRecord,
  EventFeed,
  GenerationQuery,
  GenerationRecord,
  JobRecord,
  Store,
  StoreTransaction,
} from '../../application/ports.ts';
import type { QueueReader } from '../../application/queue-ports.ts';
import type { UsageReader } from '../../application/usage-ports.ts';
import type { WebhookReader } from '../../application/webhook-ports.ts';
import type { Asset } from '../../domain/asset.ts';
import type { StoredEvent } from '../../domain/event.ts';
import type { AssetId, ContentHash, GenerationId, JobId, TenantId } from '../../domain/ids.ts';
import { EVENT_ID_BLOCK, EventLog } from './event-log.ts';
import { GroupCommit } from './group-commit.ts';
import { migrate } from './migrations.ts';
import { OpenJobs } from './open-jobs.ts';
import { createQueueReader } from './queue-queries.ts';
import {
  assetFromRow,
  attemptFromRow,
  type GenerationRow,
  generationFromRow,
  type JobRow,
  jobFromRow,
} from './rows.ts';
import { SqlAccessReader } from './sql-access.ts';
import { SqlBulkReader } from './sql-bulks.ts';
import { SqlGalleryReader } from './sql-gallery.ts';
import { reserveEventIds, SqlTransaction } from './sql-transaction.ts';
import { SqlUsageReader } from './sql-usage.ts';
import { type Outbox, SqlWebhookReader } from './sql-webhooks.ts';
import { openConnection, type SqliteConnection } from './sqlite-connection.ts';

export interface SqliteStoreOptions {
  /** Folder of the database file; it must exist. */
  readonly folder: string;
  /** @default 'full' */
  readonly durability?: 'full' | 'normal';
  /** Makes webhook messages of events, in their transaction. @default none are made */
  readonly outbox?: Outbox | undefined;
}

/** The records in a SQLite file. One connection writes, another reads, so a reader never sees half a transaction. */
export class SqliteStore implements Store {
  readonly queue: QueueReader;
  readonly access: AccessReader;
  readonly usage: UsageReader;
  readonly webhooks: WebhookReader;
  readonly gallery: GalleryReader;
  readonly bulks: BulkReader;
  readonly #writer: SqliteConnection;
  readonly #reader: SqliteConnection;
  readonly #commits: GroupCommit;
  readonly #log: EventLog;
  readonly #open: OpenJobs;
  readonly #outbox: Outbox | undefined;

  private constructor(
    { writer, reader, outbox }: { writer: SqliteConnection; reader: SqliteConnection; outbox: Outbox | undefined },
    log: EventLog,
    open: OpenJobs,
  ) {
    this.#open = open;
    this.#outbox = outbox;
    this.queue = createQueueReader(reader.queries, open);
    this.access = new SqlAccessReader(reader.queries);
    this.usage = new SqlUsageReader(reader.queries);
    this.webhooks = new SqlWebhookReader(reader.queries);
    this.gallery = new SqlGalleryReader(reader.queries);
    this.bulks = new SqlBulkReader(reader.queries);
    this.#writer = writer;
    this.#reader = reader;
    this.#log = log;
    this.#commits = new GroupCommit(writer, () => log.settled());
  }

  /** Opens or creates the file and brings its tables up to date. @throws AppError `storage_failed`, `disk_full` */
  static async open({ folder, durability = 'full', outbox }: SqliteStoreOptions): Promise<SqliteStore> {
    const path = join(folder, 'imagemill.db');
    const writer = openConnection({ path, readOnly: false, durability });
    try {
      await migrate(writer.queries as unknown as Kysely<unknown>);
      const reservedUpTo = await reserveEventIds(writer.queries);
      const reader = openConnection({ path, readOnly: true, durability });
      const log = new EventLog(reader.queries, reservedUpTo - EVENT_ID_BLOCK + 1, reservedUpTo);
      return new SqliteStore({ writer, reader, outbox }, log, await OpenJobs.read(reader.queries));
    } catch (error) {
      writer.close();
      throw error;
    }
  }

  get feed(): EventFeed {
    return this.#log;
  }

  /** Called with every state change once it is on disk; the result ends it. */
  onStored(listener: (event: StoredEvent) => void): () => void {
    return this.#log.onStored(listener);
  }

  transact<T>(work: (transaction: StoreTransaction) => Promise<T>): Promise<T> {
    const transaction = new SqlTransaction(this.#writer.queries, this.#log, this.#open, this.#outbox);
    return this.#commits.transact({ run: () => work(transaction), onCommitted: () => transaction.committed() });
  }

  async findGeneration(tenantId: TenantId, id: GenerationId): Promise<GenerationRecord | undefined> {
    const row = await this.#reader.queries
      .selectFrom('generations')
      .selectAll()
      .where('id', '=', id)
      .where('tenant_id', '=', tenantId)
      .executeTakeFirst();
    return row && (await this.#withJobs([row]))[0];
  }

  async listGenerations(query: GenerationQuery): Promise<readonly GenerationRecord[]> {
    let select = this.#reader.queries.selectFrom('generations').selectAll().where('tenant_id', '=', query.tenantId);
    if (query.state !== undefined) select = select.where('state', '=', query.state);
    if (query.after !== undefined) select = select.where('id', '<', query.after);
    return this.#withJobs(await select.orderBy('id', 'desc').limit(query.limit).execute());
  }

  async findJob(tenantId: TenantId, id: JobId): Promise<JobRecord | undefined> {
    const row = await this.#reader.queries
      .selectFrom('jobs')
      .innerJoin('generations', 'generations.id', 'jobs.generation_id')
      .selectAll('jobs')
      .select('generations.steps')
      .where('jobs.id', '=', id)
      .where('jobs.tenant_id', '=', tenantId)
      .executeTakeFirst();
    if (row === undefined) return undefined;
    const assets = await this.#assetsOf([row]);
    return { job: jobFromRow(row), asset: assets.get(row.asset_id ?? ''), steps: row.steps };
  }

  async listAttempts(tenantId: TenantId, id: JobId): Promise<readonly AttemptRecord[]> {
    const rows = await this.#reader.queries
      .selectFrom('attempts')
      .selectAll()
      .where('job_id', '=', id)
      .where('tenant_id', '=', tenantId)
      .orderBy('number')
      .execute();
    return rows.map(attemptFromRow);
  }

  async findAssetByHash(tenantId: TenantId, sha256: ContentHash): Promise<Asset | undefined> {
    const row = await this.#reader.queries
      .selectFrom('assets')
      .selectAll()
      .where('sha256', '=', sha256)
      .where('tenant_id', '=', tenantId)
      .orderBy('id')
      .executeTakeFirst();
    return row && assetFromRow(row);
  }

  async findAsset(tenantId: TenantId, id: AssetId): Promise<Asset | undefined> {
    const row = await this.#reader.queries
      .selectFrom('assets')
      .selectAll()
      .where('id', '=', id)
      .where('tenant_id', '=', tenantId)
      .executeTakeFirst();
    return row && assetFromRow(row);
  }

  async findResult(tenantId: TenantId, key: string): Promise<Asset | undefined> {
    const row = await this.#reader.queries
      .selectFrom('results')
      .innerJoin('assets', 'assets.id', 'results.asset_id')
      .selectAll('assets')
      .where('results.tenant_id', '=', tenantId)
      .where('results.key', '=', key)
      .executeTakeFirst();
    return row && assetFromRow(row);
  }

  async countJobs(): Promise<{ readonly queued: number; readonly running: number }> {
    const counts = { queued: 0, running: 0 };
    for (const priority of ['interactive', 'standard', 'bulk'] as const) {
      counts.queued += this.#open.of(priority).queued;
      counts.running += this.#open.of(priority).running;
    }
    return counts;
  }

  /** Waits for what was handed in, then closes the file. */
  async close(): Promise<void> {
    await this.#commits.close();
    this.#reader.close();
    this.#writer.close();
  }

  async #withJobs(generations: readonly GenerationRow[]): Promise<readonly GenerationRecord[]> {
    if (generations.length === 0) return [];
    const ids = generations.map((row) => row.id);
    const jobs = await this.#reader.queries
      .selectFrom('jobs')
      .selectAll()
      .where('generation_id', 'in', ids)
      .orderBy('position')
      .execute();
    const assets = await this.#assetsOf(jobs);
    const jobsById = new Map<string, JobRow[]>(ids.map((id) => [id, []]));
    for (const job of jobs) jobsById.get(job.generation_id)?.push(job);
    return generations.map((row) => ({
      generation: generationFromRow(row),
      jobs: (jobsById.get(row.id) ?? []).map((job) => ({
        job: jobFromRow(job),
        asset: assets.get(job.asset_id ?? ''),
        steps: row.steps,
      })),
    }));
  }

  async #assetsOf(jobs: readonly Pick<JobRow, 'asset_id'>[]): Promise<Map<string, Asset>> {
    const ids = jobs.flatMap((job) => (job.asset_id === null ? [] : [job.asset_id]));
    const assets = new Map<string, Asset>();
    for (let start = 0; start < ids.length; start += MAX_IDS) {
      const some = ids.slice(start, start + MAX_IDS);
      const rows = await this.#reader.queries.selectFrom('assets').selectAll().where('id', 'in', some).execute();
      for (const row of rows) assets.set(row.id, assetFromRow(row));
    }
    return assets;
  }
}

/** Ids of one `in` list; SQLite allows 32,766 parameters. */
const MAX_IDS = 1_000;
