/** Roles and permissions as plain lists: a page may have them without the schemas beside them. */

/** From the least to the most; each may all that the one before it may. */
export const roles = ['viewer', 'member', 'operator', 'admin'] as const;
export type Role = (typeof roles)[number];

/** What a caller may do; also the scopes that narrow an API key. */
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
