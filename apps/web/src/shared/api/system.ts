import type { Model, SystemStatus } from '@imagemill/api';
import { type UseQueryResult, useQuery, useQueryClient } from '@tanstack/react-query';
import { client } from './client.ts';
import { useCan } from './session.ts';

export const systemKey = ['system'];

/** State of server and engines; asked more often while something is going on or going wrong. */
export function useSystem(): UseQueryResult<SystemStatus> {
  const can = useCan();
  return useQuery({
    enabled: can('system:read'),
    queryKey: systemKey,
    queryFn: ({ signal }) => client.getSystem({ signal }),
    refetchInterval: ({ state }) => (state.status === 'success' && isQuiet(state.data) ? 8_000 : 2_000),
  });
}

/** Whether the page says above everything that the server does not answer. */
export function useIsServerTroubleShown(): boolean {
  const state = useQueryClient().getQueryState(systemKey);
  return state !== undefined && state.error !== null;
}

/** The models of the server; empty until they are known. */
export function useModels(): readonly Model[] {
  return useModelList().data ?? noModels;
}

/** The models of the server, and why they cannot be told. */
export function useModelList(): UseQueryResult<readonly Model[]> {
  return useQuery({
    queryKey: ['models'],
    queryFn: async ({ signal }) => (await client.listModels({ signal })).items,
    staleTime: 60_000,
    refetchInterval: (query) => (query.state.status === 'error' ? 3_000 : false),
  });
}

function isQuiet(status: SystemStatus | undefined): boolean {
  if (status === undefined || status.queue.queued + status.queue.running > 0) return false;
  return status.engines.some((engine) => engine.state === 'ready');
}

const noModels: readonly Model[] = [];
