import { type Kysely, sql } from 'kysely';
import type { Job, PriorityClass } from '../../domain/job.ts';
import { priorityFromRank } from './rows.ts';
import type { Tables } from './schema.ts';

export interface OpenCounts {
  queued: number;
  running: number;
  /** Predicted device time of the queued ones, in ms. */
  costMs: number;
}

/** Numbers of jobs that have not ended, by class. */
export interface OpenJobNumbers {
  read(): Promise<Readonly<Record<PriorityClass, Readonly<OpenCounts>>>>;
}

/** Such numbers as this process keeps them, which is the only one that writes. Adding up a million rows takes a second, so they are kept. */
export class OpenJobs implements OpenJobNumbers {
  readonly #classes: Readonly<Record<PriorityClass, OpenCounts>> = {
    interactive: { queued: 0, running: 0, costMs: 0 },
    standard: { queued: 0, running: 0, costMs: 0 },
    bulk: { queued: 0, running: 0, costMs: 0 },
  };

  /** Adds up what the tables have. */
  static async of(queries: Kysely<Tables>): Promise<OpenJobs> {
    const open = new OpenJobs();
    for (const state of ['queued', 'running'] as const) {
      // A literal, not a parameter: SQLite uses a partial index only for a condition that it can see.
      const { rows } = await sql<{ priority: number; jobs: number; cost_ms: number }>`
        select priority, count(*) as jobs, sum(cost_ms) as cost_ms from jobs
        where state = ${sql.lit(state)} group by priority
      `.execute(queries);
      for (const { priority, jobs, cost_ms: costMs } of rows) {
        const counts = open.#classes[priorityFromRank(priority)];
        counts[state] = jobs;
        if (state === 'queued') counts.costMs = costMs;
      }
    }
    return open;
  }

  async read(): Promise<Readonly<Record<PriorityClass, Readonly<OpenCounts>>>> {
    return this.#classes;
  }

  enter(job: Job): void {
    this.#count(job, 1);
  }

  leave(job: Job): void {
    this.#count(job, -1);
  }

  /** Adds the changes of a transaction. */
  add(change: OpenJobs): void {
    for (const priority of ['interactive', 'standard', 'bulk'] as const) {
      const [counts, more] = [this.#classes[priority], change.#classes[priority]];
      counts.queued += more.queued;
      counts.running += more.running;
      // Sums of fractions drift; nothing waiting costs nothing.
      counts.costMs = counts.queued === 0 ? 0 : Math.max(0, counts.costMs + more.costMs);
    }
  }

  #count({ state, priority, place }: Job, by: 1 | -1): void {
    if (state !== 'queued' && state !== 'running') return;
    const counts = this.#classes[priority];
    counts[state] += by;
    if (state === 'queued') counts.costMs += by * place.costMs;
  }
}
