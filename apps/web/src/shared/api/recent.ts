import type { Generation } from '@imagemill/api';
import { type UseQueryResult, useQuery } from '@tanstack/react-query';
import { client } from './client.ts';

/** The newest generations, as many as one page of the API holds. */
export function useRecentGenerations(): UseQueryResult<readonly Generation[]> {
  return useQuery({
    queryKey: ['recent-generations'],
    queryFn: async ({ signal }) => (await client.listGenerations({ limit: 100 }, { signal })).items,
    refetchInterval: 5_000,
  });
}
