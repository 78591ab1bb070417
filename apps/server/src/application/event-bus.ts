import type { PassingEvent } from '../domain/event.ts';
import type { JobId } from '../domain/ids.ts';
import type { Precision } from '../domain/model.ts';

/** What processes of a cluster tell each other beside the records. */
export type BusMessage =
  | { readonly kind: 'progress'; readonly event: PassingEvent }
  /** A running job was cancelled: its worker need not wait until it renews the lease. */
  | { readonly kind: 'cancel'; readonly jobId: JobId }
  /** The queue runs again after a pause. */
  | { readonly kind: 'wake' }
  /** There may be something to do for the process that has this duty. */
  | { readonly kind: 'duty'; readonly name: string }
  /** A model, by name and precision, is to be in the memory of every worker, or of none. */
  | {
      readonly kind: 'model';
      readonly order: 'load' | 'unload';
      readonly name: string;
      readonly precision: Precision | undefined;
    };

/**
 * Carries messages to every process, the sender too, in the order in which each sent them. A message may be lost with
 * a connection, so nothing rests on one: whoever misses it learns the same from the records a little later.
 */
export interface EventBus {
  /** Never throws and never waits. */
  publish(message: BusMessage): void;
  /** Resolves when what was published before is on its way, or lost. */
  flush(): Promise<void>;
  /** The result ends it. */
  subscribe(listener: (message: BusMessage) => void): () => void;
  close(): Promise<void>;
}
