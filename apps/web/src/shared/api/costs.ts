import type { BudgetStanding, CostGroup, Costs } from '@imagemill/api';
import { keepPreviousData, type UseQueryResult, useQuery } from '@tanstack/react-query';
import { client } from './client.ts';

interface CostRequest {
  readonly tenant?: string;
  /** Days of UTC. @default this month */
  readonly from?: string;
  readonly to?: string;
  readonly groupBy: readonly CostGroup[];
}

/** What pictures cost. */
export function useCosts(request: CostRequest): UseQueryResult<Costs> {
  return useQuery({
    queryKey: ['costs', request],
    queryFn: ({ signal }) => client.getCosts(request, { signal }),
    placeholderData: keepPreviousData,
    refetchInterval: 30_000,
  });
}

/** How the caller's tenant stands in the month. */
export function useBudget(): UseQueryResult<BudgetStanding> {
  return useQuery({
    queryKey: ['budget'],
    queryFn: ({ signal }) => client.getBudget({}, { signal }),
    refetchInterval: 30_000,
  });
}
