import { type Kysely, type Selectable, sql } from 'kysely';
import type { OptionsOwner } from '../../application/client-options.ts';
import type { LoraUpload } from '../../application/lora-ports.ts';
import type { Template } from '../../application/manage-templates.ts';
import type {
  AttemptRecord,
  ChangedJob,
  ClaimableJob,
  RememberedResult,
  StoreTransaction,
} from '../../application/ports.ts';
import type { Asset } from '../../domain/asset.ts';
import { assert } from '../../domain/errors.ts';
import type { StoredEvent } from '../../domain/event.ts';
import type { Generation, GenerationState, JobCounts } from '../../domain/generation.ts';
import { groupedBy } from '../../domain/grouped.ts';
import { type AssetId, type GenerationId, generationId, type JobId, jobId, type TenantId } from '../../domain/ids.ts';
import type { Job, QueuedJob, RunningJob } from '../../domain/job.ts';
import { OpenJobs } from './open-jobs.ts';
import { prepared, preparedRows } from './prepared.ts';
import {
  assetFromRow,
  eventToRow,
  generationFromRow,
  generationToRow,
  type JobRow,
  jobChanges,
  jobFromRow,
  jobToRow,
  queuedJobFromRow,
  runningJobFromRow,
} from './rows.ts';
import type { Tables } from './schema.ts';
import { SqlAccess } from './sql-access.ts';
import { SqlAlerts } from './sql-alerts.ts';
import { SqlBulks } from './sql-bulks.ts';
import { saveClientOptions } from './sql-client-options.ts';
import { SqlGallery } from './sql-gallery.ts';
import { addLoraUpload, removeLoraUpload } from './sql-loras.ts';
import { SqlOrders } from './sql-orders.ts';
import { SqlQuality } from './sql-quality.ts';
import { SqlQueue } from './sql-queue.ts';
import { SqlRetention } from './sql-retention.ts';
import { removeTemplate, saveTemplate } from './sql-templates.ts';
import { SqlUsage } from './sql-usage.ts';
import { type Outbox, SqlWebhooks } from './sql-webhooks.ts';

/** What a transaction needs to write events down. */
export interface Journal {
  /** Rising ids, above all that were given out before for the same generation; lost if the transaction is undone. */
  takeIds(count: number): Promise<readonly number[]>;
  /** Makes webhook messages of events. @default none are made */
  readonly outbox: Outbox | undefined;
}

/** Changes inside one piece of work of a transaction. */
export class SqlTransaction implements StoreTransaction {
  readonly queue: SqlQueue;
  readonly access: SqlAccess;
  readonly usage: SqlUsage;
  readonly webhooks: SqlWebhooks;
  readonly gallery: SqlGallery;
  readonly bulks: SqlBulks;
  readonly orders: SqlOrders;
  readonly quality: SqlQuality;
  readonly retention: SqlRetention;
  readonly alerts: SqlAlerts;
  /** What it adds to the numbers of open jobs, once it is committed. */
  readonly openJobs = new OpenJobs();
  /** What readers are to be told, once it is committed. */
  readonly events: (StoredEvent & { readonly id: number })[] = [];
  readonly #queries: Kysely<Tables>;
  readonly #journal: Journal;

  constructor(queries: Kysely<Tables>, journal: Journal) {
    this.queue = new SqlQueue(queries);
    this.access = new SqlAccess(queries);
    this.usage = new SqlUsage(queries);
    this.webhooks = new SqlWebhooks(queries);
    this.bulks = new SqlBulks(queries);
    this.orders = new SqlOrders(queries);
    this.quality = new SqlQuality(queries);
    this.retention = new SqlRetention(queries);
    this.alerts = new SqlAlerts(queries);
    this.gallery = new SqlGallery(queries);
    this.#queries = queries;
    this.#journal = journal;
  }

  saveTemplate(template: Template): Promise<void> {
    return saveTemplate(this.#queries, template);
  }

  removeTemplate(which: Pick<Template, 'tenantId' | 'name'>): Promise<void> {
    return removeTemplate(this.#queries, which);
  }

  addLoraUpload(upload: LoraUpload): Promise<LoraUpload | undefined> {
    return addLoraUpload(this.#queries, upload);
  }

  removeLoraUpload(which: Pick<LoraUpload, 'tenantId' | 'name'>): Promise<LoraUpload | undefined> {
    return removeLoraUpload(this.#queries, which);
  }

  saveClientOptions(owner: OptionsOwner, options: Readonly<Record<string, unknown>>): Promise<void> {
    return saveClientOptions(this.#queries, owner, options);
  }

  async insertGeneration(generation: Generation, jobs: readonly QueuedJob[]): Promise<void> {
    const counts = { queued: jobs.length, running: 0, succeeded: 0, failed: 0, cancelled: 0 };
    await insertGeneration(this.#queries, generationToRow(generation, counts));
    await insertJobs(this.#queries, jobs.map(jobToRow));
    for (const job of jobs) this.openJobs.enter(job);
  }

  async loadJob(tenantId: TenantId, id: JobId): Promise<Job | undefined> {
    const [row] = (await selectJob(this.#queries, { id, tenantId })).rows;
    return row && jobFromRow(row);
  }

  async loadOpenJobs(tenantId: TenantId, id: GenerationId): Promise<readonly Job[]> {
    const rows = await this.#queries
      .selectFrom('jobs')
      .selectAll()
      .where('generation_id', '=', id)
      .where('tenant_id', '=', tenantId)
      .where('state', 'in', ['queued', 'running'])
      .orderBy('position')
      .execute();
    return rows.map(jobFromRow);
  }

  async loadClaimable(ids: readonly JobId[]): Promise<readonly ClaimableJob[]> {
    if (ids.length === 0) return [];
    const rows = await this.#queries
      .selectFrom('jobs')
      .selectAll()
      .where('id', 'in', filledUp(ids))
      .where('state', '=', 'queued')
      .execute();
    if (rows.length === 0) return [];
    const generations = await this.#generationsOf(rows);
    rows.sort((a, b) => ids.indexOf(jobId(a.id)) - ids.indexOf(jobId(b.id)));
    return rows.map((row) => {
      const generation = generations.get(row.generation_id);
      assert(generation !== undefined, `job ${row.id} belongs to no generation`);
      return { job: queuedJobFromRow(row), generation };
    });
  }

  async loadExpired(query: { readonly now: number; readonly limit: number }): Promise<readonly RunningJob[]> {
    const rows = await this.#queries
      .selectFrom('jobs')
      .selectAll()
      .where(sql.ref('state'), '=', sql.lit('running'))
      .where('lease_expires_at', '<=', query.now)
      .orderBy('lease_expires_at')
      .limit(query.limit)
      .execute();
    return rows.map(runningJobFromRow);
  }

  async loadRunning(query: { readonly limit: number }): Promise<readonly RunningJob[]> {
    return this.loadExpired({ now: Number.MAX_SAFE_INTEGER, limit: query.limit });
  }

  /** Compare-and-set on (id, state, lease token). */
  async saveJob(before: Job, after: Job): Promise<boolean> {
    const of = { idOf: before.id, stateBefore: before.state, tokenBefore: before.lastToken };
    const { numAffectedRows } = await updateJob(this.#queries, { ...jobChanges(after), ...of });
    if (numAffectedRows !== 1n) return false;
    this.openJobs.leave(before);
    this.openJobs.enter(after);
    return true;
  }

  async saveJobs(changes: readonly ChangedJob[]): Promise<ReadonlySet<JobId>> {
    const [first] = changes;
    if (first !== undefined && changes.length === 1) {
      return new Set((await this.saveJob(first.before, first.after)) ? [first.before.id] : []);
    }
    const saved = await saveAlike(this.#queries, changes);
    const done = changes.filter(({ before }) => saved.has(before.id));
    for (const { before, after } of done) {
      this.openJobs.leave(before);
      this.openJobs.enter(after);
    }
    return new Set(done.map(({ before }) => before.id));
  }

  async moveCounts(
    jobs: ReadonlyMap<GenerationId, number>,
    from: keyof JobCounts,
    to: keyof JobCounts,
  ): Promise<ReadonlyMap<GenerationId, { readonly counts: JobCounts; readonly state: GenerationState }>> {
    const moved = new Map<GenerationId, { readonly counts: JobCounts; readonly state: GenerationState }>();
    for (const [by, ids] of groupedBy(jobs.keys(), (id) => jobs.get(id) ?? 0)) {
      const { rows } = await countMoves(from, to)(
        this.#queries,
        filledUp(ids).map((id) => ({ id, by })),
      );
      for (const row of rows)
        moved.set(generationId(row.id), { counts: countsOf(row), state: row.state as GenerationState });
    }
    for (const id of jobs.keys()) assert(moved.has(id), `there is no generation ${id}`);
    return moved;
  }

  async setGenerationState(id: GenerationId, state: GenerationState, finishedAt: number | undefined): Promise<void> {
    await updateGenerationState(this.#queries, { id, state, finishedAt: finishedAt ?? null });
  }

  async addAttempt(attempt: AttemptRecord): Promise<void> {
    await insertAttempt(this.#queries, {
      tenant_id: attempt.tenantId,
      job_id: attempt.jobId,
      number: attempt.number,
      started_at: attempt.startedAt,
      finished_at: attempt.finishedAt,
      outcome: attempt.outcome,
      fault: attempt.fault === undefined ? null : JSON.stringify(attempt.fault),
    });
  }

  async addAsset(asset: Asset): Promise<void> {
    await insertAsset(this.#queries, {
      id: asset.id,
      tenant_id: asset.tenantId,
      sha256: asset.sha256,
      media_type: asset.mediaType,
      size_bytes: asset.sizeBytes,
      width: asset.width,
      height: asset.height,
      created_at: asset.createdAt,
    });
  }

  async loadAsset(tenantId: TenantId, id: AssetId): Promise<Asset | undefined> {
    const row = await this.#queries
      .selectFrom('assets')
      .selectAll()
      .where('id', '=', id)
      .where('tenant_id', '=', tenantId)
      .executeTakeFirst();
    return row && assetFromRow(row);
  }

  async rememberResult({ tenantId, key, assetId, at }: RememberedResult, maxEntries: number): Promise<void> {
    await this.#queries
      .insertInto('results')
      .values({ tenant_id: tenantId, key, asset_id: assetId, created_at: at })
      .onConflict((conflict) =>
        conflict.columns(['tenant_id', 'key']).doUpdateSet({ asset_id: assetId, created_at: at }),
      )
      .execute();
    const oldest = this.#queries
      .selectFrom('results')
      .select('created_at')
      .orderBy('created_at', 'desc')
      .limit(1)
      .offset(maxEntries);
    await this.#queries.deleteFrom('results').where('created_at', '<=', oldest).where('key', '!=', key).execute();
  }

  async appendEvents(events: readonly StoredEvent[]): Promise<void> {
    if (events.length === 0) return;
    const ids = await this.#journal.takeIds(events.length);
    const numbered = events.map((event, i) => ({ ...event, id: ids[i] ?? 0 }));
    const rows = numbered.map(({ id, ...event }) => eventToRow(id, event));
    await insertEvents(this.#queries, rows);
    this.events.push(...numbered);
    if (this.#journal.outbox !== undefined) await this.webhooks.fill(numbered, this.#journal.outbox);
  }

  async #generationsOf(rows: readonly JobRow[]): Promise<Map<string, Generation>> {
    const ids = [...new Set(rows.map((row) => row.generation_id))];
    const found = await this.#queries.selectFrom('generations').selectAll().where('id', 'in', ids).execute();
    return new Map(found.map((row) => [row.id, generationFromRow(row)]));
  }
}

const selectJob = prepared((queries, { id, tenantId }: { readonly id: string; readonly tenantId: string }) =>
  queries.selectFrom('jobs').selectAll().where('id', '=', id).where('tenant_id', '=', tenantId),
);

const updateJob = prepared(
  (
    queries,
    {
      idOf,
      stateBefore,
      tokenBefore,
      ...changes
    }: ReturnType<typeof jobChanges> & {
      readonly idOf: string;
      readonly stateBefore: string;
      readonly tokenBefore: number;
    },
  ) =>
    queries
      .updateTable('jobs')
      .set(changes)
      .where('id', '=', idOf)
      .where('state', '=', stateBefore)
      .where('lease_token', '=', tokenBefore),
);

const insertGeneration = prepared((queries, row: ReturnType<typeof generationToRow>) =>
  queries.insertInto('generations').values(row),
);
const insertJobs = preparedRows((queries, rows: readonly JobRow[]) => queries.insertInto('jobs').values(rows));
const insertAttempt = prepared((queries, row: Selectable<Tables['attempts']>) =>
  queries.insertInto('attempts').values(row),
);
const insertAsset = prepared((queries, row: Selectable<Tables['assets']>) => queries.insertInto('assets').values(row));
const insertEvents = preparedRows((queries, rows: readonly Selectable<Tables['events']>[]) =>
  queries.insertInto('events').values(rows),
);

const updateGenerationState = prepared(
  (
    queries,
    { id, state, finishedAt }: { readonly id: string; readonly state: string; readonly finishedAt: number | null },
  ) => queries.updateTable('generations').set({ state, finished_at: finishedAt }).where('id', '=', id),
);

/** Saves jobs with one statement for all that change alike; gives the ids of those that were saved. */
async function saveAlike(queries: Kysely<Tables>, changes: readonly ChangedJob[]): Promise<ReadonlySet<string>> {
  const saved = new Set<string>();
  for (const alike of groupedBy(changes, (change) => JSON.stringify(differenceOf(change))).values()) {
    const [first] = alike;
    if (first === undefined) continue;
    const { state, token, values } = differenceOf(first);
    const ids = filledUp(alike.map(({ before }) => before.id));
    const update = queries.updateTable('jobs').set(values).where('id', 'in', ids).where('state', '=', state);
    const rows = await update.where('lease_token', '=', token).returning('id').execute();
    for (const { id } of rows) saved.add(id);
  }
  return saved;
}

/** What a change writes, and what the job must be like before. */
function differenceOf({ before, after }: ChangedJob) {
  const old: Readonly<Record<string, unknown>> = jobChanges(before);
  // A job that was laid out is ready in a way that it does not know of itself.
  const changed = Object.entries(jobChanges(after)).filter(([name, value]) => name === 'ready' || old[name] !== value);
  return { state: before.state, token: before.lastToken, values: Object.fromEntries(changed) };
}

/** Repeats the last until there are 1, 2, 4, 8 …, so that few statements differ by the length of their lists alone. */
function filledUp<T>(list: readonly T[]): readonly T[] {
  const length = 2 ** Math.ceil(Math.log2(Math.max(1, list.length)));
  return [...list, ...Array.from({ length: length - list.length }, () => list.at(-1) as T)];
}

function countsOf(row: Pick<Selectable<Tables['generations']>, `jobs_${keyof JobCounts}`>): JobCounts {
  return {
    queued: row.jobs_queued,
    running: row.jobs_running,
    succeeded: row.jobs_succeeded,
    failed: row.jobs_failed,
    cancelled: row.jobs_cancelled,
  };
}

/** The statement that counts jobs of generations elsewhere, as many of each. */
function countMoves(from: keyof JobCounts, to: keyof JobCounts): ReturnType<typeof countMove> {
  const name = `${from} ${to}`;
  const known = moves.get(name) ?? countMove(from, to);
  moves.set(name, known);
  return known;
}

function countMove(from: keyof JobCounts, to: keyof JobCounts) {
  const [less, more] = [`jobs_${from}` as const, `jobs_${to}` as const];
  return preparedRows((queries, rows: readonly { readonly id: string; readonly by: number }[]) =>
    queries
      .updateTable('generations')
      .set((set) => ({ [less]: set(less, '-', rows[0]?.by ?? 0), [more]: set(more, '+', rows[0]?.by ?? 0) }))
      .where(
        'id',
        'in',
        rows.map(({ id }) => id),
      )
      .returning(['id', 'state', 'jobs_queued', 'jobs_running', 'jobs_succeeded', 'jobs_failed', 'jobs_cancelled']),
  );
}

const moves = new Map<string, ReturnType<typeof countMove>>();

/** Moves the highest event id that was given out; gives where it is now. */
export async function raiseEventIds(queries: Kysely<Tables>, by: number): Promise<number> {
  const { value } = await queries
    .insertInto('counters')
    .values({ name: 'event_ids', value: by })
    .onConflict((conflict) => conflict.column('name').doUpdateSet((set) => ({ value: set('counters.value', '+', by) })))
    .returning('value')
    .executeTakeFirstOrThrow();
  return value;
}
