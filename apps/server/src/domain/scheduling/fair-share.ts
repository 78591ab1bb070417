/**
 * Start-time fair queueing between tenants, in predicted device time (Goyal, Vin, Cheng: "Start-time Fair Queueing",
 * SIGCOMM 1996). Pure: the caller keeps the numbers.
 *
 * *Virtual time* is the start tag of the job that entered service last. A job's *start tag* is where its tenant's
 * account stands, or the virtual time if that is later: a tenant that was idle does not save up. Jobs are served in
 * the order of their start tags; each moves its tenant's account on by cost / weight, so that over a time in which all
 * have work the served device time follows the weights.
 *
 * Tags count milliseconds of device time of a tenant of weight 1.
 */
import type { PriorityClass } from '../job.ts';

export interface TagRequest {
  /** Start tag of the job of this class that entered service last; 0 at first. */
  readonly virtualTime: number;
  /** Where the tenant's account of this class stands; 0 at first. */
  readonly account: number;
  /** Predicted device time in ms. */
  readonly costMs: number;
  /** Share of the tenant, greater than 0. @default 1 */
  readonly weight?: number;
  /** When the job is wanted, in ms from now; it is served early enough if that can be had at all. */
  readonly dueInMs?: number | undefined;
}

export interface Tags {
  /** The job's place: lower is earlier. */
  readonly start: number;
  /** Where the tenant's account stands after it. */
  readonly account: number;
}

/** Tags of a job that is being queued. @throws RangeError when cost or weight is no positive number */
export function tagJob(request: TagRequest): Tags {
  const { virtualTime, account, costMs, weight = 1, dueInMs } = request;
  if (!(costMs >= 0 && Number.isFinite(costMs)))
    throw new RangeError(`costMs is ${costMs}; a number from 0 is expected`);
  if (!(weight > 0 && Number.isFinite(weight)))
    throw new RangeError(`weight is ${weight}; a number above 0 is expected`);
  const fair = Math.max(virtualTime, account);
  // A deadline moves the job forward, never back; its tenant pays for it all the same.
  const start = dueInMs === undefined ? fair : Math.min(fair, virtualTime + Math.max(0, dueInMs - costMs));
  return { start, account: fair + costMs / weight };
}

/** Virtual time after a job entered service: it never runs backwards. */
export function advance(virtualTime: number, startTag: number): number {
  return Math.max(virtualTime, startTag);
}

/** Device time that each class has had since it last had nothing waiting, in ms. */
export type Served = Readonly<Record<PriorityClass, number>>;

/** Least share of the device that a waiting class gets, whatever waits above it. */
export const guaranteedShare: Readonly<Record<PriorityClass, number>> = { interactive: 0, standard: 0.1, bulk: 0.05 };

const classesByRank: readonly PriorityClass[] = ['interactive', 'standard', 'bulk'];

/**
 * The class that is served next: the highest with waiting jobs, unless a lower one has waited below its guaranteed
 * share. Undefined when nothing waits.
 */
export function chooseClass(waiting: ReadonlySet<PriorityClass>, served: Served): PriorityClass | undefined {
  const highest = classesByRank.find((name) => waiting.has(name));
  if (highest === undefined) return undefined;
  const total = classesByRank.reduce((sum, name) => sum + served[name], 0);
  const starved = classesByRank.find(
    (name) => name !== highest && waiting.has(name) && total > 0 && served[name] < guaranteedShare[name] * total,
  );
  return starved ?? highest;
}

/**
 * The accounts after a class was served. Only service that another class waited through counts: a class that had the
 * device alone owes nothing for it, and one that had nothing waiting has saved up nothing. What was long ago fades.
 */
export function recordService(
  served: Served,
  service: { readonly name: PriorityClass; readonly costMs: number },
  waiting: ReadonlySet<PriorityClass>,
): Served {
  const { name: current, costMs } = service;
  const next = { ...served, [current]: served[current] + costMs };
  const idle = classesByRank.filter((name) => !waiting.has(name) && name !== current);
  if (idle.length === classesByRank.length - 1) return atGuaranteedShares(horizonInJobs * costMs);
  // With the idle classes at their shares, the busy ones hold the rest of the total.
  const sum = (names: readonly PriorityClass[], of: Served): number => names.reduce((all, name) => all + of[name], 0);
  const busy = classesByRank.filter((name) => !idle.includes(name));
  const total = sum(busy, next) / (1 - sum(idle, guaranteedShare));
  for (const name of idle) next[name] = guaranteedShare[name] * total;
  if (total <= Math.max(horizonMs, horizonInJobs * costMs)) return next;
  return { interactive: next.interactive / 2, standard: next.standard / 2, bulk: next.bulk / 2 };
}

/** Accounts by which no class is owed anything; the highest class has what the guaranteed shares leave. */
function atGuaranteedShares(totalMs: number): Served {
  const { standard, bulk } = guaranteedShare;
  return { interactive: (1 - standard - bulk) * totalMs, standard: standard * totalMs, bulk: bulk * totalMs };
}

/** Device time over which shares are counted, or as many jobs if they are long: enough for the smallest share. */
const horizonMs = 60_000;
const horizonInJobs = 60;
