import type { Caller } from '../domain/access/caller.ts';
import type { AssetLink } from '../domain/asset-link.ts';
import { AppError } from '../domain/errors.ts';
import type { AssetId, TenantId } from '../domain/ids.ts';
import type { AssetUrls } from './asset-urls.ts';
import { assetNotFound } from './get-asset.ts';
import type { Store } from './ports.ts';

/**
 * Somebody who shows a signed address of a picture: may read pictures of its tenant, and the address names one.
 *
 * @throws AppError `asset_link_invalid`, `asset_link_expired`, `asset_not_found`, `tenant_disabled`
 */
export type OpenAssetLink = (id: AssetId, link: AssetLink | 'malformed') => Promise<Caller>;

export interface OpenAssetLinkPorts {
  readonly store: Pick<Store, 'findLinkedAsset'>;
  readonly assetUrls: Pick<AssetUrls, 'verdictOn'>;
  readonly isDisabled: (tenant: TenantId) => boolean;
}

export function createOpenAssetLink({ store, assetUrls, isDisabled }: OpenAssetLinkPorts): OpenAssetLink {
  return async (id, link) => {
    const verdict = link === 'malformed' ? 'forged' : assetUrls.verdictOn(id, link);
    if (verdict === 'forged') {
      throw new AppError('asset_link_invalid', 'The signature of this address is not one of this server.');
    }
    if (verdict === 'expired') throw new AppError('asset_link_expired', 'The time of this address is over.');
    const asset = await store.findLinkedAsset(id);
    if (asset === undefined) throw assetNotFound(id);
    const { tenantId } = asset;
    if (isDisabled(tenantId)) throw new AppError('tenant_disabled', `The tenant ${tenantId} is disabled.`);
    return { tenantId, role: 'viewer', permissions: READ, name: 'a signed address' };
  };
}

const READ: Caller['permissions'] = new Set(['assets:read'] as const);
