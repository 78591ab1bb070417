import type { GenerationId } from '../domain/ids.ts';
import type { GenerationQuery, GenerationRecord, Store } from './ports.ts';

export interface GenerationList {
  /** Newest first. */
  readonly items: readonly GenerationRecord[];
  /** What the next page comes after; undefined on the last one. */
  readonly next: GenerationId | undefined;
}

export type ListGenerations = (query: GenerationQuery) => Promise<GenerationList>;

/** One page of a tenant's generations. */
export function createListGenerations({ store }: { readonly store: Store }): ListGenerations {
  return async (query) => {
    // One more than asked for tells whether there is a next page.
    const found = await store.listGenerations({ ...query, limit: query.limit + 1 });
    const items = found.slice(0, query.limit);
    return { items, next: found.length > query.limit ? items.at(-1)?.generation.id : undefined };
  };
}
