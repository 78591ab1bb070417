import type { Asset } from '../domain/asset.ts';
import { eventOfChange, type StoredEvent } from '../domain/event.ts';
import { countedAs, generationState, isGenerationFinal } from '../domain/generation.ts';
import { groupedBy } from '../domain/grouped.ts';
import type { JobId } from '../domain/ids.ts';
import type { Job, RunningJob } from '../domain/job.ts';
import { settle } from './account-for-jobs.ts';
import type { AttemptRecord, StoreTransaction } from './ports.ts';

export interface JobChange {
  readonly before: Job;
  readonly after: Job;
  readonly at: number;
  /** The picture of a job that succeeded. */
  readonly asset?: Asset | undefined;
  /** Device time of the attempt that ended, where it was measured. */
  readonly deviceMs?: number | undefined;
  /** Whether the attempt brought a picture that does not count. */
  readonly isRejected?: boolean | undefined;
}

/**
 * Writes a change of a job together with all that follows from it: its attempt, what it used, its event, the counts and
 * the state of its generation. False, and nothing is written, when the job is no longer as `before` says.
 */
export async function changeJob(transaction: StoreTransaction, change: JobChange): Promise<boolean> {
  return (await changeJobs(transaction, [change])).size === 1;
}

/** The same for many jobs with few statements; gives those that were as `before` says. */
export async function changeJobs(
  transaction: StoreTransaction,
  changes: readonly JobChange[],
): Promise<ReadonlySet<JobId>> {
  const saved = await transaction.saveJobs(changes);
  const moved = changes.filter(({ before, after }) => saved.has(before.id) && before.state !== after.state);
  const events: StoredEvent[] = [];
  for (const change of moved) {
    const { before, after, at, asset } = change;
    const event = eventOfChange(before, after, at, asset);
    if (event !== undefined) events.push(event);
    if (before.state === 'running') await transaction.addAttempt(endedAttempt(before, after, at));
    await settle(transaction.usage, change);
  }
  const ways = groupedBy(moved, ({ before, after }) => `${countedAs(before.state)} ${countedAs(after.state)}`);
  for (const alike of ways.values()) events.push(...(await moveCounts(transaction, alike)));
  await transaction.appendEvents(events);
  return saved;
}

/** Counts jobs that all went the same way; gives the events of generations that have ended. */
async function moveCounts(
  transaction: StoreTransaction,
  changes: readonly JobChange[],
): Promise<readonly StoredEvent[]> {
  const [first] = changes;
  if (first === undefined) return [];
  const ofGeneration = groupedBy(changes, ({ after }) => after.generationId);
  const numbers = new Map([...ofGeneration].map(([id, { length }]) => [id, length]));
  const moved = await transaction.moveCounts(numbers, countedAs(first.before.state), countedAs(first.after.state));
  const ended: StoredEvent[] = [];
  for (const [id, { counts, state }] of moved) {
    const newState = generationState(counts);
    if (newState === state) continue;
    const { at, after } = ofGeneration.get(id)?.at(-1) ?? first;
    const isFinal = isGenerationFinal(newState);
    await transaction.setGenerationState(id, newState, isFinal ? at : undefined);
    if (isFinal)
      ended.push({ type: 'generation.finished', tenantId: after.tenantId, generationId: id, at, state: newState });
  }
  return ended;
}

function endedAttempt(before: RunningJob, after: Job, at: number): AttemptRecord {
  const { tenantId, id: jobId, attempt: number, startedAt } = before;
  const base = { tenantId, jobId, number, startedAt, finishedAt: at };
  if (after.state === 'succeeded' || after.state === 'cancelled') {
    return { ...base, outcome: after.state, fault: undefined };
  }
  const outcome = after.failures > before.failures ? 'failed' : 'interrupted';
  return { ...base, outcome, fault: after.lastFault };
}
