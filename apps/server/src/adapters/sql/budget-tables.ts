import { type RawBuilder, sql } from 'kysely';

/** What tenants may spend in a month; `told_month` is the last one in which somebody was told of the soft one. */
export interface BudgetsTable {
  tenant_id: string;
  soft: number | null;
  hard: number | null;
  told_month: string | null;
}

/** Migration: budgets, and the price of a hosted API to compare with. */
export const budgetTables = (): readonly RawBuilder<unknown>[] => [
  sql`
    create table budgets (
      tenant_id text not null primary key,
      soft double precision,
      hard double precision,
      told_month text
    )`,
  sql`alter table prices add column hosted_per_picture double precision`,
];
