import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { sendProblem } from './problem.ts';

/** Headers of every answer. An answer of the API is data: nothing in it may run, be framed or be kept. */
const headers: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
};

/**
 * For the page: everything from this server, no inline script or style. Previews arrive inside events and are shown as
 * `blob:` or `data:`, pictures may come from the service that keeps them.
 */
export function pageSecurityPolicy(pictureOrigin: string | undefined): string {
  const pictures = pictureOrigin === undefined ? '' : ` ${pictureOrigin}`;
  return [
    "default-src 'self'",
    `img-src 'self' data: blob:${pictures}`,
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

/** Sets the static headers and the request id, and checks the host. `hosts` undefined accepts any. */
export function addSecurity(app: FastifyInstance, hosts: ReadonlySet<string> | undefined): void {
  app.addHook('onRequest', async (request, reply) => {
    setHeaders(request, reply);
    if (hosts === undefined || hosts.has(hostName(request.headers.host ?? ''))) return undefined;
    // A page of another site that points its own name at 127.0.0.1 (DNS rebinding) is stopped here.
    return sendProblem(request, reply, { code: 'host_not_allowed' });
  });
}

/** Headers of every answer, with the id of the request. */
export function setHeaders(request: FastifyRequest, reply: FastifyReply): void {
  reply.headers({ ...headers, 'x-request-id': request.id });
}

/** Names under which a server on the loopback interface is reached. */
export const loopbackHosts: readonly string[] = ['localhost', '127.0.0.1', '[::1]'];

/** Whether a Host header names this machine to itself. */
export function isLoopbackHost(host: string | undefined): boolean {
  const name = hostName(host ?? '');
  return loopbackHosts.includes(name) || /^127(\.\d{1,3}){3}$/.test(name);
}

function hostName(host: string): string {
  return host.replace(/:\d*$/, '').toLowerCase();
}
