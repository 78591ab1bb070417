import { signInOptionsSchema } from '@imagemill/api';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { TakeSignIn } from '../../../application/sign-in-limit.ts';
import type { Refused, SignInWithProvider } from '../../../application/sign-in-with-provider.ts';
import type { App } from '../app-type.ts';
import type { AuthenticationPorts } from '../authentication.ts';
import { cookieOf } from '../credentials.ts';
import { json, problems } from '../openapi.ts';
import { setCookie } from '../session-cookie.ts';

/** Sign-in with a provider, where one is set up. */
export interface ProviderSignIn {
  readonly signIn: SignInWithProvider;
  /** What people call the provider. */
  readonly name: string;
  /** Address of the page as browsers reach it, without a slash at the end; undefined takes that of the request. */
  readonly publicUrl: string | undefined;
  /** Whether signing out here signs out at the provider too. */
  readonly endsProviderSession: boolean;
}

/** What a sign-in needs of the server around it. */
export interface SignInPorts extends Pick<AuthenticationPorts, 'sessionCookie' | 'onRefused'> {
  readonly takeSignIn: TakeSignIn;
}

const paths = { begin: '/v1/session/oidc', finish: '/v1/session/oidc/callback', end: '/v1/session/oidc/end' } as const;
const tags = ['access'];
const config = { permission: 'public' } as const;
const redirect = { 302: z.undefined().describe('Somewhere else') };

/** What the page offers to sign in with. */
export function addSignInOptionsRoute(app: App, provider: ProviderSignIn | undefined): void {
  app.get(
    '/v1/session/options',
    {
      config,
      schema: {
        operationId: 'getSignInOptions',
        summary: 'Ways to sign a browser in',
        tags,
        response: { 200: json('The ways', signInOptionsSchema), ...problems() },
      },
    },
    async () => {
      if (provider === undefined) return {};
      const endUrl = provider.endsProviderSession ? paths.end : undefined;
      return { provider: { name: provider.name, url: paths.begin, endUrl } };
    },
  );
}

/** The two halves of a sign-in with the provider, for browsers: every answer leads somewhere. */
export function addProviderSignInRoutes(app: App, ports: SignInPorts, provider: ProviderSignIn): void {
  const { signIn } = provider;
  const cookie = `${ports.sessionCookie}-sign-in`;
  const base = (request: FastifyRequest): string => provider.publicUrl ?? `${request.protocol}://${request.host}`;
  const refuse = (request: FastifyRequest, reply: FastifyReply, { refusal, reason, tenantId }: Refused) => {
    const route = `${request.method} ${request.routeOptions.url ?? ''}`;
    ports.onRefused({ code: 'unauthorized', reason, tenantId }, { address: request.ip, route });
    return reply.redirect(`/sign-in?problem=${refusal}`);
  };
  const isTooOften = (request: FastifyRequest): boolean => !ports.takeSignIn(request.ip).isAllowed;
  const tooMany: Refused = { refusal: 'too_many_attempts', reason: 'There were too many attempts to sign in.' };

  app.get(
    paths.begin,
    {
      config,
      schema: {
        operationId: 'beginProviderSignIn',
        summary: 'Send a browser to the sign-in provider',
        tags,
        querystring: z.object({ returnTo: z.string().max(500).optional() }),
        response: { ...redirect, ...problems(422, 507) },
      },
    },
    async (request, reply) => {
      if (isTooOften(request)) return refuse(request, reply, tooMany);
      const redirectUri = base(request) + paths.finish;
      const begun = await signIn.begin({ redirectUri, returnTo: ownPath(request.query.returnTo) });
      if ('refusal' in begun) return refuse(request, reply, begun);
      setCookie(reply, cookie, begun.token, SIGN_IN_SECONDS);
      return reply.redirect(begun.url);
    },
  );

  app.get(
    paths.finish,
    {
      config,
      schema: {
        operationId: 'finishProviderSignIn',
        summary: 'Where the sign-in provider sends a browser back to',
        description: 'Leads to where the sign-in was begun, or to /sign-in?problem=… with what went wrong.',
        tags,
        response: { ...redirect, ...problems(507) },
      },
    },
    async (request, reply) => {
      if (isTooOften(request)) return refuse(request, reply, tooMany);
      const token = cookieOf(request.headers.cookie, cookie);
      const answer = new URL(request.url, base(request));
      const finished = await signIn.finish({ token, answer, address: request.ip });
      setCookie(reply, cookie, '', 0);
      if ('refusal' in finished) return refuse(request, reply, finished);
      const { session, returnTo } = finished;
      setCookie(reply, ports.sessionCookie, session.token, Math.floor((session.expiresAt - Date.now()) / 1_000));
      return reply.redirect(returnTo);
    },
  );

  app.get(
    paths.end,
    {
      config,
      schema: {
        operationId: 'endProviderSession',
        summary: 'Send a browser to sign out at the provider too',
        tags,
        response: { ...redirect, ...problems() },
      },
    },
    async (request, reply) => {
      const url = provider.endsProviderSession ? await signIn.endSessionUrl(`${base(request)}/`) : undefined;
      return reply.redirect(url ?? '/');
    },
  );
}

/** A path of this server and nothing else: whoever writes a link must not choose where a sign-in leads. */
function ownPath(path: string | undefined): string {
  return path !== undefined && /^\/(?![/\\])[\x21-\x7e]*$/.test(path) && !path.includes('\\') ? path : '/';
}

const SIGN_IN_SECONDS = 600;
