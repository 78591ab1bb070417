import type { ListPicturesQuery, MarkPicturesRequest, Picture, PicturePage } from '@imagemill/api';
import {
  type InfiniteData,
  keepPreviousData,
  type UseMutationResult,
  useInfiniteQuery,
  useMutation,
  useQueryClient,
} from '@tanstack/react-query';
import { useMemo } from 'react';
import { client } from './client.ts';

const picturesKey = ['pictures'];
const pageSize = 100;

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

/** Stars, tags, takes out of the gallery or brings back; the page shows it at once where it can. */
export function useMarkPictures(): UseMutationResult<unknown, Error, MarkPicturesRequest> {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (request) => client.markPictures(request),
    onSuccess: (_result, request) => {
      // What comes back belongs somewhere in the middle; only the server knows where.
      if (request.deleted === false) return queries.invalidateQueries({ queryKey: picturesKey });
      queries.setQueriesData<InfiniteData<PicturePage>>(
        { queryKey: picturesKey },
        (data) =>
          data && { ...data, pages: data.pages.map((page) => ({ ...page, items: marked(page.items, request) })) },
      );
      return undefined;
    },
  });
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
