import type { CheckPicture } from '../../../application/upload-asset.ts';
import type { PictureFormat } from '../../../domain/generation.ts';
import type { TenantId } from '../../../domain/ids.ts';
import type { PictureSize } from '../../../domain/size-policy.ts';

/** What this door does with pixels: as A1111 prepares the pictures of img2img, and as its extras enlarge. */
export interface PictureWork {
  /** Of the results of one request together. */
  readonly maxPixels: number;
  readonly check: CheckPicture;
  prepare(input: SourceWork): Promise<PreparedWork>;
  enlarge(input: EnlargeWork): Promise<Uint8Array>;
  /** Whether pictures of the tenant get a visible mark, which nothing may be put over. */
  isMarked(tenantId: TenantId): Promise<boolean>;
}

export interface SourceWork {
  readonly image: Uint8Array;
  readonly mask: Uint8Array | undefined;
  readonly size: PictureSize;
  readonly fit: 'stretch' | 'crop' | 'extend';
  readonly isInverted: boolean;
  readonly blur: number;
  readonly fill: 'surroundings' | 'original' | 'noise' | 'grey';
  readonly isRegionOnly: boolean;
  readonly padding: number;
}

export interface PreparedWork {
  readonly image: Uint8Array;
  readonly mask: Uint8Array | undefined;
  /** The image with what was drawn in its place, labelled as that is. */
  readonly putBack:
    | ((drawn: Uint8Array, file: { readonly format: PictureFormat; readonly quality: number }) => Promise<Uint8Array>)
    | undefined;
}

export interface EnlargeWork {
  readonly picture: Uint8Array;
  readonly resampling: 'lanczos3' | 'nearest';
  readonly to: { readonly factor: number } | (PictureSize & { readonly isCropped: boolean });
}
