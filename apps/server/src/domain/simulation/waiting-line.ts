/** The queue of a simulated day: the same policy as the real one, with its numbers in memory. */
import type { PriorityClass } from '../job.ts';
import { type Candidate, CLAIM_WINDOW, CLOSE_MS, pickBatch } from '../scheduling/batch.ts';
import { advance, chooseClass, recordService, type Served, tagJob } from '../scheduling/fair-share.ts';

export interface WaitingJob extends Candidate {
  readonly priority: PriorityClass;
  /** Predicted device time in ms. */
  readonly costMs: number;
}

/** A job before it has its place. */
export type NewcomerJob = Omit<WaitingJob, 'startTag'>;

export class WaitingLine<Job extends NewcomerJob> {
  readonly #lines: Record<PriorityClass, (Job & WaitingJob)[]> = { interactive: [], standard: [], bulk: [] };
  readonly #virtualTime: Record<PriorityClass, number> = { interactive: 0, standard: 0, bulk: 0 };
  readonly #accounts = new Map<string, number>();
  #served: Served = { interactive: 0, standard: 0, bulk: 0 };

  get length(): number {
    return classes.reduce((sum, name) => sum + this.#lines[name].length, 0);
  }

  /** Gives a job its tag and its place. */
  add(job: Job): void {
    const key = `${job.priority} ${job.tenantId}`;
    const account = this.#accounts.get(key) ?? 0;
    const tags = tagJob({ virtualTime: this.#virtualTime[job.priority], account, costMs: job.costMs });
    this.#accounts.set(key, tags.account);
    this.putBack({ ...job, startTag: tags.start });
  }

  /** A job that was tried comes back to its place. */
  putBack(job: Job & WaitingJob): void {
    const line = this.#lines[job.priority];
    let low = 0;
    let high = line.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((line[middle]?.startTag ?? 0) <= job.startTag) low = middle + 1;
      else high = middle;
    }
    line.splice(low, 0, job);
  }

  /** The next jobs in fair order, at most `limit`. */
  claim(limit: number, only?: PriorityClass): readonly (Job & WaitingJob)[] {
    const claimed: (Job & WaitingJob)[] = [];
    while (claimed.length < limit) {
      const waiting = new Set(classes.filter((name) => this.#lines[name].length > 0));
      const name = chooseClass(
        only === undefined ? waiting : new Set([...waiting].filter((one) => one === only)),
        this.#served,
      );
      if (name === undefined) break;
      const line = this.#lines[name];
      const places = limit - claimed.length;
      const batch = pickBatch({
        candidates: line.slice(0, Math.max(CLAIM_WINDOW, limit)),
        loadedModels: oneModel,
        limit: places,
        closeMs: CLOSE_MS,
        room: noBounds,
      }) as readonly (Job & WaitingJob)[];
      for (const job of batch) {
        line.splice(line.indexOf(job), 1);
        this.#virtualTime[name] = advance(this.#virtualTime[name], job.startTag);
      }
      const costMs = batch.reduce((sum, job) => sum + job.costMs, 0);
      this.#served = recordService(this.#served, { name, costMs }, waiting);
      claimed.push(...batch);
    }
    return claimed;
  }
}

const classes: readonly PriorityClass[] = ['interactive', 'standard', 'bulk'];
/** A simulated day knows one model. */
export const SIMULATED_MODEL = 'model';
const oneModel: ReadonlySet<string> = new Set([SIMULATED_MODEL]);
const noBounds: ReadonlyMap<string, number> = new Map();
