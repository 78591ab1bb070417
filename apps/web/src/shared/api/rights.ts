/** Lists of the API's contract, without the schemas beside them: those bring a validator that the page does not need. */
import type { Permission, Role } from '@imagemill/api';

/** From the least to the most. */
export const roles = ['viewer', 'member', 'operator', 'admin'] as const satisfies readonly Role[];

export const permissions = [
  'system:read',
  'generations:read',
  'generations:write',
  'assets:read',
  'assets:write',
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
  'audit:read',
] as const satisfies readonly Permission[];
