import type { TenantId } from '../domain/ids.ts';

/** Whose settings of a compatible API are kept: each key has its own. */
export interface OptionsOwner {
  readonly tenantId: TenantId;
  /** A key, a member, or empty for the machine itself. */
  readonly holder: string;
}
