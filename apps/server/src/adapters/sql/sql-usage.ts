import { type Kysely, type Selectable, sql } from 'kysely';
import {
  type Reservation,
  type SubjectCounter,
  type UsageGroup,
  type UsageQuery,
  type UsageReader,
  type UsageRow,
  type UsageTransaction,
  usageGroups,
} from '../../application/usage-ports.ts';
import type { Period } from '../../domain/access/quota.ts';
import type { Prices, UsageAmounts, UsageKey } from '../../domain/access/usage.ts';
import type { Budget } from '../../domain/cost/budget.ts';
import { type JobId, jobId, type TenantId, tenantId } from '../../domain/ids.ts';
import { prepared, preparedRows } from './prepared.ts';
import type { Tables } from './schema.ts';
import type { QuotaCountersTable, ReservationsTable } from './tenant-schema.ts';

/** Questions about quotas and usage. */
export class SqlUsageReader implements UsageReader {
  protected readonly queries: Kysely<Tables>;

  constructor(queries: Kysely<Tables>) {
    this.queries = queries;
  }

  async counters(tenant: TenantId, subject: string, periods: readonly Period[]): Promise<readonly SubjectCounter[]> {
    const rows = await this.queries
      .selectFrom('quota_counters')
      .selectAll()
      .where('tenant_id', '=', tenant)
      .where('subject', '=', subject)
      .where('period', 'in', periods)
      .execute();
    return rows.map(counterFromRow);
  }

  /** Sums are numbers on both databases: PostgreSQL gives sums of `bigint` as text otherwise. */
  async usage({ tenantId: tenant, fromDay, toDay, groupBy }: UsageQuery): Promise<readonly UsageRow[]> {
    const groups = usageGroups.filter((group) => groupBy.includes(group));
    const columns = groups.map((group) => sql.ref(columnOf[group]));
    const sums = sql`
      cast(sum(requests) as double precision) as requests, cast(sum(pictures) as double precision) as pictures,
      cast(sum(failed) as double precision) as failed,
      cast(sum(rejected) as double precision) as rejected, sum(device_ms) as device_ms, sum(cost_micros) as cost_micros`;
    const { rows } = await sql<SumRow>`
      select ${sql.join([...columns, sums])} from usage_days
      where day between ${fromDay} and ${toDay} ${tenant === undefined ? sql`` : sql`and tenant_id = ${tenant}`}
      ${columns.length === 0 ? sql`having count(*) > 0` : sql`group by ${sql.join(columns)} order by ${sql.join(columns)}`}
    `.execute(this.queries);
    return rows.map(usageFromRow);
  }

  async prices(): Promise<Prices | undefined> {
    const [row] = (await selectPrices(this.queries, {})).rows;
    if (row === undefined) return undefined;
    const { currency, per_picture: perPicture, per_device_second: perDeviceSecond } = row;
    return { currency, perPicture, perDeviceSecond, hostedPerPicture: row.hosted_per_picture ?? undefined };
  }

  async budgetOf(tenant: TenantId): Promise<Budget | undefined> {
    const [row] = (await selectBudget(this.queries, { tenant })).rows;
    return row && { soft: row.soft ?? undefined, hard: row.hard ?? undefined };
  }

  async softBudgets(): Promise<readonly { readonly tenantId: TenantId; readonly soft: number }[]> {
    const rows = await this.queries
      .selectFrom('budgets')
      .select(['tenant_id', 'soft'])
      .where('soft', 'is not', null)
      .execute();
    return rows.map((row) => ({ tenantId: tenantId(row.tenant_id), soft: row.soft ?? 0 }));
  }

  async budgetsTold(month: string): Promise<number> {
    const rows = await this.queries
      .selectFrom('budgets')
      .select('tenant_id')
      .where('told_month', '=', month)
      .where('soft', 'is not', null)
      .execute();
    return rows.length;
  }
}

/** Changes of quotas and usage, inside a transaction. */
export class SqlUsage extends SqlUsageReader implements UsageTransaction {
  /** One statement: on PostgreSQL it holds the rows until the transaction ends, so nobody else counts meanwhile. */
  async addToCounters(changes: readonly SubjectCounter[]): Promise<readonly SubjectCounter[]> {
    const { rows } = await addToCounters(this.queries, changes.map(counterToRow));
    return rows.map(counterFromRow);
  }

  async addReservations(reservations: readonly Reservation[]): Promise<void> {
    if (reservations.length === 0) return;
    await insertReservations(this.queries, reservations.map(reservationToRow));
  }

  async findReservation(id: JobId): Promise<Reservation | undefined> {
    const row = await this.queries.selectFrom('reservations').selectAll().where('job_id', '=', id).executeTakeFirst();
    return row && reservationFromRow(row);
  }

  async takeReservation(id: JobId): Promise<Reservation | undefined> {
    const [row] = (await deleteReservation(this.queries, { id })).rows;
    return row && reservationFromRow(row);
  }

  async addUsage(key: UsageKey, amounts: UsageAmounts): Promise<void> {
    await addToDay(this.queries, {
      tenant_id: key.tenantId,
      day: key.day,
      key_id: key.keyId,
      model: key.model,
      size: key.size,
      requests: amounts.requests,
      pictures: amounts.pictures,
      failed: amounts.failed,
      rejected: amounts.rejected,
      device_ms: amounts.deviceMs,
      cost_micros: amounts.costMicros,
    });
  }

  async saveBudget(tenant: TenantId, { soft, hard }: Budget): Promise<void> {
    const row = { soft: soft ?? null, hard: hard ?? null, told_month: null };
    await this.queries
      .insertInto('budgets')
      .values({ tenant_id: tenant, ...row })
      .onConflict((conflict) => conflict.column('tenant_id').doUpdateSet(row))
      .execute();
  }

  async noteBudgetTold(tenant: TenantId, month: string): Promise<boolean> {
    const { numUpdatedRows } = await this.queries
      .updateTable('budgets')
      .set({ told_month: month })
      .where('tenant_id', '=', tenant)
      .where((on) => on.or([on('told_month', 'is', null), on('told_month', '!=', month)]))
      .executeTakeFirst();
    return numUpdatedRows === 1n;
  }

  async savePrices(own: Prices & { since: number }): Promise<void> {
    const { since, currency, perPicture, perDeviceSecond, hostedPerPicture } = own;
    const prices = {
      ...{ currency, per_picture: perPicture, per_device_second: perDeviceSecond },
      hosted_per_picture: hostedPerPicture ?? null,
    };
    await this.queries
      .insertInto('prices')
      .values({ since, ...prices })
      .onConflict((conflict) => conflict.column('since').doUpdateSet(prices))
      .execute();
  }

  async forgetCounters({ day, month }: { readonly day: Period; readonly month: Period }): Promise<number> {
    const { numAffectedRows } = await sql`
      delete from quota_counters where reserved = 0
        and ((period >= 'day ' and period < ${day}) or (period >= 'month ' and period < ${month}))
    `.execute(this.queries);
    return Number(numAffectedRows ?? 0);
  }
}

const selectPrices = prepared((queries) => queries.selectFrom('prices').selectAll().orderBy('since', 'desc').limit(1));

const selectBudget = prepared((queries, { tenant }: { readonly tenant: string }) =>
  queries.selectFrom('budgets').select(['soft', 'hard']).where('tenant_id', '=', tenant),
);

const insertReservations = preparedRows((queries, rows: readonly ReservationsTable[]) =>
  queries.insertInto('reservations').values(rows),
);

const deleteReservation = prepared((queries, { id }: { readonly id: string }) =>
  queries.deleteFrom('reservations').where('job_id', '=', id).returningAll(),
);

const addToDay = prepared((queries, row: Selectable<Tables['usage_days']>) =>
  queries
    .insertInto('usage_days')
    .values(row)
    .onConflict((conflict) =>
      conflict.columns(['tenant_id', 'day', 'key_id', 'model', 'size']).doUpdateSet((set) => ({
        requests: set('usage_days.requests', '+', set.ref('excluded.requests')),
        pictures: set('usage_days.pictures', '+', set.ref('excluded.pictures')),
        failed: set('usage_days.failed', '+', set.ref('excluded.failed')),
        rejected: set('usage_days.rejected', '+', set.ref('excluded.rejected')),
        device_ms: set('usage_days.device_ms', '+', set.ref('excluded.device_ms')),
        cost_micros: set('usage_days.cost_micros', '+', set.ref('excluded.cost_micros')),
      })),
    ),
);

const addToCounters = preparedRows((queries, rows: readonly QuotaCountersTable[]) =>
  queries
    .insertInto('quota_counters')
    .values(rows)
    .onConflict((conflict) =>
      conflict.columns(['tenant_id', 'subject', 'period']).doUpdateSet((set) => ({
        reserved: set('quota_counters.reserved', '+', set.ref('excluded.reserved')),
        pictures: set('quota_counters.pictures', '+', set.ref('excluded.pictures')),
        reserved_ms: set('quota_counters.reserved_ms', '+', set.ref('excluded.reserved_ms')),
        device_ms: set('quota_counters.device_ms', '+', set.ref('excluded.device_ms')),
      })),
    )
    .returningAll(),
);

const columnOf: Readonly<Record<UsageGroup, string>> = {
  tenant: 'tenant_id',
  day: 'day',
  key: 'key_id',
  model: 'model',
  size: 'size',
};

interface SumRow {
  readonly tenant_id?: string;
  readonly day?: number;
  readonly key_id?: string;
  readonly model?: string;
  readonly size?: string;
  readonly requests: number;
  readonly pictures: number;
  readonly failed: number;
  readonly rejected: number;
  readonly device_ms: number;
  readonly cost_micros: number;
}

function usageFromRow(row: SumRow): UsageRow {
  return {
    ...(row.tenant_id === undefined ? {} : { tenantId: tenantId(row.tenant_id) }),
    ...(row.day === undefined ? {} : { day: row.day }),
    ...(row.key_id === undefined ? {} : { keyId: row.key_id }),
    ...(row.model === undefined ? {} : { model: row.model }),
    ...(row.size === undefined ? {} : { size: row.size }),
    requests: row.requests,
    pictures: row.pictures,
    failed: row.failed,
    rejected: row.rejected,
    deviceMs: row.device_ms,
    costMicros: row.cost_micros,
  };
}

function counterFromRow(row: QuotaCountersTable): SubjectCounter {
  return {
    tenantId: tenantId(row.tenant_id),
    subject: row.subject,
    period: row.period,
    reserved: row.reserved,
    pictures: row.pictures,
    reservedMs: row.reserved_ms,
    deviceMs: row.device_ms,
  };
}

function counterToRow(counter: SubjectCounter): QuotaCountersTable {
  return {
    tenant_id: counter.tenantId,
    subject: counter.subject,
    period: counter.period,
    reserved: counter.reserved,
    pictures: counter.pictures,
    reserved_ms: counter.reservedMs,
    device_ms: counter.deviceMs,
  };
}

function reservationFromRow(row: ReservationsTable): Reservation {
  const { job_id: id, tenant_id: tenant, key_id: keyId, cost_ms: costMs, reserved_at: reservedAt } = row;
  return { jobId: jobId(id), tenantId: tenantId(tenant), keyId, costMs, reservedAt };
}

function reservationToRow({ jobId: id, tenantId: tenant, keyId, costMs, reservedAt }: Reservation): ReservationsTable {
  return { job_id: id, tenant_id: tenant, key_id: keyId, cost_ms: costMs, reserved_at: reservedAt };
}
