import type { ListPicturesQuery, MarkPicturesRequest, Picture, PicturePage } from '@imagemill/api';
import {
  type InfiniteData,
  keepPreviousData,
  type QueryKey,
  type UseMutationResult,
  type UseQueryResult,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query';
import { useMemo, useRef } from 'react';
import { client } from './client.ts';

const picturesKey = ['pictures'];
const pictureKey = ['picture'];
const pageSize = 100;

type Pages = InfiniteData<PicturePage, string | undefined>;

export type PictureFilter = Partial<Omit<ListPicturesQuery, 'limit' | 'cursor'>>;

export interface PictureList {
  /** All that is loaded, newest first. */
  readonly pictures: readonly Picture[];
  readonly isLoading: boolean;
  readonly error: Error | null;
  readonly hasMore: boolean;
  loadMore(): void;
}

/** The gallery as far as it was looked at. */
export function usePictures(filter: PictureFilter, enabled = true): PictureList {
  const query = useInfiniteQuery({
    queryKey: [...picturesKey, filter],
    queryFn: ({ pageParam, signal }) =>
      client.listPictures({ ...filter, limit: pageSize, cursor: pageParam }, { signal }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page: PicturePage) => page.nextCursor,
    placeholderData: keepPreviousData,
    // To compare 100,000 records with themselves at every page, or to fetch all pages anew, would stop the page.
    structuralSharing: false,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
    gcTime: 0,
    enabled,
  });
  const { data, fetchNextPage } = query;
  const pictures = useMemo(() => data?.pages.flatMap((page) => page.items) ?? [], [data]);
  return {
    pictures,
    isLoading: query.isPending,
    error: query.error,
    hasMore: query.hasNextPage,
    loadMore: () => {
      if (query.hasNextPage && !query.isFetching) void fetchNextPage();
    },
  };
}

/** One picture by its id, wherever it stands in the gallery; null where its generation has it no more. */
export function usePicture(id: string | undefined): UseQueryResult<Picture | null> {
  return useQuery({
    queryKey: [...pictureKey, id],
    queryFn: async ({ signal }) => {
      const { generationId } = await client.getJob(id ?? '', { signal });
      const { items } = await client.listPictures({ generationId, limit: pageSize }, { signal });
      return items.find((picture) => picture.id === id) ?? null;
    },
    enabled: id !== undefined,
    retry: false,
  });
}

/** Stars, tags, takes out of the gallery or brings back; the page shows it at once. */
export function useMarkPictures(): UseMutationResult<unknown, Error, MarkPicturesRequest> {
  const queries = useQueryClient();
  const taken = useRef<readonly [QueryKey, Pages | undefined][]>([]);
  return useMutation({
    mutationFn: (request) => client.markPictures(request),
    onSuccess: (_result, request) => {
      void queries.invalidateQueries({ queryKey: pictureKey });
      if (request.deleted === false) {
        // After a look at another page, nobody remembers where they were.
        if (taken.current.length === 0) return void queries.invalidateQueries({ queryKey: picturesKey });
        // They come back where they were, without fetching all that was looked at again.
        for (const [key, before] of taken.current) {
          queries.setQueryData<Pages>(key, (now) => before && now && restored(before, now));
        }
        return;
      }
      if (request.deleted === true) taken.current = queries.getQueriesData<Pages>({ queryKey: picturesKey });
      queries.setQueriesData<Pages>(
        { queryKey: picturesKey },
        (data) =>
          data && { ...data, pages: data.pages.map((page) => ({ ...page, items: marked(page.items, request) })) },
      );
    },
  });
}

/** The pages of before a deletion, with those that were looked at since. */
function restored(before: Pages, now: Pages): Pages {
  const known = before.pages.length;
  return {
    pages: [...before.pages, ...now.pages.slice(known)],
    pageParams: [...before.pageParams, ...now.pageParams.slice(known)],
  };
}

/** Pictures after a change, as the server will show them. */
export function marked(pictures: readonly Picture[], request: MarkPicturesRequest): readonly Picture[] {
  const { starred, deleted, addTags = [], removeTags = [] } = request;
  const ids = new Set(request.ids);
  if (!pictures.some(({ id }) => ids.has(id))) return pictures;
  if (deleted === true) return pictures.filter(({ id }) => !ids.has(id));
  return pictures.map((picture) => {
    if (!ids.has(picture.id)) return picture;
    const kept = picture.tags.filter((tag) => !removeTags.includes(tag));
    return { ...picture, starred: starred ?? picture.starred, tags: [...new Set([...kept, ...addTags])].sort() };
  });
}
