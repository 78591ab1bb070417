import { DEFAULT_TENANT, type TenantId } from '../ids.ts';

/** What a caller may do; also the names of an API key's scopes. */
export const permissions = [
  'system:read',
  'generations:read',
  'generations:write',
  'assets:read',
  'assets:write',
  'pictures:review',
  'quality:manage',
  'retention:manage',
  'queue:read',
  'queue:manage',
  'models:read',
  'models:manage',
  'loras:read',
  'loras:manage',
  'webhooks:manage',
  'keys:manage',
  'members:manage',
  'tenants:manage',
  'usage:read',
  'operations:read',
  'operations:manage',
  'audit:read',
] as const;

export type Permission = (typeof permissions)[number];

/** From the least to the most. */
export const roles = ['viewer', 'member', 'operator', 'admin'] as const;

/** Each role may all that the one before it may. */
export type Role = (typeof roles)[number];

const added: Readonly<Record<Role, readonly Permission[]>> = {
  viewer: ['system:read', 'generations:read', 'assets:read', 'queue:read', 'models:read', 'loras:read'],
  member: ['generations:write', 'assets:write'],
  operator: [
    'pictures:review',
    'queue:manage',
    'models:manage',
    'loras:manage',
    'webhooks:manage',
    'usage:read',
    'operations:read',
    'operations:manage',
  ],
  admin: ['quality:manage', 'retention:manage', 'keys:manage', 'members:manage', 'tenants:manage', 'audit:read'],
};

/**
 * Rights over what all tenants share. They belong to the installation's own tenant alone: an admin of another tenant
 * cannot stop everybody's queue or unload everybody's model.
 */
export const installationPermissions: ReadonlySet<Permission> = new Set([
  'queue:manage',
  'models:manage',
  'loras:manage',
  'tenants:manage',
  'operations:read',
  'operations:manage',
]);

/** What rights follow from. */
export interface Grant {
  readonly tenantId: TenantId;
  readonly role: Role;
  /** Narrow the role; undefined leaves it whole. A scope that the role does not have gives nothing. */
  readonly scopes?: readonly Permission[] | undefined;
}

/** The permissions of a grant: those of its role, without those of the installation in other tenants, within its scopes. */
export function permissionsOf({ tenantId, role, scopes }: Grant): ReadonlySet<Permission> {
  const ofRole = roles.slice(0, roles.indexOf(role) + 1).flatMap((one) => added[one]);
  const isInstallation = tenantId === DEFAULT_TENANT;
  return new Set(
    ofRole.filter(
      (one) => (isInstallation || !installationPermissions.has(one)) && (scopes === undefined || scopes.includes(one)),
    ),
  );
}

/** The lesser of two roles. */
export function lesserRole(a: Role, b: Role): Role {
  return roles.indexOf(a) <= roles.indexOf(b) ? a : b;
}

/** Whether all that a grant allows is among the permissions held; nobody hands out more than they have. */
export function isWithin(grant: Grant, held: ReadonlySet<Permission>): boolean {
  return [...permissionsOf(grant)].every((one) => held.has(one));
}
