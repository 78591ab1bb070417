import type { DeadLetterPage, Generation, JobDetail, Priority, QueueStatus } from '@imagemill/api';
import { ApiError } from '@imagemill/api/client';
import {
  type UseMutationResult,
  type UseQueryResult,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query';
import { client } from './client.ts';
import { systemKey } from './system.ts';

const queueKey = ['queue'];
const openKey = ['open-generations'];
const deadKey = ['dead-letters'];

/** How the queue stands: its classes, whether it is paused, how many ended without a picture. */
export function useQueue(): UseQueryResult<QueueStatus> {
  return useQuery({ queryKey: queueKey, queryFn: ({ signal }) => client.getQueue({ signal }), refetchInterval: 2_000 });
}

/** Whose part of the queue is looked at: the caller's own, their tenant's, or that of all tenants. */
export const queueScopes = ['mine', 'tenant', 'all'] as const;
export type QueueScope = (typeof queueScopes)[number];

function scopeQuery(scope: QueueScope): { readonly mine?: true; readonly tenant?: '*' } {
  return scope === 'mine' ? { mine: true } : scope === 'all' ? { tenant: '*' } : {};
}

/** Generations with pictures that are not drawn yet, those in work first. */
export function useOpenGenerations(scope: QueueScope): UseQueryResult<readonly Generation[]> {
  return useQuery({
    queryKey: [...openKey, scope],
    queryFn: async ({ signal }) => {
      const [running, queued] = await Promise.all([
        client.listGenerations({ ...scopeQuery(scope), state: 'running', limit: 100 }, { signal }),
        client.listGenerations({ ...scopeQuery(scope), state: 'queued', limit: 100 }, { signal }),
      ]);
      // One may have changed from queued to running between the two answers.
      const byId = new Map([...running.items, ...queued.items].map((item) => [item.id, item]));
      return [...byId.values()];
    },
    refetchInterval: 2_000,
  });
}

/** One job with its place in the queue and the time until its picture is there, as far as they are known. */
export function useJobOutlook(id: string | undefined, tenant?: string): UseQueryResult<JobDetail> {
  return useQuery({
    queryKey: ['job', id],
    queryFn: ({ signal }) => client.getJob(id ?? '', { signal, tenant }),
    enabled: id !== undefined,
    refetchInterval: 3_000,
  });
}

/** Jobs that ended without a picture, newest first. */
export function useDeadLetters(scope: QueueScope): UseQueryResult<DeadLetterPage['items']> {
  return useQuery({
    queryKey: [...deadKey, scope],
    queryFn: async ({ signal }) => {
      const [dead, failed] = await Promise.all([
        client.listDeadLetters({ ...scopeQuery(scope), state: 'dead', limit: 50 }, { signal }),
        client.listDeadLetters({ ...scopeQuery(scope), state: 'failed', limit: 50 }, { signal }),
      ]);
      return [...dead.items, ...failed.items].sort((a, b) => (a.id < b.id ? 1 : -1));
    },
    refetchInterval: 5_000,
  });
}

/** The generation that a job belongs to; it does not change any more. */
export function useGenerationOf(id: string, tenant?: string): UseQueryResult<Generation> {
  return useQuery({
    queryKey: ['generation', id],
    queryFn: ({ signal }) => client.getGeneration(id, { signal, tenant }),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

export type QueueChange =
  | { readonly kind: 'pause' }
  | { readonly kind: 'resume' }
  | { readonly kind: 'cancel'; readonly generationId: string; readonly tenant: string | undefined }
  | {
      readonly kind: 'priority';
      readonly jobIds: readonly string[];
      readonly priority: Priority;
      readonly tenant: string | undefined;
    }
  | { readonly kind: 'redrive'; readonly jobId: string; readonly tenant: string | undefined }
  | { readonly kind: 'redrive-all'; readonly mine: boolean };

/** Changes the queue, then asks anew how it stands. */
export function useChangeQueue(): UseMutationResult<unknown, Error, QueueChange> {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: carryOut,
    onSettled: () =>
      Promise.all(
        [queueKey, openKey, deadKey, systemKey, ['generations'], ['job']].map((queryKey) =>
          queries.invalidateQueries({ queryKey }),
        ),
      ),
  });
}

async function carryOut(change: QueueChange): Promise<unknown> {
  switch (change.kind) {
    case 'pause':
      return client.pauseQueue();
    case 'resume':
      return client.resumeQueue();
    case 'cancel':
      return client.cancelGeneration(change.generationId, { tenant: change.tenant });
    case 'priority':
      for (const id of change.jobIds) {
        await client.setJobPriority(id, change.priority, { tenant: change.tenant }).catch((error: unknown) => {
          // Drawn or cancelled since it was listed: there is nothing to move any more.
          if (!(error instanceof ApiError && error.code === 'already_final')) throw error;
        });
      }
      return undefined;
    case 'redrive':
      return client.redriveJob(change.jobId, { tenant: change.tenant });
    case 'redrive-all':
      return client.redriveDeadLetters({ state: 'dead', mine: change.mine });
  }
}
