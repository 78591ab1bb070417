import type { Caller } from '../../domain/access/caller.ts';
import type { Permission } from '../../domain/access/permission.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a caller of the route must be allowed to do; `public` lets everybody in. */
    permission?: Permission | 'public';
  }

  interface FastifyRequest {
    /** Who makes the request; undefined on public routes. `callerOf` and `tenantOf` assert that somebody is known. */
    caller: Caller | undefined;
  }
}
