import { DEFAULT_TENANT } from '../domain/ids.ts';
import type { Clock, IdSource, Store } from './ports.ts';
import type { QueueFacts } from './queue-ports.ts';
import { type Act, writeAudit } from './write-audit.ts';

export type GetQueue = () => Promise<QueueFacts>;

/** How long the queue is, by class, and whether it runs. */
export function createGetQueue({ store }: { readonly store: Store }): GetQueue {
  return () => store.queue.facts();
}

/** The queue is that of all tenants, so whoever stops it stands in the audit log. */
export interface ControlQueue {
  /** Nothing is claimed from now on, also after a restart; what runs may end. Again is as good as once. */
  pause(act: Act): Promise<QueueFacts>;
  resume(act: Act): Promise<QueueFacts>;
}

export function createControlQueue(ports: {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: IdSource;
  /** Makes the workers of this process look for work. */
  readonly wake: () => void;
}): ControlQueue {
  const { store, clock, wake } = ports;
  async function set(act: Act, action: 'queue.paused' | 'queue.resumed', pausedSince: number | undefined) {
    await store.transact(async (transaction) => {
      await transaction.queue.setPaused(pausedSince);
      await writeAudit(transaction.access, ports, act, { action, target: 'queue', tenantId: DEFAULT_TENANT });
    });
  }
  return {
    async pause(act) {
      await set(act, 'queue.paused', clock.now());
      return store.queue.facts();
    },
    async resume(act) {
      await set(act, 'queue.resumed', undefined);
      wake();
      return store.queue.facts();
    },
  };
}
