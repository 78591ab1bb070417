import type { TenantId } from '../domain/ids.ts';
import type { LabelPolicy } from '../domain/provenance/label-policy.ts';
import type { PictureMetadata, PictureTexts } from '../domain/provenance/picture-metadata.ts';

/** Files of pictures, without their pixels. */
export interface PictureFiles {
  /** The same picture with the texts in its file. */
  write(picture: Uint8Array, texts: PictureTexts): Uint8Array;
  /** Undefined for what is no PNG, JPEG or WebP. */
  read(picture: Uint8Array): PictureMetadata | undefined;
}

/** How the pictures of each tenant are labelled: its own policy, else the installation's. */
export interface LabelPolicies {
  of(tenantId: TenantId): Promise<LabelPolicy>;
}
