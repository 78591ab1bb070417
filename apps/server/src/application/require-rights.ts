import { type Caller, isOfInstallation } from '../domain/access/caller.ts';
import { type Grant, isWithin, type Permission } from '../domain/access/permission.ts';
import type { Tenant } from '../domain/access/tenant.ts';
import { AppError } from '../domain/errors.ts';
import type { TenantId } from '../domain/ids.ts';
import type { AccessReader } from './access-ports.ts';

/** Whether the caller may see to the affairs of another tenant. */
export function administersTenants(caller: Caller): boolean {
  return isOfInstallation(caller) && caller.permissions.has('tenants:manage');
}

/**
 * Nobody hands out more than they have. Only an admin of the installation gives rights in another tenant, which are
 * another tenant's by nature.
 *
 * @throws AppError `forbidden`, `tenant_not_found`
 */
export function requireRights(caller: Caller, wanted: Grant, permission: Permission): void {
  if (wanted.tenantId !== caller.tenantId) {
    if (administersTenants(caller)) return;
    throw tenantNotFound(wanted.tenantId);
  }
  if (isWithin(wanted, caller.permissions)) return;
  const message = 'Nobody can give more rights than they have.';
  throw new AppError('forbidden', message, { details: { permission, role: wanted.role } });
}

/** @throws AppError `tenant_not_found` */
export async function requireTenant(reader: AccessReader, id: TenantId): Promise<Tenant> {
  const tenant = await reader.findTenant(id);
  if (tenant === undefined) throw tenantNotFound(id);
  return tenant;
}

export function tenantNotFound(id: string): AppError {
  return new AppError('tenant_not_found', `There is no tenant ${JSON.stringify(id)}.`, { details: { tenant: id } });
}
