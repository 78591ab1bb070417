import { type RawBuilder, sql } from 'kysely';

/** Prompts with fields; conventions as in `schema.ts`. */
export interface TemplatesTable {
  tenant_id: string;
  name: string;
  prompt: string;
  negative_prompt: string;
  created_at: number;
}

/** Migration `templates`. */
export const templateTable = (): readonly RawBuilder<unknown>[] => [
  sql`
    create table templates (
      tenant_id text not null,
      name text not null,
      prompt text not null,
      negative_prompt text not null,
      created_at bigint not null,
      primary key (tenant_id, name)
    )`,
];
