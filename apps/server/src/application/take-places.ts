import type { QueuePlace } from '../domain/job.ts';
import { tagJob } from '../domain/scheduling/fair-share.ts';
import type { AccountKey, QueueTransaction } from './queue-ports.ts';

export interface PlaceRequest extends AccountKey {
  /** Jobs that are queued one behind the other. */
  readonly count: number;
  /** Predicted device time of each, in ms. */
  readonly costMs: number;
  readonly shapeKey: string;
  readonly dueAt: number | undefined;
  readonly now: number;
  /** Share of the tenant. */
  readonly weight: number;
}

/** Gives jobs of one tenant their places in the line of a class and charges the tenant's account for them. */
export async function takePlaces(queue: QueueTransaction, request: PlaceRequest): Promise<readonly QueuePlace[]> {
  const { count, costMs, shapeKey, dueAt, now, weight } = request;
  const standing = await queue.account(request);
  const dueInMs = dueAt === undefined ? undefined : dueAt - now;
  const places: QueuePlace[] = [];
  let { account } = standing;
  for (let i = 0; i < count; i++) {
    const tags = tagJob({ virtualTime: standing.virtualTime, account, costMs, weight, dueInMs });
    places.push({ startTag: tags.start, costMs, chargeMs: costMs / weight, shapeKey, dueAt });
    account = tags.account;
  }
  await queue.saveAccount(request, account);
  return places;
}
