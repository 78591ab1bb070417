import * as oidc from 'openid-client';
import { type IdentityProvider, ProviderError } from '../../application/provider-ports.ts';

export interface OpenIdProviderOptions {
  readonly issuer: string;
  readonly clientId: string;
  /** Undefined for a public client. */
  readonly clientSecret: string | undefined;
  readonly scopes: readonly string[];
  /** Claims that are asked for at the user-info endpoint when the ID token lacks one of them. */
  readonly neededClaims: readonly string[];
}

/**
 * A provider by its discovery document, which is read at the first sign-in, so that a server starts without its
 * provider, and again after a failure. Signatures, issuer, audience, times, state, nonce and PKCE are checked by
 * openid-client.
 */
export function createOpenIdProvider(options: OpenIdProviderOptions): IdentityProvider {
  const { issuer, clientId, clientSecret, scopes, neededClaims } = options;
  let discovered: Promise<oidc.Configuration> | undefined;

  async function discover(): Promise<oidc.Configuration> {
    // Only a provider on this machine may be asked without TLS; the settings refuse any other.
    const execute = issuer.startsWith('http:') ? [oidc.allowInsecureRequests] : [];
    const authentication = clientSecret === undefined ? oidc.None() : undefined;
    discovered ??= oidc.discovery(new URL(issuer), clientId, clientSecret, authentication, { execute, timeout: 10 });
    try {
      return await discovered;
    } catch (error) {
      discovered = undefined;
      const message = `The sign-in provider ${issuer} cannot be reached: ${wordsOf(error)}`;
      throw new ProviderError('provider_unreachable', message, { cause: error });
    }
  }

  return {
    issuer,
    async authorizationUrl({ state, nonce, codeVerifier, redirectUri }) {
      const configuration = await discover();
      const parameters = {
        ...{ redirect_uri: redirectUri, scope: scopes.join(' '), state, nonce },
        ...{ code_challenge: await oidc.calculatePKCECodeChallenge(codeVerifier), code_challenge_method: 'S256' },
      };
      return oidc.buildAuthorizationUrl(configuration, parameters).href;
    },

    async claimsOf(answer, { state, nonce, codeVerifier }) {
      const configuration = await discover();
      try {
        const checks = { pkceCodeVerifier: codeVerifier, expectedState: state, expectedNonce: nonce };
        const tokens = await oidc.authorizationCodeGrant(configuration, answer, { ...checks, idTokenExpected: true });
        const claims = { ...tokens.claims() };
        const isWhole = neededClaims.every((name) => claims[name] !== undefined);
        if (isWhole || configuration.serverMetadata().userinfo_endpoint === undefined) return claims;
        const more = await oidc.fetchUserInfo(configuration, tokens.access_token, String(claims['sub']));
        return { ...more, ...claims };
      } catch (error) {
        throw providerError(error);
      }
    },

    async endSessionUrl(returnTo) {
      const configuration = await discover().catch(() => undefined);
      if (configuration?.serverMetadata().end_session_endpoint === undefined) return undefined;
      return oidc.buildEndSessionUrl(configuration, { post_logout_redirect_uri: returnTo }).href;
    },
  };
}

function providerError(error: unknown): ProviderError {
  const isRefusal = error instanceof oidc.AuthorizationResponseError || error instanceof oidc.ResponseBodyError;
  if (isRefusal) {
    return new ProviderError('provider_refused', `The provider refuses: ${wordsOf(error)}`, { cause: error });
  }
  if (error instanceof TypeError && error.message === 'fetch failed') {
    return new ProviderError('provider_unreachable', 'The provider does not answer.', { cause: error });
  }
  return new ProviderError('token_invalid', `The provider's answer is not valid: ${wordsOf(error)}`, { cause: error });
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
