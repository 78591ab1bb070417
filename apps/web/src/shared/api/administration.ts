import type { ApiKey, AuditPage, AuditQuery, Caller, Member, PriceList, Tenant, Usage } from '@imagemill/api';
import type { UsageRequest } from '@imagemill/api/client';
import {
  type InfiniteData,
  keepPreviousData,
  type UseInfiniteQueryResult,
  type UseMutationResult,
  type UseQueryResult,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query';
import { client } from './client.ts';

const key = 'administration';
const pageSize = 100;

/** All pages of a list, which is short enough to be shown whole. */
async function all<T>(
  read: (query: {
    limit: number;
    cursor?: string;
  }) => Promise<{ items: readonly T[]; nextCursor?: string | undefined }>,
): Promise<readonly T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const page = await read({ limit: pageSize, ...(cursor === undefined ? {} : { cursor }) });
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== undefined && items.length < mostItems);
  return items;
}

export function useTenants(isAllowed: boolean): UseQueryResult<readonly Tenant[]> {
  return useQuery({
    queryKey: [key, 'tenants'],
    queryFn: ({ signal }) => all((query) => client.listTenants(query, { signal })),
    enabled: isAllowed,
  });
}

/** @param tenant undefined for the caller's own */
export function useMembers(tenant: string | undefined, isAllowed = true): UseQueryResult<readonly Member[]> {
  return useQuery({
    queryKey: [key, 'members', tenant],
    queryFn: ({ signal }) => all((query) => client.listMembers({ ...query, tenant }, { signal })),
    enabled: isAllowed,
  });
}

export function useKeys(tenant: string | undefined): UseQueryResult<readonly ApiKey[]> {
  return useQuery({
    queryKey: [key, 'keys', tenant],
    queryFn: ({ signal }) => all((query) => client.listKeys({ ...query, tenant }, { signal })),
  });
}

export function useUsage(request: UsageRequest): UseQueryResult<Usage> {
  return useQuery({
    queryKey: [key, 'usage', request],
    queryFn: ({ signal }) => client.getUsage(request, { signal }),
    placeholderData: keepPreviousData,
  });
}

export function usePrices(): UseQueryResult<PriceList> {
  return useQuery({ queryKey: [key, 'prices'], queryFn: ({ signal }) => client.getPrices({ signal }) });
}

export function useAudit(
  query: Partial<Omit<AuditQuery, 'limit' | 'cursor'>>,
): UseInfiniteQueryResult<InfiniteData<AuditPage>> {
  return useInfiniteQuery({
    queryKey: [key, 'audit', query],
    queryFn: ({ pageParam, signal }) => client.listAudit({ ...query, limit: 50, cursor: pageParam }, { signal }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page: AuditPage) => page.nextCursor,
    placeholderData: keepPreviousData,
  });
}

/** Changes something; afterwards every list of the administration is asked for anew. */
export function useAdminister<Input, Result>(
  change: (input: Input) => Promise<Result>,
): UseMutationResult<Result, Error, Input> {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: () => queries.invalidateQueries({ queryKey: [key] }),
  });
}

/** The tenant to ask for: none for one's own, so that it works without the right over others. */
export function tenantParameter(tenant: string, caller: Caller | undefined): string | undefined {
  return tenant === caller?.tenantId ? undefined : tenant;
}

const mostItems = 5_000;
