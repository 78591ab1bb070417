import type { FastifyRequest } from 'fastify';
import type { AssetUrls } from '../../application/asset-urls.ts';
import type { PresentPorts } from './present.ts';
import { callerOf } from './tenant.ts';

/** What records are shown with to who asks. */
export function presentingTo(request: Pick<FastifyRequest, 'caller'>, ports: PresentPorts): PresentPorts {
  const own = callerOf(request).tenantId;
  return {
    stepOf: ports.stepOf,
    assetUrls: assetUrlsFor(request, ports.assetUrls),
    foreign: (tenant) => (tenant === own ? undefined : tenant),
  };
}

/** Signed addresses for those who may read pictures; others get the address alone, which opens nothing for them. */
export function assetUrlsFor(
  request: Pick<FastifyRequest, 'caller'>,
  assetUrls: Pick<AssetUrls, 'pathOf'>,
): Pick<AssetUrls, 'pathOf'> {
  return callerOf(request).permissions.has('assets:read') ? assetUrls : unsigned;
}

/** How the client reached the server: `http://127.0.0.1:7860`. */
export function originOf({ protocol, host }: Pick<FastifyRequest, 'protocol' | 'host'>): string {
  return `${protocol}://${host}`;
}

const unsigned: Pick<AssetUrls, 'pathOf'> = { pathOf: ({ id }) => `/v1/assets/${id}` };
