import { type RawBuilder, sql } from 'kysely';

/** Settings that clients of compatible APIs keep, by key; conventions as in `schema.ts`. */
export interface ClientOptionsTable {
  tenant_id: string;
  /** A key, a member, or empty for the machine itself. */
  holder: string;
  /** JSON of values by name. */
  options: string;
}

/** Migration `client-options`. */
export const clientOptionsTable = (): readonly RawBuilder<unknown>[] => [
  sql`
    create table client_options (
      tenant_id text not null,
      holder text not null,
      options text not null,
      primary key (tenant_id, holder)
    )`,
];
