import type { FieldFault } from '../domain/errors.ts';
import type { ImageUse, MaskUse } from '../domain/generation.ts';
import { assetId } from '../domain/ids.ts';
import type { Store } from './ports.ts';
import type { SubmitGenerationInput } from './submit-generation.ts';

/** The pictures that a request names, as records of its tenant. */
export interface Source {
  readonly image?: ImageUse | undefined;
  readonly mask?: MaskUse | undefined;
  /** Of the image. */
  readonly size?: { readonly width: number; readonly height: number } | undefined;
  readonly faults: readonly FieldFault[];
}

/** Finds the picture to start from and its mask among the assets of the tenant. */
export async function resolveSource(
  store: Pick<Store, 'findAsset'>,
  { tenantId, image, mask }: Pick<SubmitGenerationInput, 'tenantId' | 'image' | 'mask'>,
): Promise<Source> {
  if (image === undefined) return mask === undefined ? { faults: [] } : { faults: [maskAlone] };
  const found = await store.findAsset(tenantId, assetId(image.assetId));
  const foundMask = mask && (await store.findAsset(tenantId, assetId(mask.assetId)));
  const faults = [
    ...(found === undefined ? [unknown('image.assetId', image.assetId)] : []),
    ...(mask !== undefined && foundMask === undefined ? [unknown('mask.assetId', mask.assetId)] : []),
  ];
  return {
    image: found && { assetId: found.id, sha256: found.sha256, strength: image.strength },
    mask: foundMask && { assetId: foundMask.id, sha256: foundMask.sha256 },
    size: found,
    faults,
  };
}

function unknown(field: string, id: string): FieldFault {
  const message = `There is no picture ${id}.`;
  return { field, code: 'unknown_asset', message, got: id, expected: 'the id of an asset; POST /v1/assets stores one' };
}

const maskAlone: FieldFault = {
  field: 'image',
  code: 'required',
  message: 'A mask was given without the image that it belongs to.',
  expected: 'the picture that the mask is for',
};
