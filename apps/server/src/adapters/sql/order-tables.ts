import { type RawBuilder, sql } from 'kysely';

/** Conventions as in `schema.ts`. */
export interface KeptFilesTable {
  id: string;
  tenant_id: string;
  key_id: string | null;
  name: string;
  purpose: string;
  size_bytes: number;
  created_at: number;
  expires_at: number;
}

export interface OrdersTable {
  id: string;
  tenant_id: string;
  key_id: string | null;
  asked_by: string;
  endpoint: string;
  input_file_id: string;
  window_text: string;
  /** JSON, as `times`, `errors` and `usage`. */
  metadata: string;
  keep_output_ms: number | null;
  origin: string;
  state: string;
  /** 1 for an order that has ended. */
  ended: number;
  created_at: number;
  expires_at: number;
  times: string;
  total: number;
  completed: number;
  failed: number;
  errors: string;
  end_state: string | null;
  output_file_id: string | null;
  error_file_id: string | null;
  usage: string | null;
}

export interface OrderLinesTable {
  order_id: string;
  line: number;
  tenant_id: string;
  state: string;
  generation_id: string | null;
  /** JSON of the answer to a line that was refused. */
  refusal: string | null;
}

export interface OrderTables {
  kept_files: KeptFilesTable;
  orders: OrdersTable;
  order_lines: OrderLinesTable;
}

/** Migration `orders`. */
export const orderTables = (): readonly RawBuilder<unknown>[] => [
  sql`
    create table kept_files (
      id text not null primary key,
      tenant_id text not null,
      key_id text,
      name text not null,
      purpose text not null,
      size_bytes bigint not null,
      created_at bigint not null,
      expires_at bigint not null
    )`,
  sql`create index kept_files_by_tenant on kept_files (tenant_id, id)`,
  sql`create index kept_files_by_expiry on kept_files (expires_at)`,
  sql`
    create table orders (
      id text not null primary key,
      tenant_id text not null,
      key_id text,
      endpoint text not null,
      input_file_id text not null,
      window_text text not null,
      metadata text not null,
      keep_output_ms bigint,
      origin text not null,
      state text not null,
      ended bigint not null,
      created_at bigint not null,
      expires_at bigint not null,
      times text not null,
      total bigint not null,
      completed bigint not null,
      failed bigint not null,
      errors text not null,
      end_state text,
      output_file_id text,
      error_file_id text,
      usage text
    )`,
  sql`create index orders_by_tenant on orders (tenant_id, id)`,
  sql`create index orders_unfinished on orders (tenant_id, input_file_id) where ended = 0`,
  sql`
    create table order_lines (
      order_id text not null references orders (id),
      line bigint not null,
      tenant_id text not null,
      state text not null,
      generation_id text,
      refusal text,
      primary key (order_id, line)
    )`,
  sql`create index order_lines_open on order_lines (order_id, line) where state = 'open'`,
  sql`create index order_lines_by_generation on order_lines (generation_id) where state = 'open'`,
];
