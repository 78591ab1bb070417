import type { GenerationRequest } from '@imagemill/api';
import type { LineInput } from '../../../application/order-ports.ts';
import type { UploadAsset } from '../../../application/upload-asset.ts';
import type { TenantId } from '../../../domain/ids.ts';
import type { ModelFacts } from '../../../domain/model.ts';
import { hashOfBody } from '../idempotency.ts';
import type { EditForm } from './edit-form.ts';
import { nativeRequest } from './request-input.ts';

export interface EditInputPorts {
  readonly uploadAsset: UploadAsset;
  /** The mask in the alpha of a picture: white where it is transparent; undefined where nothing is. */
  readonly maskOfAlpha: (picture: Uint8Array) => Promise<Uint8Array | undefined>;
}

/** An edit as a generation: its pictures become assets of the tenant. */
export async function editInput(
  { body, image, mask }: EditForm,
  who: { readonly tenantId: TenantId; readonly model: ModelFacts; readonly priority: GenerationRequest['priority'] },
  { uploadAsset, maskOfAlpha }: EditInputPorts,
): Promise<{ readonly input: LineInput; readonly hash: string }> {
  const { tenantId } = who;
  const native = nativeRequest(body, who.model, who.priority);
  const source = await uploadAsset({ tenantId, bytes: image });
  if (mask !== undefined) await uploadAsset({ tenantId, bytes: mask });
  // A mask without transparency is one of ours already: white is repainted.
  const white = (await maskOfAlpha(mask ?? image)) ?? mask;
  const maskAsset = white && (await uploadAsset({ tenantId, bytes: white }));
  const strength = body.strength ?? (maskAsset === undefined ? 0.6 : 1);
  const input = {
    ...native,
    image: { assetId: source.id, strength },
    mask: maskAsset && { assetId: maskAsset.id },
  };
  const { images: _images, mask: _mask, ...settings } = body;
  return { input, hash: hashOfBody({ ...settings, image: source.sha256, mask: maskAsset?.sha256 }) };
}
