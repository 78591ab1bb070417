import type { Bulk, BulkPlan, BulkRow } from '@imagemill/api';
import type { BulkSettingsQuery } from '@imagemill/api/client';
import {
  keepPreviousData,
  type UseMutationResult,
  type UseQueryResult,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query';
import { client } from './client.ts';

const bulksKey = ['bulks'];

export interface BulkInput {
  readonly file: File;
  readonly settings: BulkSettingsQuery;
}

/** The newest bulks; asked often while one of them is under way. */
export function useBulks(): UseQueryResult<readonly Bulk[]> {
  return useQuery({
    queryKey: bulksKey,
    queryFn: async ({ signal }) => (await client.listBulks({ limit: 50 }, { signal })).items,
    refetchInterval: ({ state: { data } }) => (data?.some(isUnderWay) === true ? 1_500 : 10_000),
  });
}

export function isUnderWay({ state }: Bulk): boolean {
  return state === 'reading' || state === 'running';
}

/** What a file would become; asked anew whenever the settings change. */
export function useBulkPlan(input: BulkInput | undefined): UseQueryResult<BulkPlan> {
  return useQuery({
    queryKey: ['bulk-plan', input?.file.name, input?.file.size, input?.file.lastModified, input?.settings],
    queryFn: ({ signal }) => {
      if (input === undefined) throw new Error('a plan is only asked for with a file');
      return client.planBulk(input.file.name, input.file, input.settings, { signal });
    },
    enabled: input !== undefined,
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
}

/** Rows of a bulk that could not be drawn, the first of them. */
export function useBrokenRows(id: string, isWanted: boolean): UseQueryResult<readonly BulkRow[]> {
  return useQuery({
    queryKey: ['bulk-rows', id],
    queryFn: async ({ signal }) => (await client.listBulkRows(id, { state: 'broken', limit: 200 }, { signal })).items,
    enabled: isWanted,
  });
}

export function useCreateBulk(): UseMutationResult<Bulk, Error, BulkInput> {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ file, settings }) => client.createBulk(file.name, file, settings),
    onSettled: () => queries.invalidateQueries({ queryKey: bulksKey }),
  });
}

export type BulkChange = { readonly id: string; readonly kind: 'pause' | 'resume' | 'cancel' };

/** Changes a bulk, then asks anew how it stands. */
export function useChangeBulk(): UseMutationResult<Bulk, Error, BulkChange> {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ id, kind }) => {
      if (kind === 'pause') return client.pauseBulk(id);
      return kind === 'resume' ? client.resumeBulk(id) : client.cancelBulk(id);
    },
    onSettled: () => queries.invalidateQueries({ queryKey: bulksKey }),
  });
}
