import type { FastifyRequest } from 'fastify';

/** What a request shows to say who it is from. */
export type Credential =
  | { readonly kind: 'key'; readonly text: string /** A browser may send it unasked. */; readonly isAmbient: boolean }
  | { readonly kind: 'session'; readonly token: string }
  | { readonly kind: 'none' };

/**
 * The key of `Authorization: Bearer`, `Key` (fal), `Basic` (A1111; the key is the password) or `X-API-Key`, else the
 * session cookie. A header wins over a cookie.
 */
export function credentialOf(request: FastifyRequest, cookie: string): Credential {
  const { authorization } = request.headers;
  if (authorization !== undefined) return fromAuthorization(authorization);
  const header = request.headers['x-api-key'];
  if (typeof header === 'string') return { kind: 'key', text: header.trim(), isAmbient: false };
  const token = cookieOf(request.headers.cookie, cookie);
  return token === undefined ? { kind: 'none' } : { kind: 'session', token };
}

function fromAuthorization(header: string): Credential {
  const [, scheme = '', value = ''] = /^\s*(\S+)\s+(.*?)\s*$/.exec(header) ?? [];
  switch (scheme.toLowerCase()) {
    case 'bearer':
    case 'key':
      if (PLACEHOLDERS.has(value.toLowerCase())) return { kind: 'none' };
      return { kind: 'key', text: value, isAmbient: false };
    case 'basic': {
      const decoded = Buffer.from(value, 'base64').toString('utf8');
      return { kind: 'key', text: decoded.slice(decoded.indexOf(':') + 1), isAmbient: true };
    }
    default:
      // An unknown scheme is a credential that fails, not no credential.
      return { kind: 'key', text: '', isAmbient: false };
  }
}

/** What people write where a client insists on a key and the server needs none. */
const PLACEHOLDERS: ReadonlySet<string> = new Set(['none', 'empty', 'not-needed']);

/** The value of a cookie (RFC 6265 §4.2); undefined when it is not there. */
export function cookieOf(header: string | undefined, name: string): string | undefined {
  for (const part of header?.split(';') ?? []) {
    const equals = part.indexOf('=');
    if (equals > 0 && part.slice(0, equals).trim() === name) return part.slice(equals + 1).trim();
  }
  return undefined;
}
