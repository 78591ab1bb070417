/** Wiring of the sign-in with an OpenID Connect provider. */
import type { ProviderSignIn } from '../adapters/http/routes/provider-sign-in.ts';
import { createOpenIdProvider } from '../adapters/oidc/openid-provider.ts';
import { secrets } from '../adapters/secrets.ts';
import type { AccessStore } from '../application/access-ports.ts';
import type { Clock, IdSource, Logger } from '../application/ports.ts';
import { createSignInWithProvider } from '../application/sign-in-with-provider.ts';
import { type Config, isLoopback } from '../config/load.ts';
import { StartupError } from '../config/startup-error.ts';

export interface ProviderParts {
  readonly store: AccessStore;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly log: Logger;
}

/** Undefined when no provider is set up. @throws StartupError `settings_invalid` for settings that do not go together */
export function composeProvider(config: Config, parts: ProviderParts): ProviderSignIn | undefined {
  const { oidcIssuer: issuer, oidcClientId: clientId, oidcRoleClaim: roleClaim, oidcTenantClaim: tenantClaim } = config;
  if (issuer === undefined || clientId === undefined) {
    if (issuer === undefined && clientId === undefined) return undefined;
    throw new StartupError('settings_invalid', 'oidcIssuer and oidcClientId go together: set both, or neither.');
  }
  requireFitting(config, issuer);
  const neededClaims = ['email', 'email_verified', roleClaim, tenantClaim].filter((name) => name !== undefined);
  const { oidcClientSecret: clientSecret, oidcScopes: scopes } = config;
  const provider = createOpenIdProvider({ issuer, clientId, clientSecret, scopes, neededClaims });
  const rules = {
    allowedDomains: config.oidcAllowedDomains,
    trustsEmail: config.oidcTrustEmail,
    createsMembers: config.oidcCreateMembers,
    ...{ roleClaim, roles: config.oidcRoles, defaultRole: config.oidcDefaultRole },
    ...{ tenantClaim, tenants: config.oidcTenants, defaultTenant: config.oidcDefaultTenant },
  };
  return {
    signIn: createSignInWithProvider({ ...parts, provider, secrets, rules, sessionMs: sessionMs(config) }),
    name: config.oidcName,
    publicUrl: config.publicUrl,
    endsProviderSession: config.oidcEndSession,
  };
}

export function sessionMs({ sessionHours }: Config): number {
  return sessionHours * 3_600_000;
}

function requireFitting({ host, publicUrl, oidcScopes }: Config, issuer: string): void {
  const { protocol, hostname } = new URL(issuer);
  if (protocol === 'http:' && !isLoopback(hostname)) {
    const message = `oidcIssuer ${issuer} must begin with https: whoever reads along could sign in as anybody.`;
    throw new StartupError('settings_invalid', message);
  }
  if (!oidcScopes.includes('openid')) {
    throw new StartupError(
      'settings_invalid',
      'oidcScopes must hold openid, else the provider does not say who it is.',
    );
  }
  if (publicUrl !== undefined || isLoopback(host)) return;
  const message =
    'oidcIssuer needs publicUrl, the address under which people reach the page: the provider sends browsers back there.';
  throw new StartupError('settings_invalid', message);
}
