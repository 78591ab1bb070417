import { type Kysely, sql } from 'kysely';
import type { AccessReader } from '../../application/access-ports.ts';
import type { AlertReader } from '../../application/alert-ports.ts';
import type { BulkReader } from '../../application/bulk-ports.ts';
import type { OptionsOwner } from '../../application/client-options.ts';
import type { GalleryReader } from '../../application/gallery-ports.ts';
import type { LoraUpload } from '../../application/lora-ports.ts';
import type { Template } from '../../application/manage-templates.ts';
import type { OrderReader } from '../../application/order-ports.ts';
import type {
  AttemptRecord,
  EventFeed,
  GenerationQuery,
  GenerationRecord,
  JobRecord,
  Store,
  StoreTransaction,
} from '../../application/ports.ts';
import type { QualityReader } from '../../application/quality-ports.ts';
import type { QueueReader } from '../../application/queue-ports.ts';
import type { RetentionReader } from '../../application/retention-ports.ts';
import type { UsageReader } from '../../application/usage-ports.ts';
import type { WebhookReader } from '../../application/webhook-ports.ts';
import type { Asset } from '../../domain/asset.ts';
import type { StoredEvent } from '../../domain/event.ts';
import type { AssetId, ContentHash, GenerationId, JobId, TenantId } from '../../domain/ids.ts';
import type { OpenJobNumbers } from './open-jobs.ts';
import { createQueueReader } from './queue-queries.ts';
import {
  assetFromRow,
  attemptFromRow,
  type GenerationRow,
  generationFromRow,
  type JobRow,
  jobFromRow,
} from './rows.ts';
import type { Tables } from './schema.ts';
import { SqlAccessReader } from './sql-access.ts';
import { SqlAlertReader } from './sql-alerts.ts';
import { SqlBulkReader } from './sql-bulks.ts';
import { readClientOptions } from './sql-client-options.ts';
import { SqlGalleryReader } from './sql-gallery.ts';
import { readLoraUploads } from './sql-loras.ts';
import { SqlOrderReader } from './sql-orders.ts';
import { SqlQualityReader } from './sql-quality.ts';
import { SqlRetentionReader } from './sql-retention.ts';
import { readTemplates } from './sql-templates.ts';
import { SqlUsageReader } from './sql-usage.ts';
import { SqlWebhookReader } from './sql-webhooks.ts';

/** The records as an opened database has them. */
export interface RecordStore extends Store {
  readonly feed: EventFeed;
  /** Called with every state change once it is on disk; the result ends it. */
  onStored(listener: (event: StoredEvent) => void): () => void;
  /** Called with the state changes that this process wrote itself; the result ends it. */
  onWritten(listener: (event: StoredEvent) => void): () => void;
  /** Waits for what was handed in, then gives the database back. */
  close(): Promise<void>;
}

/** Questions about the records, which are the same on every database. */
export abstract class SqlStore implements RecordStore {
  readonly queue: QueueReader;
  readonly access: AccessReader;
  readonly usage: UsageReader;
  readonly webhooks: WebhookReader;
  readonly gallery: GalleryReader;
  readonly bulks: BulkReader;
  readonly orders: OrderReader;
  readonly quality: QualityReader;
  readonly retention: RetentionReader;
  readonly alerts: AlertReader;
  abstract readonly feed: EventFeed;
  readonly #queries: Kysely<Tables>;
  readonly #open: OpenJobNumbers;

  constructor(queries: Kysely<Tables>, open: OpenJobNumbers) {
    this.#queries = queries;
    this.#open = open;
    this.queue = createQueueReader(queries, open);
    this.access = new SqlAccessReader(queries);
    this.usage = new SqlUsageReader(queries);
    this.webhooks = new SqlWebhookReader(queries);
    this.gallery = new SqlGalleryReader(queries);
    this.bulks = new SqlBulkReader(queries);
    this.orders = new SqlOrderReader(queries);
    this.quality = new SqlQualityReader(queries);
    this.retention = new SqlRetentionReader(queries);
    this.alerts = new SqlAlertReader(queries);
  }

  abstract onStored(listener: (event: StoredEvent) => void): () => void;

  abstract onWritten(listener: (event: StoredEvent) => void): () => void;

  abstract transact<T>(work: (transaction: StoreTransaction) => Promise<T>): Promise<T>;

  abstract close(): Promise<void>;

  async findGeneration(tenantId: TenantId, id: GenerationId): Promise<GenerationRecord | undefined> {
    const row = await this.#queries
      .selectFrom('generations')
      .selectAll()
      .where('id', '=', id)
      .where('tenant_id', '=', tenantId)
      .executeTakeFirst();
    return row && (await this.#withJobs([row]))[0];
  }

  async listGenerations(query: GenerationQuery): Promise<readonly GenerationRecord[]> {
    const { tenantId, askedBy, state } = query;
    let select = this.#queries.selectFrom('generations').selectAll();
    if (tenantId !== undefined) select = select.where('tenant_id', '=', tenantId);
    if (askedBy !== undefined) select = select.where('asked_by', '=', askedBy);
    if (state !== undefined) select = select.where('state', '=', state);
    // Said in the words of the indexes over what is open, so that they are used.
    if (state === 'queued' || state === 'running') select = select.where(sql<boolean>`state in ('queued', 'running')`);
    if (query.after !== undefined) select = select.where('id', '<', query.after);
    return this.#withJobs(await select.orderBy('id', 'desc').limit(query.limit).execute());
  }

  async findJob(tenantId: TenantId, id: JobId): Promise<JobRecord | undefined> {
    const row = await this.#queries
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
    const rows = await this.#queries
      .selectFrom('attempts')
      .selectAll()
      .where('job_id', '=', id)
      .where('tenant_id', '=', tenantId)
      .orderBy('number')
      .execute();
    return rows.map(attemptFromRow);
  }

  async findAssetByHash(tenantId: TenantId, sha256: ContentHash): Promise<Asset | undefined> {
    const row = await this.#queries
      .selectFrom('assets')
      .selectAll()
      .where('sha256', '=', sha256)
      .where('tenant_id', '=', tenantId)
      .orderBy('id')
      .executeTakeFirst();
    return row && assetFromRow(row);
  }

  async findAsset(tenantId: TenantId, id: AssetId): Promise<Asset | undefined> {
    const row = await this.#queries
      .selectFrom('assets')
      .selectAll()
      .where('id', '=', id)
      .where('tenant_id', '=', tenantId)
      .executeTakeFirst();
    return row && assetFromRow(row);
  }

  async findLinkedAsset(id: AssetId): Promise<Asset | undefined> {
    const select = this.#queries.selectFrom('assets').selectAll().where('id', '=', id);
    const row = await select.executeTakeFirst();
    return row && assetFromRow(row);
  }

  findClientOptions(owner: OptionsOwner): Promise<Readonly<Record<string, unknown>>> {
    return readClientOptions(this.#queries, owner);
  }

  listTemplates(tenantId: TenantId): Promise<readonly Template[]> {
    return readTemplates(this.#queries, tenantId);
  }

  listLoraUploads(): Promise<readonly LoraUpload[]> {
    return readLoraUploads(this.#queries);
  }

  async findResult(tenantId: TenantId, key: string): Promise<Asset | undefined> {
    const row = await this.#queries
      .selectFrom('results')
      .innerJoin('assets', 'assets.id', 'results.asset_id')
      .selectAll('assets')
      .where('results.tenant_id', '=', tenantId)
      .where('results.key', '=', key)
      .executeTakeFirst();
    return row && assetFromRow(row);
  }

  async countJobs(): Promise<{ readonly queued: number; readonly running: number }> {
    const { interactive, standard, bulk } = await this.#open.read();
    return {
      queued: interactive.queued + standard.queued + bulk.queued,
      running: interactive.running + standard.running + bulk.running,
    };
  }

  async #withJobs(generations: readonly GenerationRow[]): Promise<readonly GenerationRecord[]> {
    if (generations.length === 0) return [];
    const ids = generations.map((row) => row.id);
    const jobs = await this.#queries
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
      const rows = await this.#queries.selectFrom('assets').selectAll().where('id', 'in', some).execute();
      for (const row of rows) assets.set(row.id, assetFromRow(row));
    }
    return assets;
  }
}

/** Ids of one `in` list; SQLite allows 32,766 parameters. */
const MAX_IDS = 1_000;
