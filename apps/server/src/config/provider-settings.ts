/** Settings of the sign-in with an OpenID Connect provider. */
import { z } from 'zod';
import { roles } from '../domain/access/permission.ts';

const tenantId = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'the id of a tenant');
const claim = z.string().min(1).max(200);

export const providerSettings = {
  oidcIssuer: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe(
      'Issuer of an OpenID Connect provider that people sign in with on the page, exactly as in its discovery document. https, but for a provider on this machine.',
    ),
  oidcClientId: z.string().min(1).max(500).optional().describe('Client id that the provider gave out.'),
  oidcClientSecret: z
    .string()
    .min(1)
    .max(2_000)
    .optional()
    .describe('Client secret that the provider gave out; none for a public client. Rather in the variable.'),
  oidcName: z
    .string()
    .min(1)
    .max(60)
    .default('SSO')
    .describe('What people call the provider; the page shows "Sign in with …".'),
  oidcScopes: z
    .array(z.string().min(1))
    .default(['openid', 'profile', 'email'])
    .describe('Scopes that the provider is asked for; openid must be among them.'),
  oidcAllowedDomains: z
    .array(z.string().min(1).toLowerCase())
    .default([])
    .describe(
      'Domains of e-mail addresses that are let in, e.g. example.com; none lets in all that the provider does.',
    ),
  oidcTrustEmail: z
    .boolean()
    .default(false)
    .describe(
      'Whether an e-mail address counts that the provider does not call verified (email_verified). Only for providers whose people cannot choose their address.',
    ),
  oidcCreateMembers: z
    .boolean()
    .default(false)
    .describe('Whether whoever the provider lets in becomes a member; else only people who were invited get in.'),
  oidcDefaultTenant: tenantId.default('default').describe('Tenant of members that are created.'),
  oidcTenantClaim: claim
    .optional()
    .describe('Claim that names the tenant of a person. Who has none, or another than their own, is not let in.'),
  oidcTenants: z
    .record(z.string().min(1), tenantId)
    .default({})
    .describe('Tenants by values of that claim; a value that is not listed is the id itself. In a variable: JSON.'),
  oidcDefaultRole: z
    .enum(roles)
    .default('member')
    .describe('Role of members that are created, and of those whose role claim says nothing.'),
  oidcRoleClaim: claim
    .optional()
    .describe(
      'Claim with the role or the groups of a person. With it, roles are set at every sign-in by what it says; without it, by the admins here.',
    ),
  oidcRoles: z
    .record(z.string().min(1), z.enum(roles))
    .default({})
    .describe('Roles by values of that claim, e.g. {"mill-admins": "admin"}; the highest counts. In a variable: JSON.'),
  oidcEndSession: z.boolean().default(false).describe('Whether signing out on the page signs out at the provider too.'),
};
