import type { Asset } from '../domain/asset.ts';
import { AppError } from '../domain/errors.ts';
import type { AssetId, TenantId } from '../domain/ids.ts';
import type { Store } from './ports.ts';

export type GetAsset = (input: { readonly tenantId: TenantId; readonly id: AssetId }) => Promise<Asset>;

/** The record of a picture. @throws AppError `asset_not_found` */
export function createGetAsset({ store }: { readonly store: Store }): GetAsset {
  return async ({ tenantId, id }) => {
    const asset = await store.findAsset(tenantId, id);
    if (asset === undefined) throw assetNotFound(id);
    return asset;
  };
}

export function assetNotFound(id: AssetId): AppError {
  return new AppError('asset_not_found', `There is no picture ${id}.`, { details: { id } });
}
