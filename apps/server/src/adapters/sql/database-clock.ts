import { type Kysely, sql } from 'kysely';
import type { Clock } from '../../application/ports.ts';
import type { Tables } from './schema.ts';

/**
 * The clock of the database, as this process estimates it: leases of workers on several machines are compared by one
 * clock then, whatever theirs say. The estimate is off by at most half a round trip.
 */
export class DatabaseClock implements Clock {
  readonly #queries: Kysely<Tables>;
  readonly #local: Clock;
  #offsetMs = 0;

  constructor(queries: Kysely<Tables>, local: Clock) {
    this.#queries = queries;
    this.#local = local;
  }

  now(): number {
    return this.#local.now() + this.#offsetMs;
  }

  after(ms: number, run: () => void): () => void {
    return this.#local.after(ms, run);
  }

  /** Asks the database what time it is. */
  async adjust(): Promise<void> {
    const before = this.#local.now();
    const { rows } = await sql<{ ms: number }>`
      select cast(extract(epoch from clock_timestamp()) * 1000 as double precision) as ms
    `.execute(this.#queries);
    const after = this.#local.now();
    const [row] = rows;
    // A slow answer says little.
    if (row === undefined || after - before > MOST_ROUND_TRIP_MS) return;
    const offsetMs = Math.round(row.ms - (before + after) / 2);
    // What lies within the error of one reading is no reason to let the time jump.
    if (Math.abs(offsetMs - this.#offsetMs) > after - before + 1) this.#offsetMs = offsetMs;
  }
}

const MOST_ROUND_TRIP_MS = 1_000;
