import { differences } from '../domain/access/audit.ts';
import type { TenantId } from '../domain/ids.ts';
import { type Retention, type RetentionChange, retentionOf } from '../domain/retention/retention.ts';
import type { AccessReader, AccessTransaction } from './access-ports.ts';
import type { Clock, IdSource } from './ports.ts';
import { requireTenant } from './require-rights.ts';
import type { RetentionReader, RetentionTransaction } from './retention-ports.ts';
import { type Act, writeAudit } from './write-audit.ts';

export interface ManageRetentionPorts {
  readonly retention: RetentionReader;
  readonly transact: <T>(
    work: (transaction: { readonly access: AccessTransaction; readonly retention: RetentionTransaction }) => Promise<T>,
  ) => Promise<T>;
  readonly access: AccessReader;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly installation: Retention;
}

export interface TenantRetention {
  readonly retention: Retention;
  /** What the tenant changed of the installation's. */
  readonly own: RetentionChange | undefined;
}

/** How long what a tenant drew is kept. Every change is in the audit log. */
export interface ManageRetention {
  /** @throws AppError `tenant_not_found` */
  get(tenantId: TenantId): Promise<TenantRetention>;
  /** In place of what the tenant had; nothing goes back to the installation's. @throws AppError `tenant_not_found` */
  set(act: Act, tenantId: TenantId, own: RetentionChange): Promise<TenantRetention>;
}

export function createManageRetention(ports: ManageRetentionPorts): ManageRetention {
  const { retention: reader, transact, access, installation } = ports;
  return {
    async get(tenantId) {
      await requireTenant(access, tenantId);
      const own = await reader.retentionOf(tenantId);
      return { retention: retentionOf(installation, own ?? {}), own };
    },
    async set(act, tenantId, change) {
      await requireTenant(access, tenantId);
      const own = Object.keys(change).length === 0 ? undefined : change;
      await transact(async ({ retention, access: log }) => {
        const before = (await retention.retentionOf(tenantId)) ?? {};
        await retention.saveRetention(tenantId, own);
        const deed = { action: 'retention.set', target: tenantId, tenantId };
        await writeAudit(log, ports, act, { ...deed, ...differences({ ...before }, { ...own }) });
      });
      return { retention: retentionOf(installation, own ?? {}), own };
    },
  };
}
