/** Who a sign-in provider says somebody is, and what that is here: pure rules over the claims of an ID token. */
import { type Role, roles } from './permission.ts';

/** Claims of the ID token, with those of the user-info answer where it lacks them. */
export type Claims = Readonly<Record<string, unknown>>;

/** How claims become members. */
export interface PersonRules {
  /** Domains of e-mail addresses that are let in; empty lets in all. Lower case. */
  readonly allowedDomains: readonly string[];
  /** Whether an address counts that the provider does not call verified. */
  readonly trustsEmail: boolean;
  /** Claim with the role, or with groups; undefined leaves roles to the admins here. */
  readonly roleClaim: string | undefined;
  /** Role by value of the claim; names of roles stand for themselves. */
  readonly roles: Readonly<Record<string, Role>>;
  readonly defaultRole: Role;
  /** Claim with the tenant; undefined takes `defaultTenant` for new members. */
  readonly tenantClaim: string | undefined;
  /** Tenant by value of the claim; a value that is not listed is the id itself. */
  readonly tenants: Readonly<Record<string, string>>;
  readonly defaultTenant: string;
}

export interface Person {
  readonly subject: string;
  /** Lower case. */
  readonly email: string;
  readonly name: string;
  /** What the claim says; undefined when roles are not the provider's affair. */
  readonly role: Role | undefined;
  /** What the claim says; undefined when tenants are not the provider's affair. */
  readonly tenant: string | undefined;
}

/** Why somebody is not let in. */
export type SignInRefusal =
  | 'expired'
  | 'state_mismatch'
  | 'provider_refused'
  | 'provider_unreachable'
  | 'token_invalid'
  | 'email_missing'
  | 'domain_not_allowed'
  | 'unknown_member'
  | 'member_disabled'
  | 'tenant_disabled'
  | 'wrong_tenant'
  | 'too_many_attempts';

/** Reads a person out of claims by the rules, or why they are not let in. */
export function readPerson(claims: Claims, rules: PersonRules): Person | SignInRefusal {
  const subject = textOf(claims['sub']);
  if (subject === undefined) return 'token_invalid';
  const email = textOf(claims['email'])?.toLowerCase();
  // Whoever could write any address into their profile would become whoever was invited under it.
  if (email === undefined || !(rules.trustsEmail || claims['email_verified'] === true)) return 'email_missing';
  const domain = email.slice(email.lastIndexOf('@') + 1);
  if (rules.allowedDomains.length > 0 && !rules.allowedDomains.includes(domain)) return 'domain_not_allowed';
  const name = textOf(claims['name']) ?? textOf(claims['preferred_username']) ?? '';
  const role = rules.roleClaim === undefined ? undefined : roleOf(valuesOf(claims[rules.roleClaim]), rules);
  const tenant = rules.tenantClaim === undefined ? undefined : tenantOf(valuesOf(claims[rules.tenantClaim]), rules);
  if (rules.tenantClaim !== undefined && tenant === undefined) return 'wrong_tenant';
  return { subject, email, name: name.slice(0, MOST_LETTERS), role, tenant };
}

/** The highest of the roles that the values stand for. */
function roleOf(values: readonly string[], { roles: mapped, defaultRole }: PersonRules): Role {
  const found = values.flatMap((value) => (Object.hasOwn(mapped, value) ? [mapped[value]] : [value]));
  return roles.findLast((role) => found.includes(role)) ?? defaultRole;
}

function tenantOf([value]: readonly string[], { tenants }: PersonRules): string | undefined {
  return value !== undefined && Object.hasOwn(tenants, value) ? tenants[value] : value;
}

/** A claim may be one value or a list. */
function valuesOf(claim: unknown): readonly string[] {
  return (Array.isArray(claim) ? claim : [claim]).filter((value): value is string => typeof value === 'string');
}

function textOf(claim: unknown): string | undefined {
  return typeof claim === 'string' && claim.trim() !== '' && claim.length <= MOST_LETTERS ? claim.trim() : undefined;
}

const MOST_LETTERS = 250;
