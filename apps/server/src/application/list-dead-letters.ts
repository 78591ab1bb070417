import { assert } from '../domain/errors.ts';
import type { JobId } from '../domain/ids.ts';
import type { JobWithAttempts } from './get-job.ts';
import type { Store } from './ports.ts';
import type { DeadLetterQuery } from './queue-ports.ts';

export interface DeadLetterList {
  /** Newest first, each with the faults of all its attempts. */
  readonly items: readonly JobWithAttempts[];
  /** What the next page comes after; undefined on the last one. */
  readonly next: JobId | undefined;
}

export type ListDeadLetters = (query: DeadLetterQuery) => Promise<DeadLetterList>;

/** One page of a tenant's jobs that ended without a picture. */
export function createListDeadLetters({ store }: { readonly store: Store }): ListDeadLetters {
  return async (query) => {
    // One more than asked for tells whether there is a next page.
    const found = await store.queue.deadLetters({ ...query, limit: query.limit + 1 });
    const items = await Promise.all(
      found.slice(0, query.limit).map(async ({ tenantId, id }) => {
        const record = await store.findJob(tenantId, id);
        assert(record !== undefined, `job ${id} was there and is not any more`);
        return { ...record, attempts: await store.listAttempts(tenantId, id) };
      }),
    );
    return { items, next: found.length > query.limit ? items.at(-1)?.job.id : undefined };
  };
}
