import { differences } from '../domain/access/audit.ts';
import type { TenantId } from '../domain/ids.ts';
import { changePolicy, type QualityPolicy, type QualityPolicyChange } from '../domain/quality/policy.ts';
import type { AccessReader } from './access-ports.ts';
import type { Clock, IdSource, Store } from './ports.ts';
import { requireTenant } from './require-rights.ts';
import { type Act, writeAudit } from './write-audit.ts';

export interface QualityPolicyPorts {
  readonly store: Store;
  readonly access: AccessReader;
  readonly clock: Clock;
  readonly ids: IdSource;
  /** What holds for tenants without a policy of their own. */
  readonly installation: QualityPolicy;
}

export interface TenantPolicy {
  readonly policy: QualityPolicy;
  /** What the tenant changed of the installation's. */
  readonly own: QualityPolicyChange | undefined;
}

/** What happens to a tenant's pictures that fail a check. */
export interface ManageQualityPolicy {
  /** @throws AppError `tenant_not_found` */
  get(tenantId: TenantId): Promise<TenantPolicy>;
  /** In place of what the tenant had; nothing goes back to the installation's. @throws AppError `tenant_not_found` */
  set(act: Act, tenantId: TenantId, own: QualityPolicyChange): Promise<TenantPolicy>;
}

export function createManageQualityPolicy(ports: QualityPolicyPorts): ManageQualityPolicy {
  const { store, access, installation } = ports;
  const answer = (own: QualityPolicyChange | undefined): TenantPolicy => ({
    policy: changePolicy(installation, own ?? {}),
    own,
  });
  return {
    async get(tenantId) {
      await requireTenant(access, tenantId);
      return answer(await store.quality.policyOf(tenantId));
    },
    async set(act, tenantId, change) {
      await requireTenant(access, tenantId);
      const own = Object.keys(change).length === 0 ? undefined : change;
      await store.transact(async ({ quality, access: log }) => {
        const before = (await quality.policyOf(tenantId)) ?? {};
        await quality.savePolicy(tenantId, own);
        const deed = { action: 'quality_policy.set', target: tenantId, tenantId };
        await writeAudit(log, ports, act, { ...deed, ...differences({ ...before }, { ...own }) });
      });
      return answer(own);
    },
  };
}
