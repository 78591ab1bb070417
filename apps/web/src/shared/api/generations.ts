import type { Generation, GenerationEvent, GenerationPage, GenerationRequestInput } from '@imagemill/api';
import {
  type InfiniteData,
  type QueryClient,
  type UseMutationResult,
  useInfiniteQuery,
  useMutation,
  useQueryClient,
} from '@tanstack/react-query';
import { useMemo, useRef } from 'react';
import { client } from './client.ts';
import { applyEvent, isFinished, mergeGeneration, putIntoPages } from './generation-state.ts';
import { systemKey } from './system.ts';

type Pages = InfiniteData<GenerationPage, string | undefined>;

const generationsKey = ['generations'];
const pageSize = 24;
/** A request without an answer for this long counts as failed. */
const submitTimeoutMs = 30_000;

export interface GenerationList {
  /** All that is loaded, newest first. */
  readonly generations: readonly Generation[];
  readonly isLoading: boolean;
  /** Why the list could not be loaded or renewed. */
  readonly error: Error | null;
  readonly hasOlder: boolean;
  readonly isLoadingOlder: boolean;
  loadOlder(): void;
}

/** The list of generations, kept up to date by events and by a slow poll for those that others handed in. */
export function useGenerations(): GenerationList {
  const query = useInfiniteQuery({
    queryKey: generationsKey,
    queryFn: ({ pageParam, signal }) => client.listGenerations({ limit: pageSize, cursor: pageParam }, { signal }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page: GenerationPage) => page.nextCursor,
    refetchInterval: (current) => (hasUnfinished(current.state.data) ? 5_000 : 15_000),
    structuralSharing: (known, fetched) => mergePages(known as Pages | undefined, fetched as Pages),
  });
  const { data, fetchNextPage } = query;
  const generations = useMemo(() => data?.pages.flatMap((page) => page.items) ?? [], [data]);
  return {
    generations,
    isLoading: query.isPending,
    error: query.error,
    hasOlder: query.hasNextPage,
    isLoadingOlder: query.isFetchingNextPage,
    loadOlder: () => void fetchNextPage(),
  };
}

/** Hands a generation in; what the server accepted appears at the head of the list at once. */
export function useSubmitGeneration(): UseMutationResult<Generation, Error, GenerationRequestInput> {
  const queries = useQueryClient();
  const unanswered = useRef<{ readonly body: string; readonly key: string }>(undefined);
  return useMutation({
    mutationFn: (request) => {
      // What was sent and not answered may have been accepted: under the same key it is not drawn twice.
      const body = JSON.stringify(request);
      if (unanswered.current?.body !== body) unanswered.current = { body, key: newKey() };
      const signal = AbortSignal.timeout(submitTimeoutMs);
      return client.submitGeneration(request, { signal, idempotencyKey: unanswered.current.key });
    },
    onSuccess: (generation) => {
      unanswered.current = undefined;
      putGeneration(queries, generation);
    },
    // Both ways the page learns something about the server: how long its queue is, or that it does not answer.
    onSettled: () => void queries.invalidateQueries({ queryKey: systemKey }),
  });
}

/** As random as a UUID, which pages without HTTPS cannot make. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `page-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

/** Asks for every picture of a generation that is not drawn yet to be left out. */
export function useCancelGeneration(): UseMutationResult<Generation, Error, string> {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (id) => client.cancelGeneration(id),
    onSuccess: (generation) => putGeneration(queries, generation),
  });
}

/** Puts a generation as the server told it into the list. */
export function putGeneration(queries: QueryClient, generation: Generation): void {
  queries.setQueryData<Pages>(generationsKey, (data) =>
    data === undefined
      ? { pages: [{ items: [generation] }], pageParams: [undefined] }
      : { ...data, pages: putIntoPages(data.pages, generation) },
  );
}

/** Applies an event to the list and returns the generation before and after it, if the list has it. */
export function applyToList(
  queries: QueryClient,
  event: GenerationEvent,
): { readonly before: Generation; readonly after: Generation } | undefined {
  const pages = queries.getQueryData<Pages>(generationsKey)?.pages ?? [];
  const before = pages.flatMap((page) => page.items).find((item) => item.id === event.generationId);
  if (before === undefined) return undefined;
  const after = applyEvent(before, event);
  queries.setQueryData<Pages>(generationsKey, (data) => {
    if (data === undefined) return data;
    const swap = (item: Generation): Generation => (item.id === after.id ? after : item);
    return { ...data, pages: data.pages.map((page) => ({ ...page, items: page.items.map(swap) })) };
  });
  return { before, after };
}

function hasUnfinished(data: Pages | undefined): boolean {
  return data?.pages.some((page) => page.items.some((item) => !isFinished(item))) ?? false;
}

function mergePages(known: Pages | undefined, fetched: Pages): Pages {
  if (known === undefined) return fetched;
  const byId = new Map(known.pages.flatMap((page) => page.items).map((item) => [item.id, item]));
  const merge = (item: Generation): Generation => {
    const before = byId.get(item.id);
    return before === undefined || before === item ? item : mergeGeneration(before, item);
  };
  return { ...fetched, pages: fetched.pages.map((page) => ({ ...page, items: page.items.map(merge) })) };
}
