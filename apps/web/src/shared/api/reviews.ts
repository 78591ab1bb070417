import type { Review } from '@imagemill/api';
import {
  type UseMutationResult,
  type UseQueryResult,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query';
import { client } from './client.ts';

const key = ['reviews'];

/** Pictures that wait for a decision, newest first. */
export function useReviews(): UseQueryResult<readonly Review[]> {
  return useQuery({
    queryKey: key,
    queryFn: async ({ signal }) => (await client.listReviews({ limit: 100 }, { signal })).items,
    refetchInterval: 5_000,
  });
}

export interface ReviewDecision {
  readonly id: string;
  readonly kind: 'accept' | 'reject' | 'redraw';
}

export function useDecideReview(): UseMutationResult<Review, Error, ReviewDecision> {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ id, kind }) => client.decideReview(id, kind),
    onSettled: () => queries.invalidateQueries({ queryKey: key }),
  });
}
