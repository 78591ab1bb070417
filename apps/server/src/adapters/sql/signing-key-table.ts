import { type RawBuilder, sql } from 'kysely';

/** Secrets that sign addresses of pictures; conventions as in `schema.ts`. */
export interface SigningKeysTable {
  id: string;
  secret: string;
  created_at: number;
}

/** Migration `signing-keys`. */
export const signingKeyTable = (): readonly RawBuilder<unknown>[] => [
  sql`create table signing_keys (id text not null primary key, secret text not null, created_at bigint not null)`,
];
