import type { Asset } from '@imagemill/api';
import { type UseMutationResult, useMutation } from '@tanstack/react-query';
import { client } from './client.ts';

/** Stores a picture to draw from, or a mask. */
export function useUploadAsset(): UseMutationResult<Asset, Error, Blob> {
  return useMutation({ mutationFn: (file) => client.uploadAsset(file) });
}
