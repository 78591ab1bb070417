import { type Kysely, type RawBuilder, sql } from 'kysely';
import type {
  AccountKey,
  ClassState,
  DeadLetterQuery,
  IdempotencyRecord,
  QueueState,
  QueueTransaction,
} from '../../application/queue-ports.ts';
import { assert } from '../../domain/errors.ts';
import { type JobId, type KeyId, keyId, type TenantId } from '../../domain/ids.ts';
import type { Job, PriorityClass } from '../../domain/job.ts';
import type { Candidate } from '../../domain/scheduling/batch.ts';
import type { CostRecord } from '../../domain/scheduling/cost-model.ts';
import { modelOfShapeKey } from '../../domain/scheduling/shape-key.ts';
import { findIdempotencyKey, loadDeadLetters, MOST_PASSED_OVER_MODELS, ofModels } from './queue-queries.ts';
import { priorityFromRank, rankOf } from './rows.ts';
import { HELD_UNTIL, type Tables } from './schema.ts';

/** Conditions of partial indexes are written as literals: SQLite uses such an index only for a condition it can see. */
export class SqlQueue implements QueueTransaction {
  readonly #queries: Kysely<Tables>;

  constructor(queries: Kysely<Tables>) {
    this.#queries = queries;
  }

  async state(): Promise<QueueState> {
    const { rows } = await sql<StateRow>`
      select priority, virtual_time, served_ms,
        (select since from queue_pauses where part = 'all') as paused_since,
        exists (
          select 1 from jobs where state = 'queued' and ready = 1 and jobs.priority = fair_classes.priority
        ) as is_waiting
      from fair_classes order by priority
    `.execute(this.#queries);
    assert(rows.length === 3, 'there are three classes');
    const classes = rows.map((row): [PriorityClass, ClassState] => [
      priorityFromRank(row.priority),
      { virtualTime: row.virtual_time, servedMs: row.served_ms, isWaiting: Boolean(row.is_waiting) },
    ]);
    return {
      pausedSince: rows[0]?.paused_since ?? undefined,
      classes: Object.fromEntries(classes) as Record<PriorityClass, ClassState>,
    };
  }

  async saveClass(priority: PriorityClass, state: Pick<ClassState, 'virtualTime' | 'servedMs'>): Promise<void> {
    await sql`
      update fair_classes set virtual_time = ${state.virtualTime}, served_ms = ${state.servedMs}
      where priority = ${rankOf(priority)}
    `.execute(this.#queries);
  }

  async setPaused(since: number | undefined): Promise<void> {
    if (since === undefined) {
      await sql`delete from queue_pauses where part = 'all'`.execute(this.#queries);
      return;
    }
    await sql`
      insert into queue_pauses (part, since) values ('all', ${since}) on conflict (part) do nothing
    `.execute(this.#queries);
  }

  /** A range of the index `jobs_back_off`; empty when no pause is over. */
  async readyDue(now: number): Promise<number> {
    const { numAffectedRows } = await sql`
      update jobs set ready = 1
      where id in (
        select id from jobs where state = 'queued' and ready = 0 and not_before <= ${now}
        order by not_before limit ${MOST_READIED}
      )
    `.execute(this.#queries);
    return Number(numAffectedRows ?? 0);
  }

  /** Only a clock that was put back leaves a pause that is longer than it was made; what a bulk holds back has no end. */
  async readyImpossible(now: number, slackMs: number): Promise<number> {
    const { numAffectedRows } = await sql`
      update jobs set ready = 1, not_before = ${now}
      where id in (
        select id from jobs where state = 'queued' and ready = 0 and not_before > ${now + slackMs} + back_off_ms
          and not_before < ${HELD_UNTIL}
        order by not_before limit ${MOST_READIED}
      )
    `.execute(this.#queries);
    return Number(numAffectedRows ?? 0);
  }

  /** The head of the index `jobs_queue`: flat in the length of the queue, also when tenants are passed over. */
  async candidates(query: {
    readonly priority: PriorityClass;
    readonly limit: number;
    readonly without: readonly TenantId[];
    readonly withoutKeys?: readonly KeyId[] | undefined;
    readonly models?: ReadonlySet<string> | undefined;
  }): Promise<readonly Candidate[]> {
    const { without, withoutKeys = [], models } = query;
    const head = (limit: number) => sql`
      select id, tenant_id, start_tag, shape_key from jobs
      where state = 'queued' and ready = 1 and priority = ${rankOf(query.priority)}
      order by start_tag, id limit ${limit}`;
    const select =
      without.length === 0 && withoutKeys.length === 0
        ? head(query.limit)
        : sql`
          select * from (${head(MOST_PASSED_OVER)}) as head
          where ${without.length === 0 ? sql`1 = 1` : sql`tenant_id not in (${sql.join(without)})`}
            ${withoutKeys.length === 0 ? sql`` : sql`and ${askedByNone(withoutKeys)}`}
          order by start_tag, id limit ${query.limit}`;
    const found = await this.#candidates(select);
    if (models === undefined || found.every(({ model }) => models.has(model))) return found;
    if (models.size === 0) return [];
    const drawn = sql`
      select * from (${head(MOST_PASSED_OVER_MODELS)}) as head
      where ${ofModels(models)}
        ${without.length === 0 ? sql`` : sql`and tenant_id not in (${sql.join(without)})`}
        ${withoutKeys.length === 0 ? sql`` : sql`and ${askedByNone(withoutKeys)}`}
      order by start_tag, id limit ${query.limit}`;
    return (await this.#candidates(drawn)).filter(({ model }) => models.has(model));
  }

  async #candidates(select: RawBuilder<unknown>): Promise<readonly Candidate[]> {
    const { rows } = await sql<CandidateRow>`${select}`.execute(this.#queries);
    return rows.map((row) => ({
      id: row.id,
      tenantId: row.tenant_id,
      startTag: row.start_tag,
      model: modelOfShapeKey(row.shape_key),
      shapeKey: row.shape_key,
    }));
  }

  async keysOf(jobs: readonly string[], keys: readonly KeyId[]): Promise<ReadonlyMap<string, KeyId>> {
    if (jobs.length === 0 || keys.length === 0) return new Map();
    const { rows } = await sql<{ job_id: string; key_id: string }>`
      select job_id, key_id from reservations where job_id in (${sql.join(jobs)}) and key_id in (${sql.join(keys)})
    `.execute(this.#queries);
    return new Map(rows.map((row) => [row.job_id, keyId(row.key_id)]));
  }

  async runningByKey(keys: readonly KeyId[]): Promise<ReadonlyMap<KeyId, number>> {
    if (keys.length === 0) return new Map();
    const { rows } = await sql<{ key_id: string; running: number }>`
      select key_id, count(*) as running from jobs inner join reservations on reservations.job_id = jobs.id
      where (jobs.state = 'running' or (jobs.state = 'queued' and jobs.ready = 2)) and key_id in (${sql.join(keys)})
      group by key_id
    `.execute(this.#queries);
    return new Map(rows.map((row) => [keyId(row.key_id), Number(row.running)]));
  }

  async runningByTenant(): Promise<ReadonlyMap<string, number>> {
    const { rows } = await sql<{ tenant_id: string; running: number }>`
      select tenant_id, count(*) as running from (
        select tenant_id from jobs where state = 'running'
        union all
        select tenant_id from jobs where state = 'queued' and ready = 2
      ) as busy group by tenant_id
    `.execute(this.#queries);
    return new Map(rows.map((row) => [row.tenant_id, row.running]));
  }

  async markOffered(ids: readonly JobId[]): Promise<void> {
    if (ids.length === 0) return;
    await sql`
      update jobs set ready = 2 where id in (${sql.join(ids)}) and state = 'queued' and ready = 1
    `.execute(this.#queries);
  }

  async takeBack(ids?: readonly JobId[]): Promise<number> {
    if (ids?.length === 0) return 0;
    const named = ids === undefined ? sql`` : sql`and id in (${sql.join(ids)})`;
    const { numAffectedRows } = await sql`
      update jobs set ready = 1 where state = 'queued' and ready = 2 ${named}
    `.execute(this.#queries);
    return Number(numAffectedRows ?? 0);
  }

  async account({ tenantId, priority }: AccountKey): Promise<{ virtualTime: number; account: number }> {
    const rank = rankOf(priority);
    const { rows } = await sql<{ virtual_time: number; account: number | null }>`
      select virtual_time,
        (select account from fair_accounts where tenant_id = ${tenantId} and priority = ${rank}) as account
      from fair_classes where priority = ${rank}
    `.execute(this.#queries);
    const [row] = rows;
    assert(row !== undefined, `there is no class ${priority}`);
    return { virtualTime: row.virtual_time, account: row.account ?? 0 };
  }

  async saveAccount({ tenantId, priority }: AccountKey, account: number): Promise<void> {
    await sql`
      insert into fair_accounts (tenant_id, priority, account) values (${tenantId}, ${rankOf(priority)}, ${account})
      on conflict (tenant_id, priority) do update set account = excluded.account
    `.execute(this.#queries);
  }

  async refund({ tenantId, priority }: AccountKey, ms: number): Promise<void> {
    await sql`
      update fair_accounts set account = account - ${ms}
      where tenant_id = ${tenantId} and priority = ${rankOf(priority)}
    `.execute(this.#queries);
  }

  async saveCost({ device, model, pixels, msPerStep, fixedMs, count }: CostRecord): Promise<void> {
    await sql`
      insert into costs (device, model, pixels, ms_per_step, fixed_ms, count)
      values (${device}, ${model}, ${pixels}, ${msPerStep}, ${fixedMs}, ${count})
      on conflict (device, model, pixels) do update set
        ms_per_step = excluded.ms_per_step, fixed_ms = excluded.fixed_ms, count = excluded.count
    `.execute(this.#queries);
  }

  deadLetters(query: DeadLetterQuery): Promise<readonly Job[]> {
    return loadDeadLetters(this.#queries, query);
  }

  findIdempotencyKey(tenantId: TenantId, key: string): Promise<IdempotencyRecord | undefined> {
    return findIdempotencyKey(this.#queries, tenantId, key);
  }

  async saveIdempotencyKey(record: IdempotencyRecord): Promise<void> {
    const { tenantId, key, bodyHash, generationId, expiresAt } = record;
    await sql`
      insert into idempotency_keys (tenant_id, key, body_hash, generation_id, expires_at)
      values (${tenantId}, ${key}, ${bodyHash}, ${generationId}, ${expiresAt})
      on conflict (tenant_id, key) do update set
        body_hash = excluded.body_hash, generation_id = excluded.generation_id, expires_at = excluded.expires_at
    `.execute(this.#queries);
  }

  async forgetIdempotencyKeys(query: { readonly now: number; readonly limit: number }): Promise<number> {
    const { numAffectedRows } = await sql`
      delete from idempotency_keys where (tenant_id, key) in (
        select tenant_id, key from idempotency_keys where expires_at <= ${query.now} limit ${query.limit}
      )
    `.execute(this.#queries);
    return Number(numAffectedRows ?? 0);
  }
}

/** Jobs of the head of the queue that none of the keys asked for. */
function askedByNone(keys: readonly KeyId[]) {
  return sql`not exists (
    select 1 from reservations where reservations.job_id = head.id and key_id in (${sql.join(keys)})
  )`;
}

interface StateRow {
  readonly priority: number;
  readonly virtual_time: number;
  readonly served_ms: number;
  readonly paused_since: number | null;
  readonly is_waiting: number | boolean;
}

interface CandidateRow {
  readonly id: string;
  readonly tenant_id: string;
  readonly start_tag: number;
  readonly shape_key: string;
}

/** Jobs that one claim gives their place back; the rest follow with the next claims. */
const MOST_READIED = 1_000;
/** Jobs looked at for one of a tenant that may start more. Fair tags put every tenant's first job near the head. */
const MOST_PASSED_OVER = 2_000;
