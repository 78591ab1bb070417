/** What a caller may do; also the names of an API key's scopes. */
export const permissions = [
  'system:read',
  'generations:read',
  'generations:write',
  'assets:read',
  'assets:write',
  'queue:read',
  'queue:manage',
  'models:read',
  'models:manage',
  'loras:read',
  'loras:manage',
  'webhooks:manage',
  'keys:manage',
  'members:manage',
  'tenants:manage',
  'usage:read',
  'audit:read',
] as const;

export type Permission = (typeof permissions)[number];

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a caller of the route must be allowed to do; `public` lets everybody in. */
    permission?: Permission | 'public';
  }
}
