import type { JobId } from '../domain/ids.ts';
import type { GalleryReader, PictureQuery, PictureRecord } from './gallery-ports.ts';

export interface PictureList {
  /** Newest first. */
  readonly items: readonly PictureRecord[];
  /** What the next page comes after; undefined on the last one. */
  readonly next: JobId | undefined;
}

export type ListPictures = (query: PictureQuery) => Promise<PictureList>;

/** One page of a tenant's gallery. */
export function createListPictures({ gallery }: { readonly gallery: GalleryReader }): ListPictures {
  return async (query) => {
    // One more than asked for tells whether there is a next page.
    const found = await gallery.list({ ...query, limit: query.limit + 1 });
    const items = found.slice(0, query.limit);
    return { items, next: found.length > query.limit ? items.at(-1)?.job.id : undefined };
  };
}
