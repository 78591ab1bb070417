import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import type { Authenticate, Authenticated, Refusal } from '../../application/authenticate.ts';
import type { OpenAssetLink } from '../../application/open-asset-link.ts';
import { type Caller, localCaller } from '../../domain/access/caller.ts';
import type { Permission } from '../../domain/access/permission.ts';
import { type AssetLink, linkOfQuery } from '../../domain/asset-link.ts';
import { AppError } from '../../domain/errors.ts';
import { assetId } from '../../domain/ids.ts';
import { credentialOf } from './credentials.ts';
import { isFromElsewhere } from './same-origin.ts';
import { isLoopbackHost } from './security.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a caller of the route must be allowed to do; `public` lets everybody in, `authenticated` whoever is known. */
    permission?: Permission | 'authenticated' | 'public';
    /** Whether a signed address opens the route too: the path names a picture by `id`. */
    opensByLink?: boolean;
  }

  interface FastifyRequest {
    /** Who makes the request; undefined on public routes. `callerOf` and `tenantOf` assert that somebody is known. */
    caller: Caller | undefined;
    /** Whose signed address opened the route. */
    link: AssetLink | undefined;
  }
}

/** What the check of every request needs; a narrow part of the ports of the HTTP adapter. */
export interface AuthenticationPorts {
  readonly authenticate: Authenticate;
  readonly openAssetLink: OpenAssetLink;
  /** Whether nobody gets in without a key; else requests of this machine do. */
  readonly isKeyRequired: boolean;
  /** Name of the session cookie. */
  readonly sessionCookie: string;
  /** Counts a request against the limits of who makes it. @throws AppError `rate_limited` */
  readonly takeRequest: (who: Authenticated, reply: FastifyReply) => void;
  /** Told of every request that was refused because of its credential. */
  readonly onRefused: (refusal: Refusal, request: { readonly address: string; readonly route: string }) => void;
}

/**
 * Finds out who makes each request and whether they may. Every route has to say in `config.permission` what it asks
 * for; the server does not start with one that does not.
 *
 * Refusals are thrown, so that each door answers in its own shape.
 */
export function addAuthentication(app: FastifyInstance, ports: AuthenticationPorts): void {
  requireDeclarations(app);
  app.decorateRequest('caller', undefined);
  app.decorateRequest('link', undefined);
  app.addHook('onRequest', async (request, reply) => {
    const { permission, opensByLink } = request.routeOptions.config;
    // Without a permission there is no route: the answer is 404 or 405 whoever asks.
    if (permission === undefined || permission === 'public') return;
    if (opensByLink === true && (await opensByItsLink(request, ports))) return;
    const who = await identify(request, ports);
    if ('reason' in who) throw refused(who, request, reply, ports);
    request.caller = who.caller;
    ports.takeRequest(who, reply);
    if (permission !== 'authenticated') requirePermission(who.caller, permission);
  });
}

/**
 * Whether a signed address opens the route. A key that is sent along decides for itself, so that nobody reads with it
 * what belongs to others; so does a session when the address opens nothing: a page with an old address goes on.
 *
 * @throws AppError as `OpenAssetLink` does
 */
async function opensByItsLink(request: FastifyRequest, ports: AuthenticationPorts): Promise<boolean> {
  const link = linkOfQuery(request.query as Readonly<Record<string, unknown>>);
  if (link === undefined) return false;
  const credential = credentialOf(request, ports.sessionCookie);
  if (credential.kind === 'key' && !('reason' in (await ports.authenticate.byKey(credential.text)))) return false;
  try {
    request.caller = await ports.openAssetLink(assetId((request.params as { readonly id: string }).id), link);
    request.link = link === 'malformed' ? undefined : link;
    return true;
  } catch (error) {
    if (credential.kind === 'none') throw error;
    return false;
  }
}

/** Who makes a request, or why nobody may with what it shows. @throws AppError `cross_origin_refused` */
export async function identify(
  request: FastifyRequest,
  { authenticate, isKeyRequired, sessionCookie }: AuthenticationPorts,
): Promise<Authenticated | Refusal> {
  const credential = credentialOf(request, sessionCookie);
  const isAmbient = credential.kind !== 'key' || credential.isAmbient;
  if (isAmbient && isFromElsewhere(request)) {
    throw new AppError('cross_origin_refused', 'A page of another site may not make this request.');
  }
  switch (credential.kind) {
    case 'key':
      return authenticate.byKey(credential.text);
    case 'session': {
      const who = await authenticate.bySession(credential.token);
      return 'reason' in who && isLocal(request, isKeyRequired) ? local : who;
    }
    case 'none':
      if (isLocal(request, isKeyRequired)) return local;
      return { code: 'unauthorized', reason: 'No API key was sent.' };
  }
}

/** @throws AppError `forbidden` naming the permission */
export function requirePermission(caller: Caller, permission: Permission): void {
  if (caller.permissions.has(permission)) return;
  const message = `${caller.name} (${caller.role} of ${caller.tenantId}) lacks the permission ${permission}.`;
  throw new AppError('forbidden', message, { details: { permission } });
}

/**
 * Whether a request without a key is from this machine. What came through a proxy names another host or says so in a
 * header, and may be from anywhere.
 */
function isLocal(request: FastifyRequest, isKeyRequired: boolean): boolean {
  const { headers } = request;
  const isForwarded = headers.forwarded !== undefined || headers['x-forwarded-for'] !== undefined;
  return !isKeyRequired && !isForwarded && isLoopbackHost(headers.host);
}

function refused(
  refusal: Refusal,
  request: FastifyRequest,
  reply: FastifyReply,
  { onRefused }: AuthenticationPorts,
): AppError {
  const { code, reason } = refusal;
  onRefused(refusal, { address: request.ip, route: `${request.method} ${request.routeOptions.url ?? ''}` });
  // RFC 9110 §11.6.1. Not Basic: a browser would ask for a password and send it along ever after.
  if (code === 'unauthorized') reply.header('www-authenticate', 'Bearer realm="imagemill"');
  return new AppError(code, reason);
}

function requireDeclarations(app: FastifyInstance): void {
  const routes: RouteOptions[] = [];
  app.addHook('onRoute', (route) => {
    routes.push(route);
  });
  app.addHook('onReady', async () => {
    for (const { method, url, config } of routes) {
      if (config?.permission !== undefined) continue;
      throw new Error(`The route ${[method].flat().join(', ')} ${url} does not declare config.permission.`);
    }
  });
}

const local: Authenticated = { caller: localCaller, limits: { tenant: {}, key: undefined } };
