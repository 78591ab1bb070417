import { type RawBuilder, sql } from 'kysely';

/** Rules, channels, silences and states of rules; conventions as in `schema.ts`. */
export interface AlertDocumentsTable {
  kind: 'rule' | 'channel' | 'silence' | 'state';
  id: string;
  /** JSON */
  data: string;
}

export interface AlertsTable {
  id: string;
  fired_at: number;
  resolved_at: number | null;
  /** JSON of the whole alert. */
  data: string;
}

export interface AlertDeliveriesTable {
  id: string;
  alert_id: string | null;
  channel_id: string;
  kind: string;
  state: string;
  created_at: number;
  next_at: number;
  attempts: number;
  problem: string | null;
}

export interface ProcessSamplesTable {
  process_id: string;
  at: number;
  /** JSON */
  data: string;
}

export interface AlertTables {
  alert_documents: AlertDocumentsTable;
  alerts: AlertsTable;
  alert_deliveries: AlertDeliveriesTable;
  process_samples: ProcessSamplesTable;
  history: HistoryTable;
}

/** One row a slot: `HistoryPoint` as JSON. */
export interface HistoryTable {
  at: number;
  data: string;
}

/** Migration `history`. */
export const historyTable = (): readonly RawBuilder<unknown>[] => [
  sql`create table history (at bigint not null primary key, data text not null)`,
];

/** Migration `alerts`. */
export const alertTables = (): readonly RawBuilder<unknown>[] => [
  sql`
    create table alert_documents (
      kind text not null,
      id text not null,
      data text not null,
      primary key (kind, id)
    )`,
  sql`
    create table alerts (
      id text not null primary key,
      fired_at bigint not null,
      resolved_at bigint,
      data text not null
    )`,
  sql`create index alerts_firing on alerts (id) where resolved_at is null`,
  sql`
    create table alert_deliveries (
      id text not null primary key,
      alert_id text,
      channel_id text not null,
      kind text not null,
      state text not null,
      created_at bigint not null,
      next_at bigint not null,
      attempts bigint not null,
      problem text
    )`,
  sql`create index alert_deliveries_due on alert_deliveries (next_at) where state = 'pending'`,
  sql`create index alert_deliveries_of_alert on alert_deliveries (alert_id)`,
  sql`
    create table process_samples (
      process_id text not null,
      at bigint not null,
      data text not null,
      primary key (at, process_id)
    )`,
];
