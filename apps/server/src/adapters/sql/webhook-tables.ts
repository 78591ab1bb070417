import { type RawBuilder, sql } from 'kysely';

/** Conventions as in `schema.ts`. */
export interface WebhooksTable {
  id: string;
  tenant_id: string;
  url: string;
  description: string;
  /** JSON of a list of patterns. */
  events: string;
  secret: string;
  old_secret: string | null;
  old_secret_expires_at: number | null;
  created_at: number;
  disabled_at: number | null;
  disabled_reason: string | null;
  failing_since: number | null;
}

export interface WebhookDeliveriesTable {
  id: string;
  tenant_id: string;
  webhook_id: string;
  event_type: string;
  payload: string;
  created_at: number;
  state: string;
  attempts: number;
  next_at: number;
  /** JSON of a list of attempts, oldest first. */
  log: string;
}

export interface WebhookTables {
  webhooks: WebhooksTable;
  webhook_deliveries: WebhookDeliveriesTable;
}

/** Migration `webhooks`: endpoints and their outbox. */
export const webhookTables = (): readonly RawBuilder<unknown>[] => [
  sql`
    create table webhooks (
      id text not null primary key,
      tenant_id text not null,
      url text not null,
      description text not null,
      events text not null,
      secret text not null,
      old_secret text,
      old_secret_expires_at bigint,
      created_at bigint not null,
      disabled_at bigint,
      disabled_reason text,
      failing_since bigint
    )`,
  sql`create index webhooks_by_tenant on webhooks (tenant_id, id)`,
  sql`
    create table webhook_deliveries (
      id text not null primary key,
      tenant_id text not null,
      webhook_id text not null references webhooks (id),
      event_type text not null,
      payload text not null,
      created_at bigint not null,
      state text not null,
      attempts bigint not null,
      next_at bigint not null,
      log text not null
    )`,
  sql`create index webhook_deliveries_by_webhook on webhook_deliveries (webhook_id, id)`,
  sql`create index webhook_deliveries_due on webhook_deliveries (next_at) where state = 'pending'`,
  sql`create index webhook_deliveries_ended on webhook_deliveries (created_at) where state <> 'pending'`,
];
