/** What the routes of keys, tenants, members, usage and audit call, and how they read a request. */
import type { FastifyRequest } from 'fastify';
import type { AccessReader } from '../../application/access-ports.ts';
import type { ManageBudgets } from '../../application/manage-budgets.ts';
import type { ManageKeys } from '../../application/manage-keys.ts';
import type { ManageMembers } from '../../application/manage-members.ts';
import type { ManageRetention } from '../../application/manage-retention.ts';
import type { ManageTenants } from '../../application/manage-tenants.ts';
import type { Clock } from '../../application/ports.ts';
import { administersTenants, tenantNotFound } from '../../application/require-rights.ts';
import type { SetPrices } from '../../application/set-prices.ts';
import type { RotateUrlKey } from '../../application/signing-keys.ts';
import type { Asker } from '../../application/submit-generation.ts';
import type { UsageReader } from '../../application/usage-ports.ts';
import type { Act } from '../../application/write-audit.ts';
import { commandLineCaller } from '../../domain/access/caller.ts';
import { type TenantId, tenantId } from '../../domain/ids.ts';
import { askerOf, callerOf } from './tenant.ts';

export interface AdministrationPorts {
  readonly manageKeys: ManageKeys;
  readonly rotateUrlKey: RotateUrlKey;
  readonly manageTenants: ManageTenants;
  readonly manageMembers: ManageMembers;
  readonly setPrices: SetPrices;
  readonly budgets: ManageBudgets;
  readonly retention: ManageRetention;
  readonly access: AccessReader;
  readonly usage: UsageReader;
  readonly clock: Clock;
}

/** Who asks, and from where. */
export function actOf(request: FastifyRequest): Act {
  const caller = callerOf(request);
  return { caller, address: caller === commandLineCaller ? undefined : request.ip };
}

/** The caller's own tenant, or the one named by an admin of the installation. @throws AppError `tenant_not_found` */
export function tenantNamed(request: FastifyRequest, named: string | undefined): TenantId {
  const caller = callerOf(request);
  if (named === undefined || named === caller.tenantId || administersTenants(caller)) {
    return named === undefined ? caller.tenantId : tenantId(named);
  }
  // Whether there is one is nobody else's business.
  throw tenantNotFound(named);
}

/**
 * As `tenantNamed`; undefined where `*` names all of them.
 *
 * @throws AppError `tenant_not_found`
 */
export function tenantsNamed(request: FastifyRequest, named: string | undefined): TenantId | undefined {
  return named === '*' && administersTenants(callerOf(request)) ? undefined : tenantNamed(request, named);
}

/** Whose quotas a request counts towards that is about the tenant named; a key counts within its own tenant alone. */
export function askerNamed(request: FastifyRequest, named: string | undefined): Asker {
  const asker = askerOf(request);
  const tenantId = tenantNamed(request, named);
  return tenantId === asker.tenantId ? asker : { tenantId };
}

/** A page out of one item more than it has room for. */
export function pageOf<T extends { readonly id: string }, Shown>(
  found: readonly T[],
  limit: number,
  present: (item: T) => Shown,
): { readonly items: readonly Shown[]; readonly nextCursor?: string | undefined } {
  const items = found.slice(0, limit);
  return { items: items.map(present), nextCursor: found.length > limit ? items.at(-1)?.id : undefined };
}

export function timeOf(at: number): string;
export function timeOf(at: number | undefined): string | undefined;
export function timeOf(at: number | undefined): string | undefined {
  return at === undefined ? undefined : new Date(at).toISOString();
}
