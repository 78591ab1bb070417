import type { Model } from '@imagemill/api';
import { useUploadAsset } from '../../shared/api/assets.ts';
import { sizeLimitsOf, withImage } from './draft.ts';
import type { DraftStore } from './draft-store.ts';
import { sizeForPicture } from './size-rules.ts';

/** Uploads a picture and makes it the one to draw from. */
export interface ReferenceUpload {
  load(file: Blob): void;
  readonly isBusy: boolean;
  readonly error: Error | null;
  dismiss(): void;
}

export function useReference(store: DraftStore, model: Model | undefined): ReferenceUpload {
  const upload = useUploadAsset();
  return {
    load: (file) =>
      upload.mutate(file, {
        onSuccess: ({ id, width, height }) => {
          const size = model === undefined ? {} : sizeForPicture({ width, height }, sizeLimitsOf(model));
          store.update({ ...withImage(id, store.get().image?.strength), ...size });
        },
      }),
    isBusy: upload.isPending,
    error: upload.error,
    dismiss: upload.reset,
  };
}
