import { differences } from '../domain/access/audit.ts';
import { changeLimits, type LimitChange, type Limits } from '../domain/access/limits.ts';
import type { Tenant } from '../domain/access/tenant.ts';
import { AppError } from '../domain/errors.ts';
import { DEFAULT_TENANT, type TenantId } from '../domain/ids.ts';
import { changeLabels, type LabelChange } from '../domain/provenance/label-policy.ts';
import type { AccessStore } from './access-ports.ts';
import type { Clock, IdSource } from './ports.ts';
import { requireTenant } from './require-rights.ts';
import { type Act, writeAudit } from './write-audit.ts';

export interface ManageTenantsPorts {
  readonly store: AccessStore;
  readonly clock: Clock;
  readonly ids: IdSource;
}

export interface TenantChange {
  readonly name?: string | undefined;
  readonly weight?: number | undefined;
  readonly limits?: LimitChange | undefined;
  readonly labels?: LabelChange | undefined;
  readonly isDisabled?: boolean | undefined;
}

export interface ManageTenants {
  /** @throws AppError `tenant_exists` */
  create(
    act: Act,
    input: Pick<Tenant, 'id' | 'name' | 'labels'> & {
      readonly weight?: number | undefined;
      readonly limits?: Limits | undefined;
    },
  ): Promise<Tenant>;
  /** In the order of their names. */
  list(): Promise<readonly Tenant[]>;
  /** @throws AppError `tenant_not_found` */
  get(id: TenantId): Promise<Tenant>;
  /**
   * Removes a disabled tenant that has no records, with its keys and members.
   *
   * @throws AppError `tenant_not_found`, `tenant_protected`; `tenant_in_use` when it is not disabled or has records
   */
  remove(act: Act, id: TenantId): Promise<void>;
  /** @throws AppError `tenant_not_found`; `tenant_protected` for the installation's own, which cannot be disabled */
  change(act: Act, id: TenantId, change: TenantChange): Promise<Tenant>;
}

/** Owners of data. Every act is in the audit log, in the same transaction. */
export function createManageTenants(ports: ManageTenantsPorts): ManageTenants {
  const { store, clock } = ports;
  return {
    create: (act, { id, name, weight = 1, limits = {}, labels = {} }) =>
      store.transact(async (transaction) => {
        if ((await transaction.findTenant(id)) !== undefined) {
          throw new AppError('tenant_exists', `There is a tenant ${JSON.stringify(id)} already.`);
        }
        const tenant: Tenant = { id, name, createdAt: clock.now(), disabledAt: undefined, weight, limits, labels };
        await transaction.saveTenant(tenant);
        const deed = { action: 'tenant.created', target: id, tenantId: id, after: { ...tenant } };
        await writeAudit(transaction, ports, act, deed);
        return tenant;
      }),

    list: () => store.reader.tenants(),

    get: (id) => requireTenant(store.reader, id),

    remove: (act, id) =>
      store.transact(async (transaction) => {
        const before = await requireTenant(transaction, id);
        if (id === DEFAULT_TENANT) {
          throw new AppError('tenant_protected', "The installation's own tenant cannot be deleted.");
        }
        if (before.disabledAt === undefined || (await transaction.hasRecords(id))) {
          const why = before.disabledAt === undefined ? 'is not disabled' : 'has pictures, files or usage';
          throw new AppError('tenant_in_use', `The tenant ${JSON.stringify(id)} ${why}.`, { details: { tenant: id } });
        }
        await transaction.removeTenant(id);
        const deed = { action: 'tenant.deleted', target: id, tenantId: id, before: { ...before } };
        await writeAudit(transaction, ports, act, deed);
      }),

    change: (act, id, { name, weight, limits, labels, isDisabled }) =>
      store.transact(async (transaction) => {
        const before = await requireTenant(transaction, id);
        if (isDisabled === true && id === DEFAULT_TENANT) {
          throw new AppError('tenant_protected', "The installation's own tenant cannot be disabled.");
        }
        const kept = isDisabled === undefined ? before.disabledAt : undefined;
        const after: Tenant = {
          ...before,
          name: name ?? before.name,
          weight: weight ?? before.weight,
          limits: limits === undefined ? before.limits : changeLimits(before.limits, limits),
          labels: labels === undefined ? before.labels : changeLabels(before.labels ?? {}, labels),
          disabledAt: isDisabled === true ? (before.disabledAt ?? clock.now()) : kept,
        };
        const change = differences({ ...before }, { ...after });
        if (Object.keys(change.after ?? {}).length === 0) return before;
        await transaction.saveTenant(after);
        const action = actionOf(before, after);
        await writeAudit(transaction, ports, act, { action, target: id, tenantId: id, ...change });
        return after;
      }),
  };
}

function actionOf(before: Tenant, after: Tenant): string {
  if (before.disabledAt === after.disabledAt) return 'tenant.changed';
  return after.disabledAt === undefined ? 'tenant.enabled' : 'tenant.disabled';
}
