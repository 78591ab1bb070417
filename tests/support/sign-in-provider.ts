import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type AccountClaims, type Configuration, Provider } from 'oidc-provider';

/** A real OpenID Connect provider on a port of its own, whose people sign in without being asked. */
export interface SignInProvider extends AsyncDisposable {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Who signs in next; undefined refuses. */
  person: string | undefined;
  /** Claims by person. */
  readonly people: Record<string, AccountClaims>;
  /** Seconds that an ID token is good for. */
  tokenSeconds: number;
}

/** @param origins addresses of servers that it may send browsers back to, asked at each sign-in */
export async function startSignInProvider(origins: () => readonly string[]): Promise<SignInProvider> {
  let handle: (request: IncomingMessage, response: ServerResponse) => unknown = () => undefined;
  const server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const state: Omit<SignInProvider, typeof Symbol.asyncDispose> = {
    ...{ issuer, clientId: 'imagemill', clientSecret: 'a secret of the test' },
    ...{ person: undefined, people: {}, tokenSeconds: 600 },
  };
  const provider = new Provider(issuer, configurationOf(state));
  // Which servers there are is known only after the provider has started: their ports are free ones.
  provider.Client.prototype.redirectUriAllowed = (uri: string) =>
    origins().some((origin) => uri === `${origin}/v1/session/oidc/callback`);
  provider.Client.prototype.postLogoutRedirectUriAllowed = (uri: string) => origins().includes(new URL(uri).origin);
  const answer = provider.callback();
  handle = async (request, response) => {
    if (request.url?.startsWith('/interaction/') !== true) return answer(request, response);
    const { person } = state;
    const result = person === undefined ? { error: 'access_denied' } : { login: { accountId: person } };
    await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
  };
  return Object.assign(state, {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

function configurationOf(state: Omit<SignInProvider, typeof Symbol.asyncDispose>): Configuration {
  const { clientId, clientSecret, people } = state;
  return {
    clients: [
      {
        ...{ client_id: clientId, client_secret: clientSecret, token_endpoint_auth_method: 'client_secret_post' },
        ...{ redirect_uris: ['http://127.0.0.1/v1/session/oidc/callback'], grant_types: ['authorization_code'] },
      },
    ],
    cookies: { keys: ['of the test'] },
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      profile: ['name', 'groups', 'company'],
    },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
    pkce: { required: () => true },
    ttl: { IdToken: () => state.tokenSeconds },
    findAccount: (_context, accountId) => ({
      accountId,
      claims: async () => ({ ...people[accountId], sub: accountId }),
    }),
    async loadExistingGrant({ oidc }) {
      const { client, session, provider } = oidc;
      const grant = new provider.Grant({ clientId: client?.clientId, accountId: session?.accountId });
      grant.addOIDCScope('openid email profile');
      await grant.save();
      return grant;
    },
  };
}
