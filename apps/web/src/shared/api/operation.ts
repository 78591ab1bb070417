import type { ModelActivity, Setting, SystemHistory, WorkerList } from '@imagemill/api';
import {
  keepPreviousData,
  type UseMutationResult,
  type UseQueryResult,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query';
import { client } from './client.ts';

const activitiesKey = ['model-activities'];

/** Pulls and checks of models, looked at every second while one is under way. */
export function useModelActivities(): UseQueryResult<readonly ModelActivity[]> {
  return useQuery({
    queryKey: activitiesKey,
    queryFn: async ({ signal }) => (await client.listModelActivities({ signal })).items,
    refetchInterval: ({ state }) => (state.data?.some(isOpen) === true ? 1_000 : 15_000),
  });
}

/** Whether a pull or a check has not ended. */
export function isOpen({ finishedAt }: ModelActivity): boolean {
  return finishedAt === undefined;
}

/** Loads, unloads, pulls, checks: afterwards the models and what is done to them are asked for anew. */
export function useChangeModels<Input, Result>(
  change: (input: Input) => Promise<Result>,
): UseMutationResult<Result, Error, Input> {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSettled: () =>
      Promise.all([['models'], ['loras'], activitiesKey].map((queryKey) => queries.invalidateQueries({ queryKey }))),
  });
}

export function useSettings(): UseQueryResult<readonly Setting[]> {
  return useQuery({
    queryKey: ['settings'],
    queryFn: async ({ signal }) => (await client.listSettings({ signal })).items,
  });
}

/** Who draws, and where. */
export function useWorkers(): UseQueryResult<WorkerList['items']> {
  return useQuery({
    queryKey: ['workers'],
    queryFn: async ({ signal }) => (await client.listWorkers({ signal })).items,
    refetchInterval: 2_000,
  });
}

/** How the installation was doing in its last minutes. */
export function useSystemHistory(minutes: number, points: number): UseQueryResult<SystemHistory> {
  return useQuery({
    queryKey: ['system-history', minutes, points],
    queryFn: ({ signal }) => client.getSystemHistory({ minutes, points }, { signal }),
    placeholderData: keepPreviousData,
    refetchInterval: 5_000,
  });
}
