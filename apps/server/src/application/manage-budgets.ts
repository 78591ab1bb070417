import { differences } from '../domain/access/audit.ts';
import type { Budget } from '../domain/cost/budget.ts';
import type { TenantId } from '../domain/ids.ts';
import { wants } from '../domain/webhook.ts';
import type { AccessReader, AccessTransaction } from './access-ports.ts';
import { type BudgetStanding, standingOf } from './check-budget.ts';
import type { Clock, IdSource, Logger } from './ports.ts';
import { requireTenant } from './require-rights.ts';
import type { SetPricesPorts } from './set-prices.ts';
import type { UsageReader, UsageTransaction } from './usage-ports.ts';
import type { WebhookTransaction } from './webhook-ports.ts';
import { type Act, writeAudit } from './write-audit.ts';

export interface ManageBudgetsPorts extends SetPricesPorts {
  readonly access: AccessReader;
  readonly usage: UsageReader;
}

export interface ManageBudgets {
  /** @throws AppError `tenant_not_found` */
  get(tenantId: TenantId): Promise<BudgetStanding>;
  /** What is undefined is not limited. @throws AppError `tenant_not_found` */
  set(act: Act, tenantId: TenantId, budget: Budget): Promise<BudgetStanding>;
}

export function createManageBudgets(ports: ManageBudgetsPorts): ManageBudgets {
  const { access, usage, transact, clock } = ports;
  return {
    async get(tenantId) {
      await requireTenant(access, tenantId);
      return standingOf(usage, tenantId, clock.now());
    },
    async set(act, tenantId, budget) {
      await requireTenant(access, tenantId);
      await transact(async (transaction) => {
        const before = await transaction.usage.budgetOf(tenantId);
        await transaction.usage.saveBudget(tenantId, budget);
        const deed = { action: 'budget.set', target: tenantId, tenantId };
        await writeAudit(transaction.access, ports, act, { ...deed, ...differences({ ...before }, { ...budget }) });
      });
      return standingOf(usage, tenantId, clock.now());
    },
  };
}

export interface WatchBudgetsPorts {
  readonly usage: UsageReader;
  readonly transact: <T>(
    work: (transaction: {
      readonly access: AccessTransaction;
      readonly usage: UsageTransaction;
      readonly webhooks: Pick<WebhookTransaction, 'list' | 'addDelivery'>;
    }) => Promise<T>,
  ) => Promise<T>;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly log: Logger;
}

/**
 * Tells once a month of every tenant that has spent its soft budget: in the audit log, the log and the tenant's
 * webhooks. A rule of alerts counts who was told of.
 */
export function createWatchBudgets({ usage, transact, clock, ids, log }: WatchBudgetsPorts): () => Promise<void> {
  return async () => {
    for (const { tenantId, soft } of await usage.softBudgets()) {
      const at = clock.now();
      const { spent, month } = await standingOf(usage, tenantId, at);
      if (spent < soft) continue;
      await transact(async (transaction) => {
        if (!(await transaction.usage.noteBudgetTold(tenantId, month))) return;
        const after = { month, soft, spent };
        const deed = { action: 'budget.soft_reached', target: tenantId, address: undefined, before: undefined, after };
        await transaction.access.addAudit([
          { ...deed, id: ids.next(), tenantId, at, actor: { name: 'imagemill' }, count: 1 },
        ]);
        const data = { tenantId, month, soft, spent: Math.round(spent * 1e6) / 1e6 };
        await tellWebhooks(transaction.webhooks, { tenantId, at, data, ids });
        log.warn({ tenant: tenantId, month, soft, spent }, 'a tenant has spent its soft budget');
      });
    }
  };
}

async function tellWebhooks(
  webhooks: Pick<WebhookTransaction, 'list' | 'addDelivery'>,
  told: { readonly tenantId: TenantId; readonly at: number; readonly data: object; readonly ids: IdSource },
): Promise<void> {
  const { tenantId, at, data, ids } = told;
  const eventType = 'budget.soft_reached';
  const payload = JSON.stringify({ type: eventType, timestamp: new Date(at).toISOString(), data });
  for (const endpoint of await webhooks.list(tenantId)) {
    if (endpoint.disabled !== undefined || !wants(endpoint, eventType)) continue;
    const message = { id: `msg_${ids.next()}`, tenantId, webhookId: endpoint.id, eventType, payload };
    await webhooks.addDelivery({ ...message, createdAt: at, state: 'pending', attempts: 0, nextAt: at });
  }
}
