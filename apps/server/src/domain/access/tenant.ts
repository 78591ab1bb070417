import type { KeyId, MemberId, TenantId } from '../ids.ts';
import type { LabelOverride } from '../provenance/label-policy.ts';
import type { Limits } from './limits.ts';
import type { Role } from './permission.ts';

/** An owner of data. The tenant `default` is the installation's own and is always there. */
export interface Tenant {
  readonly id: TenantId;
  /** For people. */
  readonly name: string;
  readonly createdAt: number;
  /** Since when its keys and members are refused. Its records stay. */
  readonly disabledAt: number | undefined;
  /** Share of the device while tenants compete, 1 for all by default. */
  readonly weight: number;
  readonly limits: Limits;
  /** How its pictures are labelled otherwise than those of all. @default as those of all */
  readonly labels?: LabelOverride | undefined;
}

/** A person of a tenant. */
export interface Member {
  readonly id: MemberId;
  readonly tenantId: TenantId;
  /** In lower case. */
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  /** Who the sign-in provider says it is; undefined before the first sign-in. */
  readonly identity: { readonly issuer: string; readonly subject: string } | undefined;
  readonly createdAt: number;
  readonly disabledAt: number | undefined;
  readonly lastSeenAt: number | undefined;
}

/** A browser that signed in, with a key or as a member. */
export interface Session {
  /** SHA-256 of the cookie's value, in hex. */
  readonly idHash: string;
  readonly tenantId: TenantId;
  readonly holder: { readonly keyId: KeyId } | { readonly memberId: MemberId };
  readonly createdAt: number;
  readonly expiresAt: number;
}
