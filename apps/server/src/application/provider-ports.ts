import type { Claims } from '../domain/access/person.ts';

/** What binds the two halves of a sign-in together. */
export interface SignInProof {
  readonly state: string;
  readonly nonce: string;
  /** PKCE (RFC 7636). */
  readonly codeVerifier: string;
}

/** A sign-in provider that speaks OpenID Connect. */
export interface IdentityProvider {
  /** As the provider writes it into its tokens. */
  readonly issuer: string;
  /** Where the browser goes to sign in. @throws ProviderError `provider_unreachable` */
  authorizationUrl(request: SignInProof & { readonly redirectUri: string }): Promise<string>;
  /**
   * What the provider says about whoever came back.
   *
   * @param answer the address that the browser was sent back to, with its query
   * @throws ProviderError
   */
  claimsOf(answer: URL, proof: SignInProof): Promise<Claims>;
  /** Where the browser goes to sign out there too; undefined when the provider has no such place. */
  endSessionUrl(returnTo: string): Promise<string | undefined>;
}

/** Why the provider's part of a sign-in failed. */
export class ProviderError extends Error {
  override readonly name = 'ProviderError';
  readonly reason: 'provider_refused' | 'provider_unreachable' | 'token_invalid';

  constructor(reason: ProviderError['reason'], message: string, options: { readonly cause: unknown }) {
    super(message, options);
    this.reason = reason;
  }
}
