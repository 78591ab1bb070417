import type { Asset } from '../domain/asset.ts';
import { eventOfChange, type StoredEvent } from '../domain/event.ts';
import { countedAs, generationState, isGenerationFinal } from '../domain/generation.ts';
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
  const { before, after, at, asset } = change;
  if (!(await transaction.saveJob(before, after))) return false;
  if (before.state === after.state) return true;
  const events: StoredEvent[] = [];
  const event = eventOfChange(before, after, at, asset);
  if (event !== undefined) events.push(event);
  if (before.state === 'running') await transaction.addAttempt(endedAttempt(before, after, at));
  await settle(transaction.usage, change);

  const { counts, state } = await transaction.moveCount(
    after.generationId,
    countedAs(before.state),
    countedAs(after.state),
  );
  const newState = generationState(counts);
  if (newState !== state) {
    const { tenantId, generationId } = after;
    const isFinal = isGenerationFinal(newState);
    await transaction.setGenerationState(generationId, newState, isFinal ? at : undefined);
    if (isFinal) events.push({ type: 'generation.finished', tenantId, generationId, at, state: newState });
  }
  await transaction.appendEvents(events);
  return true;
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
