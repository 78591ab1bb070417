import type { Clock, Store } from './ports.ts';
import type { QueueFacts } from './queue-ports.ts';

export type GetQueue = () => Promise<QueueFacts>;

/** How long the queue is, by class, and whether it runs. */
export function createGetQueue({ store }: { readonly store: Store }): GetQueue {
  return () => store.queue.facts();
}

export interface ControlQueue {
  /** Nothing is claimed from now on, also after a restart; what runs may end. Again is as good as once. */
  pause(): Promise<QueueFacts>;
  resume(): Promise<QueueFacts>;
}

export function createControlQueue(ports: {
  readonly store: Store;
  readonly clock: Clock;
  /** Makes the workers of this process look for work. */
  readonly wake: () => void;
}): ControlQueue {
  const { store, clock, wake } = ports;
  return {
    async pause() {
      await store.transact((transaction) => transaction.queue.setPaused(clock.now()));
      return store.queue.facts();
    },
    async resume() {
      await store.transact((transaction) => transaction.queue.setPaused(undefined));
      wake();
      return store.queue.facts();
    },
  };
}
