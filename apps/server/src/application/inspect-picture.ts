import type { Asset } from '../domain/asset.ts';
import { AppError } from '../domain/errors.ts';
import { type ContentHash, generationId, type TenantId } from '../domain/ids.ts';
import { type Recalled, recall } from '../domain/provenance/recall.ts';
import type { Store } from './ports.ts';
import type { PictureFiles } from './provenance-ports.ts';

/** What a picture's file says, and what the records say of it. */
export interface InspectedPicture extends Recalled {
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly mediaType: string;
  readonly width: number;
  readonly height: number;
  readonly match: 'exact' | 'altered' | 'none';
  readonly asset: Asset | undefined;
  readonly texts: readonly string[];
}

export type InspectPicture = (input: {
  readonly tenantId: TenantId;
  readonly bytes: Uint8Array;
}) => Promise<InspectedPicture>;

export interface InspectPicturePorts {
  readonly store: Pick<Store, 'findAssetByHash' | 'findGeneration'>;
  readonly files: Pick<PictureFiles, 'read'>;
  readonly hash: (bytes: Uint8Array) => ContentHash;
}

/**
 * Reads back what any returned file, or one of another program, says of how it was made. Pixels are not looked at. What
 * the records say is said of the tenant's own pictures alone.
 *
 * @throws AppError `picture_rejected` for what is no PNG, JPEG or WebP
 */
export function createInspectPicture({ store, files, hash }: InspectPicturePorts): InspectPicture {
  return async ({ tenantId, bytes }) => {
    const read = readPicture(files, bytes);
    const sha256 = hash(bytes);
    const asset = await store.findAssetByHash(tenantId, sha256);
    const named = read.provenance?.generationId;
    const isNamed =
      asset === undefined &&
      named !== undefined &&
      (await store.findGeneration(tenantId, generationId(named))) !== undefined;
    return { ...read, sha256, match: asset !== undefined ? 'exact' : isNamed ? 'altered' : 'none', asset };
  };
}

/** What the file alone says. @throws AppError `picture_rejected` */
export function readPicture(
  files: Pick<PictureFiles, 'read'>,
  bytes: Uint8Array,
): Omit<InspectedPicture, 'sha256' | 'match' | 'asset'> {
  const metadata = files.read(bytes);
  if (metadata === undefined) {
    throw new AppError(
      'picture_rejected',
      'The file is not a picture that can be read; a PNG, JPEG or WebP file is expected.',
    );
  }
  const { mediaType, width, height, texts, xmp } = metadata;
  const names = [...Object.keys(texts), ...(xmp === undefined ? [] : ['XMP'])];
  return { ...recall(metadata), sizeBytes: bytes.length, mediaType, width, height, texts: names };
}
