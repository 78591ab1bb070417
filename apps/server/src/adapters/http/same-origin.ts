import type { FastifyRequest } from 'fastify';

/**
 * Whether a request that a browser may have sent unasked (with a cookie, or to a server that needs no key) can come
 * from a page of another site. A browser says where a request comes from in Sec-Fetch-Site, older ones in Origin; what
 * sends neither is no page. Another port of this machine is another site here.
 */
export function isFromElsewhere(request: Pick<FastifyRequest, 'method' | 'headers'>): boolean {
  if (['GET', 'HEAD', 'OPTIONS'].includes(request.method)) return false;
  const site = request.headers['sec-fetch-site'];
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  const { origin, host } = request.headers;
  if (origin === undefined) return false;
  return !URL.canParse(origin) || new URL(origin).host !== host?.toLowerCase();
}
