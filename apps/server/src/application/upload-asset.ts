import type { Asset } from '../domain/asset.ts';
import { assetId, type TenantId } from '../domain/ids.ts';
import type { Clock, Disk, IdSource, PictureStore, Store } from './ports.ts';
import { requireRoom } from './require-room.ts';

/** What an uploaded file is. @throws AppError `picture_rejected` */
export type CheckPicture = (bytes: Uint8Array) => Promise<Pick<Asset, 'mediaType' | 'width' | 'height'>>;

export type UploadAsset = (input: { readonly tenantId: TenantId; readonly bytes: Uint8Array }) => Promise<Asset>;

/**
 * Stores a picture to draw from. The same bytes again give the same record.
 *
 * @throws AppError `picture_rejected`, `disk_full`, `storage_failed`
 */
export function createUploadAsset(ports: {
  readonly store: Store;
  readonly pictures: PictureStore;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly checkPicture: CheckPicture;
}): UploadAsset {
  const { store, pictures, disk, clock, ids } = ports;
  return async ({ tenantId, bytes }) => {
    const facts = await ports.checkPicture(bytes);
    await requireRoom(disk);
    const stored = await pictures.put(bytes);
    const known = await store.findAssetByHash(tenantId, stored.sha256);
    if (known !== undefined) return known;
    const asset: Asset = { ...facts, ...stored, id: assetId(ids.next()), tenantId, createdAt: clock.now() };
    await store.transact((transaction) => transaction.addAsset(asset));
    return asset;
  };
}
