import { callerSchema, signInRequestSchema } from '@imagemill/api';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Sessions } from '../../../application/sessions.ts';
import type { TakeSignIn } from '../../../application/sign-in-limit.ts';
import { AppError } from '../../../domain/errors.ts';
import type { AdministrationPorts } from '../administration.ts';
import type { App } from '../app-type.ts';
import { cookieOf } from '../credentials.ts';
import { json, problems } from '../openapi.ts';
import { presentCaller } from '../present-caller.ts';
import { isFromElsewhere } from '../same-origin.ts';
import { setCookie } from '../session-cookie.ts';
import {
  addProviderSignInRoutes,
  addSignInOptionsRoute,
  type ProviderSignIn,
  type SignInPorts,
} from './provider-sign-in.ts';

export interface SessionRoutePorts extends SignInPorts {
  readonly sessions: Sessions;
  readonly administration: AdministrationPorts;
  /** Undefined where keys are the only way. */
  readonly provider: ProviderSignIn | undefined;
}

/** Sign-in and sign-out of the page: the key is handed in once and the browser keeps a cookie that no script reads. */
export function addSessionRoutes(app: App, ports: SessionRoutePorts): void {
  const { sessions, administration, sessionCookie, onRefused, takeSignIn, provider } = ports;
  addSignInOptionsRoute(app, provider);
  if (provider !== undefined) addProviderSignInRoutes(app, ports, provider);

  app.post(
    '/v1/session',
    {
      config: { permission: 'public' },
      schema: {
        operationId: 'signIn',
        summary: 'Sign a browser in with an API key',
        description: 'The answer sets a cookie that stands for the key until it ends, at most for a week.',
        tags: ['access'],
        body: signInRequestSchema,
        response: { 200: json('Who has signed in', callerSchema), ...problems(413, 415, 422, 507) },
      },
    },
    async (request, reply) => {
      if (isFromElsewhere(request)) {
        throw new AppError('cross_origin_refused', 'A page of another site may not make this request.');
      }
      requireAllowed(takeSignIn(request.ip), reply);
      const begun = await sessions.begin(request.body.key.trim());
      if ('reason' in begun) {
        onRefused(begun, { address: request.ip, route: 'POST /v1/session' });
        throw new AppError(begun.code, begun.reason);
      }
      setCookie(reply, sessionCookie, begun.token, Math.floor((begun.expiresAt - Date.now()) / 1_000));
      return presentCaller(administration, begun.who.caller);
    },
  );

  app.delete(
    '/v1/session',
    {
      config: { permission: 'authenticated' },
      schema: {
        operationId: 'signOut',
        summary: 'Sign a browser out',
        tags: ['access'],
        response: { 204: z.undefined().describe('Signed out'), ...problems(507) },
      },
    },
    async (request, reply) => {
      const token = cookieOf(request.headers.cookie, sessionCookie);
      if (token !== undefined) await sessions.end(token);
      setCookie(reply, sessionCookie, '', 0);
      return reply.code(204).send();
    },
  );
}

function requireAllowed({ isAllowed, retryMs }: ReturnType<TakeSignIn>, reply: FastifyReply): void {
  if (isAllowed) return;
  const seconds = Math.ceil(retryMs / 1_000);
  reply.headers({ 'retry-after': String(seconds), 'retry-after-ms': String(retryMs) });
  const message = `There were too many attempts to sign in from this address. The next one is allowed in ${seconds} s.`;
  throw new AppError('rate_limited', message, { details: { subject: 'sign-in', retryAfterMs: retryMs } });
}
