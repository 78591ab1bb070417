import type { JobId, TenantId } from '../domain/ids.ts';
import type { Clock, Store } from './ports.ts';

export type MarkPictures = (input: {
  readonly tenantId: TenantId;
  readonly ids: readonly JobId[];
  readonly isStarred?: boolean | undefined;
  readonly isDeleted?: boolean | undefined;
  readonly addTags?: readonly string[] | undefined;
  readonly removeTags?: readonly string[] | undefined;
}) => Promise<number>;

/** Stars, tags, takes out of the gallery or brings back; gives how many pictures of the tenant the ids are. */
export function createMarkPictures({ store, clock }: { readonly store: Store; readonly clock: Clock }): MarkPictures {
  return ({ tenantId, ids, isStarred, isDeleted, addTags = [], removeTags = [] }) => {
    const deletedAt = isDeleted === undefined ? undefined : isDeleted ? clock.now() : null;
    return store.transact(({ gallery }) => gallery.mark(tenantId, ids, { isStarred, deletedAt, addTags, removeTags }));
  };
}
