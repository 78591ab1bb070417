import { OPEN } from '../domain/access/quota.ts';
import { costMicros } from '../domain/access/usage.ts';
import { type Budget, type BudgetState, budgetState, monthOf, type Spending } from '../domain/cost/budget.ts';
import { AppError } from '../domain/errors.ts';
import type { TenantId } from '../domain/ids.ts';
import type { UsageReader, UsageTransaction } from './usage-ports.ts';

/** How a tenant stands in a month. */
export interface BudgetStanding extends Spending {
  readonly budget: Budget;
  readonly state: BudgetState;
  /** `2026-11` */
  readonly month: string;
}

/** What was spent in the month of a moment, and what is reserved for what waits and is under way. */
export async function standingOf(usage: UsageReader, tenantId: TenantId, at: number): Promise<BudgetStanding> {
  const { name, fromDay, toDay } = monthOf(at);
  const budget = (await usage.budgetOf(tenantId)) ?? { soft: undefined, hard: undefined };
  const [row] = await usage.usage({ tenantId, fromDay, toDay, groupBy: [] });
  const prices = await usage.prices();
  const [open] = await usage.counters(tenantId, '', [OPEN]);
  const reserved =
    prices === undefined || open === undefined
      ? 0
      : costMicros(prices, { pictures: open.reserved, deviceMs: open.reservedMs }) / 1e6;
  const spending = { spent: (row?.costMicros ?? 0) / 1e6, reserved: Math.max(0, reserved) };
  return { ...spending, budget, month: name, state: budgetState(budget, spending) };
}

/**
 * To be called in the transaction that accepts jobs, after they were reserved.
 *
 * @throws AppError `budget_exceeded` when they would cost more than is left of the month's budget
 */
export async function requireBudget(usage: UsageTransaction, tenantId: TenantId, at: number): Promise<void> {
  const hard = (await usage.budgetOf(tenantId))?.hard;
  if (hard === undefined) return;
  const { spent, reserved, month } = await standingOf(usage, tenantId, at);
  if (spent + reserved <= hard) return;
  const shown = (value: number): number => Math.round(value * 1e4) / 1e4;
  const details = { limit: hard, spent: shown(spent), reserved: shown(reserved), month };
  const message = `The tenant ${tenantId} may spend ${hard} in ${month}; ${details.spent} are spent, and with this request ${details.reserved} would be reserved.`;
  throw new AppError('budget_exceeded', message, { details });
}
