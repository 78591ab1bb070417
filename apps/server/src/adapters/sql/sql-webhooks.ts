import { type Kysely, type Selectable, sql } from 'kysely';
import type {
  ClaimDeliveries,
  DeliveryQuery,
  DeliveryRecord,
  WebhookReader,
  WebhookTransaction,
} from '../../application/webhook-ports.ts';
import type { NumberedEvent, StoredEvent } from '../../domain/event.ts';
import { type TenantId, tenantId, type WebhookId, webhookId } from '../../domain/ids.ts';
import {
  type Delivery,
  type DeliveryAttempt,
  type DeliveryState,
  type EventPattern,
  type Webhook,
  wants,
} from '../../domain/webhook.ts';
import type { Tables } from './schema.ts';
import type { WebhookDeliveriesTable, WebhooksTable } from './webhook-tables.ts';

/** How events become messages. */
export interface Outbox {
  nextId(): string;
  /** The message of an event, as it is sent. */
  payloadOf(event: NumberedEvent): string;
}

/** Questions about endpoints and what was sent to them. */
export class SqlWebhookReader implements WebhookReader {
  protected readonly queries: Kysely<Tables>;

  constructor(queries: Kysely<Tables>) {
    this.queries = queries;
  }

  async list(tenant: TenantId): Promise<readonly Webhook[]> {
    const select = this.queries.selectFrom('webhooks').selectAll().where('tenant_id', '=', tenant);
    return (await select.orderBy('id').execute()).map(webhookFromRow);
  }

  async find(tenant: TenantId, id: WebhookId): Promise<Webhook | undefined> {
    const select = this.queries.selectFrom('webhooks').selectAll().where('id', '=', id).where('tenant_id', '=', tenant);
    const row = await select.executeTakeFirst();
    return row && webhookFromRow(row);
  }

  async hasDue(now: number): Promise<boolean> {
    const row = await this.queries
      .selectFrom('webhook_deliveries')
      .innerJoin('webhooks', 'webhooks.id', 'webhook_deliveries.webhook_id')
      .select('webhook_deliveries.id')
      .where(sql.ref('webhook_deliveries.state'), '=', sql.lit('pending'))
      .where('webhook_deliveries.next_at', '<=', now)
      .where('webhooks.disabled_at', 'is', null)
      .limit(1)
      .executeTakeFirst();
    return row !== undefined;
  }

  async deliveries({ tenantId, webhookId, limit, after, state }: DeliveryQuery): Promise<readonly DeliveryRecord[]> {
    let select = this.queries
      .selectFrom('webhook_deliveries')
      .selectAll()
      .where('webhook_id', '=', webhookId)
      .where('tenant_id', '=', tenantId);
    if (after !== undefined) select = select.where('id', '<', after);
    if (state !== undefined) select = select.where('state', '=', state);
    return (await select.orderBy('id', 'desc').limit(limit).execute()).map(recordFromRow);
  }

  async findDelivery(tenant: TenantId, webhook: WebhookId, id: string): Promise<DeliveryRecord | undefined> {
    const row = await this.queries
      .selectFrom('webhook_deliveries')
      .selectAll()
      .where('id', '=', id)
      .where('webhook_id', '=', webhook)
      .where('tenant_id', '=', tenant)
      .executeTakeFirst();
    return row && recordFromRow(row);
  }
}

/** Changes of endpoints and deliveries, inside a transaction. */
export class SqlWebhooks extends SqlWebhookReader implements WebhookTransaction {
  async save(webhook: Webhook): Promise<void> {
    const row = webhookToRow(webhook);
    await this.queries
      .insertInto('webhooks')
      .values(row)
      .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
      .execute();
  }

  async remove(tenant: TenantId, id: WebhookId): Promise<boolean> {
    await this.queries
      .deleteFrom('webhook_deliveries')
      .where('webhook_id', '=', id)
      .where('tenant_id', '=', tenant)
      .execute();
    const { numDeletedRows } = await this.queries
      .deleteFrom('webhooks')
      .where('id', '=', id)
      .where('tenant_id', '=', tenant)
      .executeTakeFirstOrThrow();
    return numDeletedRows > 0n;
  }

  async addDelivery(delivery: Delivery): Promise<void> {
    await this.queries.insertInto('webhook_deliveries').values(deliveryToRow(delivery)).execute();
  }

  /** Deliveries of what was just stored, for every endpoint of its tenant that wants it. */
  async fill(events: readonly (StoredEvent & { readonly id: number })[], outbox: Outbox): Promise<void> {
    const tenants = [...new Set(events.map((event) => event.tenantId))];
    const rows = await this.queries
      .selectFrom('webhooks')
      .selectAll()
      .where('tenant_id', 'in', tenants)
      .where('disabled_at', 'is', null)
      .execute();
    if (rows.length === 0) return;
    const endpoints = rows.map(webhookFromRow);
    for (const event of events) {
      const wanting = endpoints.filter((one) => one.tenantId === event.tenantId && wants(one, event.type));
      if (wanting.length === 0) continue;
      const payload = outbox.payloadOf(event);
      const deliveries = wanting.map((one) => ({
        ...{ id: `msg_${outbox.nextId()}`, tenantId: one.tenantId, webhookId: one.id, eventType: event.type, payload },
        ...{ createdAt: event.at, state: 'pending' as const, attempts: 0, nextAt: event.at },
      }));
      await this.queries.insertInto('webhook_deliveries').values(deliveries.map(deliveryToRow)).execute();
    }
  }

  /** The first of the index `webhook_deliveries_due`; some of a burst to one endpoint are left for the next claim. */
  async claim({ now, until, limit, except }: ClaimDeliveries): Promise<readonly Delivery[]> {
    let select = this.queries
      .selectFrom('webhook_deliveries')
      .innerJoin('webhooks', 'webhooks.id', 'webhook_deliveries.webhook_id')
      .selectAll('webhook_deliveries')
      .where(sql.ref('webhook_deliveries.state'), '=', sql.lit('pending'))
      .where('webhook_deliveries.next_at', '<=', now)
      .where('webhooks.disabled_at', 'is', null);
    if (except.length > 0) select = select.where('webhook_deliveries.webhook_id', 'not in', except);
    const rows = await select.orderBy('webhook_deliveries.next_at').limit(limit).execute();
    const counts = new Map<string, number>();
    const taken = rows.filter(({ webhook_id }) => {
      const count = (counts.get(webhook_id) ?? 0) + 1;
      counts.set(webhook_id, count);
      return count <= MAX_OF_A_BURST;
    });
    if (taken.length === 0) return [];
    const ids = taken.map(({ id }) => id);
    await this.queries.updateTable('webhook_deliveries').set({ next_at: until }).where('id', 'in', ids).execute();
    return taken.map((row) => deliveryFromRow({ ...row, next_at: until }));
  }

  async settle(
    delivery: Delivery,
    attempt: DeliveryAttempt,
    { state, nextAt }: Pick<Delivery, 'state' | 'nextAt'>,
  ): Promise<void> {
    const record = await this.findDelivery(delivery.tenantId, delivery.webhookId, delivery.id);
    if (record === undefined) return;
    const log = JSON.stringify([...record.log, attempt].slice(-MAX_LOGGED));
    await this.queries
      .updateTable('webhook_deliveries')
      .set({ state, next_at: nextAt, attempts: delivery.attempts + 1, log })
      .where('id', '=', delivery.id)
      .execute();
  }

  async replay(id: string, now: number): Promise<void> {
    await this.queries
      .updateTable('webhook_deliveries')
      .set({ state: 'pending', next_at: now, attempts: 0 })
      .where('id', '=', id)
      .execute();
  }

  async forget({ before, limit }: { readonly before: number; readonly limit: number }): Promise<number> {
    const { numAffectedRows } = await sql`
      delete from webhook_deliveries where id in (
        select id from webhook_deliveries where state <> 'pending' and created_at < ${before} limit ${limit}
      )
    `.execute(this.queries);
    return Number(numAffectedRows ?? 0);
  }
}

function webhookFromRow(row: Selectable<WebhooksTable>): Webhook {
  const { old_secret: oldSecret, old_secret_expires_at: expiresAt, disabled_at: disabledAt } = row;
  return {
    id: webhookId(row.id),
    tenantId: tenantId(row.tenant_id),
    url: row.url,
    description: row.description,
    events: JSON.parse(row.events) as EventPattern[],
    secret: row.secret,
    oldSecret: oldSecret === null ? undefined : { secret: oldSecret, expiresAt: expiresAt ?? 0 },
    createdAt: row.created_at,
    disabled: disabledAt === null ? undefined : { at: disabledAt, reason: row.disabled_reason ?? '' },
    failingSince: row.failing_since ?? undefined,
  };
}

function webhookToRow(webhook: Webhook): WebhooksTable {
  return {
    id: webhook.id,
    tenant_id: webhook.tenantId,
    url: webhook.url,
    description: webhook.description,
    events: JSON.stringify(webhook.events),
    secret: webhook.secret,
    old_secret: webhook.oldSecret?.secret ?? null,
    old_secret_expires_at: webhook.oldSecret?.expiresAt ?? null,
    created_at: webhook.createdAt,
    disabled_at: webhook.disabled?.at ?? null,
    disabled_reason: webhook.disabled?.reason ?? null,
    failing_since: webhook.failingSince ?? null,
  };
}

function deliveryToRow(delivery: Delivery): WebhookDeliveriesTable {
  return {
    id: delivery.id,
    tenant_id: delivery.tenantId,
    webhook_id: delivery.webhookId,
    event_type: delivery.eventType,
    payload: delivery.payload,
    created_at: delivery.createdAt,
    state: delivery.state,
    attempts: delivery.attempts,
    next_at: delivery.nextAt,
    log: '[]',
  };
}

function deliveryFromRow(row: Selectable<WebhookDeliveriesTable>): Delivery {
  return {
    id: row.id,
    tenantId: tenantId(row.tenant_id),
    webhookId: webhookId(row.webhook_id),
    eventType: row.event_type,
    payload: row.payload,
    createdAt: row.created_at,
    state: row.state as DeliveryState,
    attempts: row.attempts,
    nextAt: row.next_at,
  };
}

function recordFromRow(row: Selectable<WebhookDeliveriesTable>): DeliveryRecord {
  return { delivery: deliveryFromRow(row), log: JSON.parse(row.log) as DeliveryAttempt[] };
}

/** As many as one endpoint may have under way. */
const MAX_OF_A_BURST = 4;
/** Attempts of one delivery that are kept in its log. */
const MAX_LOGGED = 30;
