/**
 * What quotas and usage need of the store.
 *
 * - *subject*: whose quota it is, the tenant's as a whole (empty) or a key's.
 * - *reservation*: what a job that has not ended was promised; it goes when the job ends, so each is settled once.
 */
import type { Period, QuotaCounter } from '../domain/access/quota.ts';
import type { Prices, UsageAmounts, UsageKey } from '../domain/access/usage.ts';
import type { Budget } from '../domain/cost/budget.ts';
import type { JobId, TenantId } from '../domain/ids.ts';

export interface Reservation {
  readonly jobId: JobId;
  readonly tenantId: TenantId;
  /** Empty for a request without a key. */
  readonly keyId: string;
  readonly costMs: number;
  readonly reservedAt: number;
}

/** A change of a counter, or the counter as it is then. */
export interface SubjectCounter extends QuotaCounter {
  readonly tenantId: TenantId;
  readonly subject: string;
}

export const usageGroups = ['tenant', 'day', 'key', 'model', 'size'] as const;
export type UsageGroup = (typeof usageGroups)[number];

export interface UsageQuery {
  /** Undefined for all tenants. */
  readonly tenantId: TenantId | undefined;
  /** Days since 1970, both included. */
  readonly fromDay: number;
  readonly toDay: number;
  readonly groupBy: readonly UsageGroup[];
}

export interface UsageRow extends Partial<UsageKey>, UsageAmounts {}

export interface UsageReader {
  /** Those of the periods that there are. */
  counters(tenantId: TenantId, subject: string, periods: readonly Period[]): Promise<readonly SubjectCounter[]>;
  /** In the order of the groups. */
  usage(query: UsageQuery): Promise<readonly UsageRow[]>;
  /** The newest; undefined before the first. */
  prices(): Promise<Prices | undefined>;
  budgetOf(tenantId: TenantId): Promise<Budget | undefined>;
  /** Tenants that have a soft budget. */
  softBudgets(): Promise<readonly { readonly tenantId: TenantId; readonly soft: number }[]>;
  /** Tenants whose soft budget somebody was told of in this month. */
  budgetsTold(month: string): Promise<number>;
}

export interface UsageTransaction extends UsageReader {
  /** Adds to counters, in the order given, and gives them as they are then. */
  addToCounters(changes: readonly SubjectCounter[]): Promise<readonly SubjectCounter[]>;
  addReservations(reservations: readonly Reservation[]): Promise<void>;
  findReservation(id: JobId): Promise<Reservation | undefined>;
  /** Takes it out; undefined when there is none. */
  takeReservation(id: JobId): Promise<Reservation | undefined>;
  addUsage(key: UsageKey, amounts: UsageAmounts): Promise<void>;
  saveBudget(tenantId: TenantId, budget: Budget): Promise<void>;
  /** False when somebody was told of the soft budget in this month before. */
  noteBudgetTold(tenantId: TenantId, month: string): Promise<boolean>;
  savePrices(prices: Prices & { readonly since: number }): Promise<void>;
  /** Removes counters of days and months that began before these and have nothing open; gives how many. */
  forgetCounters(before: { readonly day: Period; readonly month: Period }): Promise<number>;
}
