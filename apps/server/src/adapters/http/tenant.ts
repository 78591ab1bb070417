import type { FastifyRequest } from 'fastify';
import type { Asker } from '../../application/submit-generation.ts';
import { askerIdOf, type Caller } from '../../domain/access/caller.ts';
import { assert } from '../../domain/errors.ts';
import type { TenantId } from '../../domain/ids.ts';

/** Who makes a request. Only on routes that declare a permission. */
export function callerOf(request: Pick<FastifyRequest, 'caller'>): Caller {
  assert(request.caller !== undefined, 'a route that is not public has a caller');
  return request.caller;
}

/** Whose quotas a request counts towards, and who asks. Only on routes that declare a permission. */
export function askerOf(request: Pick<FastifyRequest, 'caller'>): Asker {
  const caller = callerOf(request);
  const { tenantId, keyId } = caller;
  return { tenantId, keyId, askedBy: askerIdOf(caller) };
}

/** Whose data a request is about. Only on routes that declare a permission. */
export function tenantOf(request: Pick<FastifyRequest, 'caller'>): TenantId {
  return callerOf(request).tenantId;
}
