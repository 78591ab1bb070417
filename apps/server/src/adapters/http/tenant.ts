import type { FastifyRequest } from 'fastify';
import { DEFAULT_TENANT, type TenantId } from '../../domain/ids.ts';

/** Whose data a request is about. Without accounts, everybody who reaches the server is the one tenant. */
export function tenantOf(_request: FastifyRequest): TenantId {
  return DEFAULT_TENANT;
}
