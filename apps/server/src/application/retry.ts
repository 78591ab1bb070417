import { ModelError } from './model-errors.ts';
import type { Pauses } from './model-ports.ts';

export interface RetryPolicy {
  /** Tries in a row that bring nothing before the error stands. */
  readonly maxTries: number;
  /** First pause; each further one doubles. */
  readonly baseMs: number;
  readonly maxMs: number;
}

/** Eight tries over about two minutes. */
export const DEFAULT_RETRY_POLICY: RetryPolicy = Object.freeze({ maxTries: 8, baseMs: 500, maxMs: 60_000 });

/** A pause that a hub may ask for is not waited out beyond this. */
const LONGEST_ASKED_PAUSE_MS = 5 * 60_000;

/**
 * Pause before the try after `failedTries` failed ones: what the hub asked for, else exponential with half of it
 * random, so that many machines cut off together do not come back together.
 */
export function pauseBefore(failedTries: number, error: ModelError, policy: RetryPolicy, random: number): number {
  if (error.retryAfterMs !== undefined) return Math.min(error.retryAfterMs, LONGEST_ASKED_PAUSE_MS);
  const full = Math.min(policy.maxMs, policy.baseMs * 2 ** (failedTries - 1));
  return full * (0.5 + random / 2);
}

export interface Retries {
  readonly policy: RetryPolicy;
  readonly pauses: Pauses;
  readonly signal: AbortSignal;
  onRetry(error: ModelError, failedTries: number, waitMs: number): void;
}

/**
 * Repeats an attempt while it fails with a retryable error, up to the policy's number of fruitless tries in a row.
 * An attempt that failed but brought something (`hasProgressed`) counts as the first of a new row: a connection cut
 * every gigabyte must not end a download of thirty.
 */
export async function withRetries<T>(
  retries: Retries,
  attempt: () => Promise<T>,
  hasProgressed: () => boolean = () => false,
): Promise<T> {
  let fruitless = 0;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof ModelError) || !error.retryable || error.code === 'cancelled') throw error;
      fruitless = hasProgressed() ? 1 : fruitless + 1;
      if (fruitless >= retries.policy.maxTries) throw error;
      const waitMs = pauseBefore(fruitless, error, retries.policy, retries.pauses.random());
      retries.onRetry(error, fruitless, waitMs);
      await retries.pauses.wait(waitMs, retries.signal);
    }
  }
}
