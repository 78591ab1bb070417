import { type Kysely, type Selectable, sql } from 'kysely';
import type { BulkReader, BulkTransaction } from '../../application/bulk-ports.ts';
import { THE_MACHINE } from '../../domain/access/caller.ts';
import type { Bulk, BulkCounts, BulkFormat, BulkRow, BulkSettings, BulkState, RowProblem } from '../../domain/bulk.ts';
import {
  type BulkId,
  bulkId,
  type GenerationId,
  generationId,
  keyId,
  type TenantId,
  tenantId,
} from '../../domain/ids.ts';
import type { Notice } from '../../domain/notice.ts';
import type { BulkRowsTable, BulksTable } from './bulk-tables.ts';
import { HELD_UNTIL, type Tables } from './schema.ts';

/** Questions about bulks and their rows. */
export class SqlBulkReader implements BulkReader {
  protected readonly queries: Kysely<Tables>;

  constructor(queries: Kysely<Tables>) {
    this.queries = queries;
  }

  async find(tenant: TenantId, id: BulkId): Promise<Bulk | undefined> {
    const select = this.queries.selectFrom('bulks').selectAll().where('id', '=', id).where('tenant_id', '=', tenant);
    const row = await select.executeTakeFirst();
    return row && bulkFromRow(row);
  }

  async list({ tenantId: tenant, limit, after }: Parameters<BulkReader['list']>[0]): Promise<readonly Bulk[]> {
    let select = this.queries.selectFrom('bulks').selectAll().where('tenant_id', '=', tenant);
    if (after !== undefined) select = select.where('id', '<', after);
    return (await select.orderBy('id', 'desc').limit(limit).execute()).map(bulkFromRow);
  }

  async unfinished(): Promise<readonly Bulk[]> {
    const select = this.queries.selectFrom('bulks').selectAll();
    const rows = await select.where(sql.ref('state'), '=', sql.lit('reading')).orderBy('id').execute();
    return rows.map(bulkFromRow);
  }

  async counts(id: BulkId): Promise<BulkCounts> {
    const { rows } = await sql<{
      state: BulkRow['state'];
      count: number;
      open: number;
      asked: number;
      succeeded: number;
      failed: number;
    }>`
      select r.state, count(*) as count,
        sum(case when g.state in ('queued', 'running') then 1 else 0 end) as open,
        coalesce(sum(g.count), 0) as asked,
        coalesce(sum(g.jobs_succeeded), 0) as succeeded,
        coalesce(sum(g.jobs_failed), 0) as failed
      from bulk_rows r left join generations g on g.id = r.generation_id
      where r.bulk_id = ${id} group by r.state
    `.execute(this.queries);
    const of = (state: BulkRow['state']): number => rows.find((row) => row.state === state)?.count ?? 0;
    const sum = (name: 'open' | 'asked' | 'succeeded' | 'failed'): number =>
      rows.reduce((total, row) => total + row[name], 0);
    return {
      submitted: of('submitted'),
      unchanged: of('unchanged'),
      broken: of('broken'),
      open: sum('open'),
      pictures: { asked: sum('asked'), succeeded: sum('succeeded'), failed: sum('failed') },
    };
  }

  async rows(query: Parameters<BulkReader['rows']>[0]): Promise<readonly BulkRow[]> {
    let select = this.queries
      .selectFrom('bulk_rows')
      .selectAll()
      .where('bulk_id', '=', query.id)
      .where('tenant_id', '=', query.tenantId)
      .where('line', '>', query.afterLine);
    if (query.state !== undefined) select = select.where('state', '=', query.state);
    return (await select.orderBy('line').limit(query.limit).execute()).map(rowFromRow);
  }

  async knownLines(id: BulkId, from: number, to: number): Promise<ReadonlySet<number>> {
    const select = this.queries.selectFrom('bulk_rows').select('line').where('bulk_id', '=', id);
    const rows = await select.where('line', '>=', from).where('line', '<=', to).execute();
    return new Set(rows.map(({ line }) => line));
  }

  async findByHash(tenant: TenantId, id: BulkId, hash: string): Promise<GenerationId | undefined> {
    const row = await this.queries
      .selectFrom('bulk_rows')
      .innerJoin('generations', 'generations.id', 'bulk_rows.generation_id')
      .select('generations.id')
      .where('bulk_id', '=', id)
      .where('bulk_rows.tenant_id', '=', tenant)
      .where('hash', '=', hash)
      .where('generation_id', 'is not', null)
      .where('generations.state', 'not in', ['failed', 'cancelled'])
      .executeTakeFirst();
    return row && generationId(row.id);
  }

  async openGenerations(id: BulkId, limit: number): Promise<readonly GenerationId[]> {
    const rows = await this.queries
      .selectFrom('bulk_rows')
      .innerJoin('generations', 'generations.id', 'bulk_rows.generation_id')
      .select('generations.id')
      .where('bulk_id', '=', id)
      .where('bulk_rows.state', '=', 'submitted')
      .where('generations.state', 'in', ['queued', 'running'])
      .limit(limit)
      .execute();
    return rows.map((row) => generationId(row.id));
  }
}

/** Changes of bulks and their rows, inside a transaction. */
export class SqlBulks extends SqlBulkReader implements BulkTransaction {
  async save(bulk: Bulk): Promise<void> {
    await this.queries
      .insertInto('bulks')
      .values({
        id: bulk.id,
        tenant_id: bulk.tenantId,
        key_id: bulk.keyId ?? null,
        asked_by: bulk.askedBy ?? THE_MACHINE,
        name: bulk.name,
        format: bulk.format,
        settings: JSON.stringify(bulk.settings),
        state: bulk.state,
        created_at: bulk.createdAt,
        note: noteText(bulk.note),
      })
      .execute();
  }

  /** Compare-and-set on (id, state). */
  async move(id: BulkId, from: BulkState, { state, note }: Pick<Bulk, 'state' | 'note'>): Promise<boolean> {
    const { numUpdatedRows } = await this.queries
      .updateTable('bulks')
      .set({ state, note: noteText(note) })
      .where('id', '=', id)
      .where('state', '=', from)
      .executeTakeFirst();
    return numUpdatedRows === 1n;
  }

  async addRows(rows: readonly BulkRow[]): Promise<void> {
    if (rows.length === 0) return;
    // Two processes may both believe for a moment that they lead: what one wrote down, the other found as well.
    await this.queries
      .insertInto('bulk_rows')
      .values(rows.map(rowToRow))
      .onConflict((conflict) => conflict.columns(['bulk_id', 'line']).doNothing())
      .execute();
  }

  async hold(id: BulkId): Promise<void> {
    await sql`
      update jobs set ready = 0, not_before = ${HELD_UNTIL}
      where state = 'queued' and generation_id in (
        select generation_id from bulk_rows where bulk_id = ${id} and state = 'submitted'
      )
    `.execute(this.queries);
  }

  /** They become ready as after a pause between attempts. */
  async release(id: BulkId, from: number): Promise<void> {
    await sql`
      update jobs set not_before = ${from}
      where state = 'queued' and not_before = ${HELD_UNTIL} and generation_id in (
        select generation_id from bulk_rows where bulk_id = ${id} and state = 'submitted'
      )
    `.execute(this.queries);
  }
}

function noteText(note: Notice | undefined): string | null {
  return note === undefined ? null : JSON.stringify(note);
}

/** Notes of older versions are sentences. */
function noteFrom(text: string): Notice {
  return text.startsWith('{"code":') ? (JSON.parse(text) as Notice) : { code: 'refused', message: text };
}

function bulkFromRow(row: Selectable<BulksTable>): Bulk {
  return {
    id: bulkId(row.id),
    tenantId: tenantId(row.tenant_id),
    keyId: row.key_id === null ? undefined : keyId(row.key_id),
    askedBy: row.asked_by,
    name: row.name,
    format: row.format as BulkFormat,
    settings: JSON.parse(row.settings) as BulkSettings,
    state: row.state as BulkState,
    createdAt: row.created_at,
    note: row.note === null ? undefined : noteFrom(row.note),
  };
}

function rowFromRow(row: Selectable<BulkRowsTable>): BulkRow {
  return {
    bulkId: bulkId(row.bulk_id),
    tenantId: tenantId(row.tenant_id),
    line: row.line,
    state: row.state as BulkRow['state'],
    hash: row.hash ?? undefined,
    generationId: row.generation_id === null ? undefined : generationId(row.generation_id),
    problem: row.problem === null ? undefined : problemFrom(row.problem, row.fault),
  };
}

function problemFrom(message: string, fault: string | null): RowProblem {
  if (fault === null) return { code: 'refused', message };
  return { ...(JSON.parse(fault) as Omit<RowProblem, 'message'>), message };
}

function rowToRow(row: BulkRow): BulkRowsTable {
  return {
    bulk_id: row.bulkId,
    line: row.line,
    tenant_id: row.tenantId,
    state: row.state,
    hash: row.hash ?? null,
    generation_id: row.generationId ?? null,
    problem: row.problem?.message ?? null,
    fault: row.problem === undefined ? null : JSON.stringify({ ...row.problem, message: undefined }),
  };
}
