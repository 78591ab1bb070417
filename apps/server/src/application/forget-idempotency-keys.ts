import type { Clock, Store } from './ports.ts';

/** Forgets idempotency keys whose time is over; gives how many. */
export function createForgetIdempotencyKeys(ports: {
  readonly store: Store;
  readonly clock: Clock;
}): () => Promise<number> {
  const { store, clock } = ports;
  return async () => {
    let total = 0;
    while (true) {
      const query = { now: clock.now(), limit: PART };
      const forgotten = await store.transact(({ queue }) => queue.forgetIdempotencyKeys(query));
      total += forgotten;
      if (forgotten < PART) return total;
    }
  };
}

const PART = 1_000;
