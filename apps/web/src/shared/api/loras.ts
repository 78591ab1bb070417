import type { Lora } from '@imagemill/api';
import { type UseMutationResult, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { client } from './client.ts';

const lorasKey = ['loras'];

/** The adapters that may be drawn with; empty until they are known. */
export function useLoras(): readonly Lora[] {
  const { data } = useQuery({
    queryKey: lorasKey,
    queryFn: ({ signal }) => client.listLoras({ signal }),
    staleTime: 30_000,
  });
  return data?.items ?? noLoras;
}

/** Uploads a file; it can be drawn with as soon as this succeeds. */
export function useUploadLora(): UseMutationResult<Lora, Error, File> {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (file) => client.uploadLora(file.name, file),
    onSuccess: () => queries.invalidateQueries({ queryKey: lorasKey }),
  });
}

const noLoras: readonly Lora[] = [];
