import type { AssetId, ContentHash, TenantId } from './ids.ts';

/** A stored picture: a record of one tenant that points at bytes by their hash. */
export interface Asset {
  readonly id: AssetId;
  readonly tenantId: TenantId;
  readonly sha256: ContentHash;
  readonly mediaType: string;
  readonly sizeBytes: number;
  readonly width: number;
  readonly height: number;
  readonly createdAt: number;
}
