import { type RawBuilder, sql } from 'kysely';

/** Uploads of adapters whose bytes are in a bucket; conventions as in `schema.ts`. */
export interface LoraUploadsTable {
  id: string;
  tenant_id: string;
  name: string;
  sha256: string;
  size_bytes: number;
  created_at: number;
}

/** Migration `lora-uploads`. */
export const loraTable = (): readonly RawBuilder<unknown>[] => [
  sql`
    create table lora_uploads (
      id text not null primary key,
      tenant_id text not null,
      name text not null,
      sha256 text not null,
      size_bytes bigint not null,
      created_at bigint not null
    )`,
  sql`create unique index lora_uploads_by_name on lora_uploads (tenant_id, name)`,
];
