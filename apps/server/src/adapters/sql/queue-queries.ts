import { type Kysely, sql } from 'kysely';
import type {
  AheadOf,
  ClassCounts,
  DeadLetterQuery,
  IdempotencyRecord,
  OfferedJob,
  QueueFacts,
  QueueReader,
  WhichReady,
} from '../../application/queue-ports.ts';
import { generationId, jobId, type TenantId, tenantId } from '../../domain/ids.ts';
import type { Job, PriorityClass, QueuedJob } from '../../domain/job.ts';
import type { CostRecord } from '../../domain/scheduling/cost-model.ts';
import { modelOfShapeKey } from '../../domain/scheduling/shape-key.ts';
import type { OpenJobNumbers } from './open-jobs.ts';
import { jobFromRow, priorityFromRank, rankOf } from './rows.ts';
import type { Tables } from './schema.ts';

/** Questions about the queue, put to a connection that only reads. */
export function createQueueReader(queries: Kysely<Tables>, open: OpenJobNumbers): QueueReader {
  return {
    hasReady: (now, which) => readHasReady(queries, now, which),
    hasExpired: (now) => readHasExpired(queries, now),
    facts: () => readFacts(queries, open),
    isPaused: () => readIsPaused(queries),
    aheadOf: (job) => readAheadOf(queries, job),
    deadLetters: (query) => loadDeadLetters(queries, query),
    costs: () => readCosts(queries),
    runningByWorker: () => readRunningByWorker(queries),
    waitingModels: () => readWaitingModels(queries),
    offered: ({ limit }) => readOffered(queries, limit),
    findIdempotencyKey: (tenant, key) => findIdempotencyKey(queries, tenant, key),
  };
}

/** Keyset pages over the index `jobs_dead_letters`, newest first. */
export async function loadDeadLetters(queries: Kysely<Tables>, query: DeadLetterQuery): Promise<readonly Job[]> {
  let select = queries
    .selectFrom('jobs')
    .selectAll()
    .where(sql<boolean>`state in ('dead', 'failed')`)
    .where('state', '=', query.state);
  if (query.tenantId !== undefined) select = select.where('tenant_id', '=', query.tenantId);
  if (query.askedBy !== undefined) {
    select = select.where(sql<boolean>`(
      select asked_by from generations where generations.id = jobs.generation_id
    ) = ${query.askedBy}`);
  }
  if (query.after !== undefined) select = select.where('id', '<', query.after);
  if (query.generationId !== undefined) select = select.where('generation_id', '=', query.generationId);
  // The text that JSON.stringify writes: `code` is the first key of a fault.
  if (query.code !== undefined) {
    const start = `{"code":${JSON.stringify(query.code)},`;
    select = select.where(sql`substr(fault, 1, ${sql.lit(start.length)})`, '=', start);
  }
  return (await select.orderBy('id', 'desc').limit(query.limit).execute()).map(jobFromRow);
}

export async function findIdempotencyKey(
  queries: Kysely<Tables>,
  tenant: TenantId,
  key: string,
): Promise<IdempotencyRecord | undefined> {
  const row = await queries
    .selectFrom('idempotency_keys')
    .selectAll()
    .where('tenant_id', '=', tenant)
    .where('key', '=', key)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  return {
    tenantId: tenantId(row.tenant_id),
    key: row.key,
    bodyHash: row.body_hash,
    generationId: generationId(row.generation_id),
    expiresAt: row.expires_at,
  };
}

async function readIsPaused(queries: Kysely<Tables>): Promise<boolean> {
  const pauses = queries.selectFrom('queue_pauses').select('part').where('part', '=', 'all');
  return (await pauses.executeTakeFirst()) !== undefined;
}

/** The kept numbers, and short looks at indexes for the rest. The `+` keeps SQLite on the index of the pauses. */
async function readFacts(queries: Kysely<Tables>, open: OpenJobNumbers): Promise<QueueFacts> {
  const { rows } = await sql<{ paused_since: number | null; dead: number }>`
    select (select since from queue_pauses where part = 'all') as paused_since,
      (select count(*) from jobs where state in ('dead', 'failed') and state = 'dead') as dead
  `.execute(queries);
  const heldBack = await sql<{ priority: number; jobs: number }>`
    select +priority as priority, count(*) as jobs from jobs
    where state = 'queued' and ready = 0 and not_before > 0 group by +priority
  `.execute(queries);
  const numbers = await open.read();
  const countsOf = async (priority: PriorityClass): Promise<ClassCounts> => {
    const oldest = await sql<{ created_at: number }>`
      select created_at from jobs where state = 'queued' and priority = ${rankOf(priority)}
      order by created_at limit 1
    `.execute(queries);
    const { queued, running, costMs } = numbers[priority];
    const backingOff = heldBack.rows.find((row) => row.priority === rankOf(priority))?.jobs ?? 0;
    return {
      // The numbers are kept apart from the rows, so a retry that is just coming back may be in both.
      queued: Math.max(0, queued - backingOff),
      ...{ backingOff, running, costMs },
      oldestAt: oldest.rows[0]?.created_at,
    };
  };
  return {
    pausedSince: rows[0]?.paused_since ?? undefined,
    classes: {
      interactive: await countsOf('interactive'),
      standard: await countsOf('standard'),
      bulk: await countsOf('bulk'),
    },
    dead: rows[0]?.dead ?? 0,
  };
}

/** With models, the first in line are looked through; that one is due may be true of another model. */
async function readHasReady(queries: Kysely<Tables>, now: number, { only, models }: WhichReady = {}): Promise<boolean> {
  const ofClass = only === undefined ? sql`` : sql`and priority = ${rankOf(only)}`;
  const ready = sql`select id, shape_key from jobs where state = 'queued' and ready = 1 ${ofClass}`;
  const wanted =
    models === undefined
      ? sql`${ready} limit 1`
      : sql`
        select id from (${ready} order by priority, start_tag, id limit ${MOST_PASSED_OVER_MODELS}) as head
        where ${ofModels(models)} limit 1`;
  const { rows } = await sql<{ id: string }>`
    select id from (${wanted}) as ready
    union all
    select id from (
      select id from jobs where state = 'queued' and ready = 0 and not_before <= ${now} ${ofClass} limit 1
    ) as due
  `.execute(queries);
  return rows.length > 0;
}

async function readHasExpired(queries: Kysely<Tables>, now: number): Promise<boolean> {
  const { rows } = await sql`
    select id from jobs where state = 'running' and lease_expires_at <= ${now} limit 1
  `.execute(queries);
  return rows.length > 0;
}

/** Reads no more than the counted part of the index `jobs_queue`. */
async function readAheadOf(queries: Kysely<Tables>, job: QueuedJob): Promise<AheadOf> {
  const rank = rankOf(job.priority);
  const { rows } = await sql<{ jobs: number; cost_ms: number }>`
    select count(*) as jobs, coalesce(sum(cost_ms), 0) as cost_ms from (
      select * from (
        select cost_ms from jobs
        where state = 'queued' and ready = 1 and priority < ${rank} limit ${MOST_COUNTED}
      ) as higher
      union all
      select * from (
        select cost_ms from jobs
        where state = 'queued' and ready = 1 and priority = ${rank}
          and (start_tag, id) < (${job.place.startTag}, ${job.id})
        limit ${MOST_COUNTED}
      ) as earlier
    ) as ahead
  `.execute(queries);
  const jobs = rows[0]?.jobs ?? 0;
  return { jobs, isLimitReached: jobs >= MOST_COUNTED, costMs: rows[0]?.cost_ms ?? 0 };
}

/** No more of each class than are counted elsewhere, the first in line. */
async function readWaitingModels(queries: Kysely<Tables>): Promise<ReadonlyMap<string, number>> {
  const first = (rank: number) => sql`
    select * from (
      select shape_key from jobs where state = 'queued' and ready = 1 and priority = ${sql.lit(rank)}
      order by start_tag, id limit ${MOST_COUNTED}
    ) as class_${sql.raw(String(rank))}`;
  const { rows } = await sql<{ shape_key: string; jobs: number }>`
    select shape_key, count(*) as jobs from (
      ${sql.join([0, 1, 2].map(first), sql` union all `)}
      union all
      select * from (
        select shape_key from jobs where state = 'queued' and ready = 2 order by id limit ${MOST_COUNTED}
      ) as laid_out
    ) as waiting group by shape_key
  `.execute(queries);
  const models = new Map<string, number>();
  for (const { shape_key: key, jobs } of rows) {
    const model = modelOfShapeKey(key);
    models.set(model, (models.get(model) ?? 0) + jobs);
  }
  return models;
}

interface OfferedRow {
  readonly id: string;
  readonly tenant_id: string;
  readonly priority: number;
  readonly lease_token: number;
  readonly shape_key: string;
}

/** The index `jobs_offered` holds no others. */
async function readOffered(queries: Kysely<Tables>, limit: number): Promise<readonly OfferedJob[]> {
  const { rows } = await sql<OfferedRow>`
    select id, tenant_id, priority, lease_token, shape_key from jobs
    where state = 'queued' and ready = 2 order by id limit ${limit}
  `.execute(queries);
  return rows.map((row) => ({
    jobId: jobId(row.id),
    tenantId: tenantId(row.tenant_id),
    priority: priorityFromRank(row.priority),
    model: modelOfShapeKey(row.shape_key),
    lastToken: row.lease_token,
  }));
}

/** Over the index `jobs_leases`. */
async function readRunningByWorker(queries: Kysely<Tables>): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql<{ worker_id: string; running: number }>`
    select worker_id, count(*) as running from jobs where state = 'running' group by worker_id
  `.execute(queries);
  return new Map(rows.map((row) => [row.worker_id, Number(row.running)]));
}

async function readCosts(queries: Kysely<Tables>): Promise<readonly CostRecord[]> {
  const rows = await queries.selectFrom('costs').selectAll().execute();
  return rows.map((row) => ({
    device: row.device,
    model: row.model,
    pixels: row.pixels,
    msPerStep: row.ms_per_step,
    fixedMs: row.fixed_ms,
    count: row.count,
  }));
}

const MOST_COUNTED = 10_000;

/** Jobs looked at for one whose model a worker has. */
export const MOST_PASSED_OVER_MODELS = 20_000;

/** By the end of the key; one more than asked for may match, where a name has a blank in it. */
export function ofModels(models: ReadonlySet<string>) {
  if (models.size === 0) return sql`1 = 0`;
  const patterns = [...models].map((name) => `% ${name.replace(/[!%_]/g, '!$&')}`);
  return sql`(${sql.join(
    patterns.map((pattern) => sql`shape_key like ${pattern} escape '!'`),
    sql` or `,
  )})`;
}
