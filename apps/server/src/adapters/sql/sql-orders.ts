import { type Kysely, sql } from 'kysely';
import type { FileQuery, OrderChanges, OrderReader, OrderTransaction, Settled } from '../../application/order-ports.ts';
import { type FileId, type OrderId, orderId, type TenantId } from '../../domain/ids.ts';
import type { KeptFile } from '../../domain/kept-file.ts';
import { hasEnded, type Order, type OrderLine, type OrderState } from '../../domain/order.ts';
import { fileFromRow, fileToRow, lineFromRow, lineToRow, orderFromRow, orderToRow } from './order-rows.ts';
import type { Tables } from './schema.ts';

/** Questions about files and orders. */
export class SqlOrderReader implements OrderReader {
  protected readonly queries: Kysely<Tables>;

  constructor(queries: Kysely<Tables>) {
    this.queries = queries;
  }

  async findFile(tenant: TenantId, id: FileId): Promise<KeptFile | undefined> {
    const select = this.queries.selectFrom('kept_files').selectAll().where('id', '=', id);
    const row = await select.where('tenant_id', '=', tenant).executeTakeFirst();
    return row && fileFromRow(row);
  }

  async listFiles({ tenantId, limit, order, purpose, after, now }: FileQuery): Promise<readonly KeptFile[]> {
    let select = this.queries.selectFrom('kept_files').selectAll().where('tenant_id', '=', tenantId);
    if (purpose !== undefined) select = select.where('purpose', '=', purpose);
    if (after !== undefined) select = select.where('id', order === 'asc' ? '>' : '<', after);
    const rows = await select.where('expires_at', '>', now).orderBy('id', order).limit(limit).execute();
    return rows.map(fileFromRow);
  }

  async fileBytes(tenant: TenantId): Promise<number> {
    const row = await this.queries
      .selectFrom('kept_files')
      .select((of) => of.fn.coalesce(of.fn.sum<number>('size_bytes'), sql.lit(0)).as('bytes'))
      .where('tenant_id', '=', tenant)
      .executeTakeFirst();
    return Number(row?.bytes ?? 0);
  }

  async expiredFiles({ now, limit }: { readonly now: number; readonly limit: number }): Promise<readonly KeptFile[]> {
    const select = this.queries.selectFrom('kept_files').selectAll().where('expires_at', '<=', now);
    const inUse = this.queries.selectFrom('orders').select('input_file_id').where(sql.ref('ended'), '=', sql.lit(0));
    return (await select.where('id', 'not in', inUse).limit(limit).execute()).map(fileFromRow);
  }

  async isFileInUse(id: FileId): Promise<boolean> {
    const select = this.queries.selectFrom('orders').select('id').where(sql.ref('ended'), '=', sql.lit(0));
    return (await select.where('input_file_id', '=', id).executeTakeFirst()) !== undefined;
  }

  async find(tenant: TenantId, id: OrderId): Promise<Order | undefined> {
    const select = this.queries.selectFrom('orders').selectAll().where('id', '=', id).where('tenant_id', '=', tenant);
    const row = await select.executeTakeFirst();
    return row && orderFromRow(row);
  }

  async list({ tenantId, limit, after }: Parameters<OrderReader['list']>[0]): Promise<readonly Order[]> {
    let select = this.queries.selectFrom('orders').selectAll().where('tenant_id', '=', tenantId);
    if (after !== undefined) select = select.where('id', '<', after);
    return (await select.orderBy('id', 'desc').limit(limit).execute()).map(orderFromRow);
  }

  async countUnfinished(tenant: TenantId): Promise<number> {
    const row = await this.queries
      .selectFrom('orders')
      .select((of) => of.fn.countAll<number>().as('count'))
      .where('tenant_id', '=', tenant)
      .where(sql.ref('ended'), '=', sql.lit(0))
      .executeTakeFirst();
    return Number(row?.count ?? 0);
  }

  async unfinished(): Promise<readonly Order[]> {
    const select = this.queries.selectFrom('orders').selectAll().where(sql.ref('ended'), '=', sql.lit(0));
    return (await select.orderBy('id').execute()).map(orderFromRow);
  }

  async lines(id: OrderId, from: number, to: number): Promise<readonly OrderLine[]> {
    const select = this.queries.selectFrom('order_lines').selectAll().where('order_id', '=', id);
    const rows = await select.where('line', '>=', from).where('line', '<=', to).orderBy('line').execute();
    return rows.map(lineFromRow);
  }

  async openLines(id: OrderId, limit: number): Promise<readonly OrderLine[]> {
    const select = this.queries.selectFrom('order_lines').selectAll().where('order_id', '=', id);
    const rows = await select.where(sql.ref('state'), '=', sql.lit('open')).orderBy('line').limit(limit).execute();
    return rows.map(lineFromRow);
  }
}

/** Changes of files and orders, inside a transaction. */
export class SqlOrders extends SqlOrderReader implements OrderTransaction {
  async addFile(file: KeptFile): Promise<void> {
    await this.queries.insertInto('kept_files').values(fileToRow(file)).execute();
  }

  async removeFile(tenant: TenantId, id: FileId): Promise<boolean> {
    const remove = this.queries.deleteFrom('kept_files').where('id', '=', id).where('tenant_id', '=', tenant);
    return (await remove.executeTakeFirstOrThrow()).numDeletedRows > 0n;
  }

  async save(order: Order): Promise<void> {
    await this.queries.insertInto('orders').values(orderToRow(order)).execute();
  }

  /** Compare-and-set on (id, state). */
  async move(
    id: OrderId,
    from: OrderState,
    to: OrderState,
    at: number,
    { errors, end, outputFileId, errorFileId, usage, counts }: OrderChanges = {},
  ): Promise<boolean> {
    const known = await this.queries
      .selectFrom('orders')
      .select('times')
      .where('id', '=', id)
      .where('state', '=', from)
      .executeTakeFirst();
    if (known === undefined) return false;
    const times = JSON.stringify({ ...(JSON.parse(known.times) as object), [to]: at });
    await this.queries
      .updateTable('orders')
      .set({
        state: to,
        ended: hasEnded({ state: to }) ? 1 : 0,
        times,
        ...(errors === undefined ? {} : { errors: JSON.stringify(errors) }),
        ...(end === undefined ? {} : { end_state: end }),
        ...(usage === undefined ? {} : { usage: JSON.stringify(usage) }),
        ...counts,
        output_file_id: outputFileId ?? null,
        error_file_id: errorFileId ?? null,
      })
      .where('id', '=', id)
      .execute();
    return true;
  }

  async addLines(lines: readonly OrderLine[]): Promise<void> {
    const [first] = lines;
    if (first === undefined) return;
    // Two processes may both believe for a moment that they lead: each line counts once.
    const written = await this.queries
      .insertInto('order_lines')
      .values(lines.map(lineToRow))
      .onConflict((conflict) => conflict.columns(['order_id', 'line']).doNothing())
      .returning('state')
      .execute();
    const failed = written.filter(({ state }) => state === 'failed').length;
    await this.#count(first.orderId, { completed: 0, failed });
  }

  async settle(which: Settled): Promise<readonly OrderId[]> {
    let update = this.queries
      .updateTable('order_lines')
      .set({
        state: sql<string>`case when (select jobs_succeeded from generations where id = order_lines.generation_id) > 0
          then 'completed' else 'failed' end`,
      })
      .where(sql.ref('state'), '=', sql.lit('open'))
      .where(sql<boolean>`exists (
        select 1 from generations where id = order_lines.generation_id and state not in ('queued', 'running')
      )`);
    if ('generationIds' in which) update = update.where('generation_id', 'in', [...which.generationIds]);
    else {
      update = update.where('order_id', '=', which.orderId);
      update = update.where('line', '>=', which.from).where('line', '<=', which.to);
    }
    const ended = await update.returning(['order_id', 'state']).execute();
    const orders = [...new Set(ended.map((row) => row.order_id))];
    for (const id of orders) {
      const states = ended.filter((row) => row.order_id === id).map(({ state }) => state);
      const completed = states.filter((state) => state === 'completed').length;
      await this.#count(orderId(id), { completed, failed: states.length - completed });
    }
    return orders.map(orderId);
  }

  async removeLines(id: OrderId): Promise<void> {
    await this.queries.deleteFrom('order_lines').where('order_id', '=', id).execute();
  }

  async #count(id: OrderId, { completed, failed }: { completed: number; failed: number }): Promise<void> {
    if (completed + failed === 0) return;
    await this.queries
      .updateTable('orders')
      .set((of) => ({ completed: of('completed', '+', completed), failed: of('failed', '+', failed) }))
      .where('id', '=', id)
      .execute();
  }
}
