import type { OfferedJob } from './queue-ports.ts';

/** An offer in the hands of one worker. */
export interface TakenOffer {
  readonly offer: OfferedJob;
  /** The records know now whose job it is. Never throws: what is not settled comes back and is passed over. */
  settle(): Promise<void>;
  /** Lays it back for any worker. Never throws. */
  giveBack(): Promise<void>;
}

/**
 * Carries queued jobs from the feeder to the workers. It only carries: whatever it loses is laid out again from the
 * records, and whatever it brings twice is refused by them.
 *
 * Jobs are taken in the order in which they were laid out. Interactive ones can be taken alone, by a worker without a
 * free slot.
 *
 * @throws AppError `carrier_unavailable` from every method
 */
export interface JobCarrier {
  /** Lays jobs out, in this order; those that lie there already stay where they are. */
  offer(offers: readonly OfferedJob[]): Promise<void>;
  /** Takes up to `limit` jobs of the models; none when none lies there. */
  take(query: TakeQuery): Promise<readonly TakenOffer[]>;
  /** How many lie there and are in nobody's hands, of the models that this process has laid out or missed some of. */
  waiting(): Promise<readonly WaitingOffers[]>;
  /** Those of the offers that it does not have. */
  missing(offers: readonly OfferedJob[]): Promise<readonly OfferedJob[]>;
}

export interface TakeQuery {
  readonly limit: number;
  /** Names of the models that the taker can draw. */
  readonly models: ReadonlySet<string>;
  readonly only?: 'interactive' | undefined;
}

export interface WaitingOffers {
  readonly model: string;
  readonly interactive: number;
  readonly others: number;
}
